"""How risky a text is: rules over words, amounts, likeness and checks; a value with reasons."""
