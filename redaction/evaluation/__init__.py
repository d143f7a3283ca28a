"""How well detection does on labelled texts."""
