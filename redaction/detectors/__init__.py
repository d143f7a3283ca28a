"""What finds identities in a text."""
