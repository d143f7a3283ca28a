"""What is written as it is spoken, read back into signs."""
