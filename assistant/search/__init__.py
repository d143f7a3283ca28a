"""Searching without an answer: what the caller may see, ranked."""
