"""What waits: the exact text by its hash, who asked, and what was said about it."""
