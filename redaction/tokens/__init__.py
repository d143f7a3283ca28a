"""Tokens: their form, the map of one conversation, replacing and restoring."""
