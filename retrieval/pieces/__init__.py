"""Rows cut into pieces, and the references in their texts."""

from .cut import CUT, FACTS, Piece, facts_of, prose_in, prose_of, texts_to_read
from .split import split
from .words import as_terms, plain_references, references_in, with_references, without_references

__all__ = [
    "CUT",
    "FACTS",
    "Piece",
    "as_terms",
    "facts_of",
    "plain_references",
    "prose_in",
    "prose_of",
    "references_in",
    "split",
    "texts_to_read",
    "with_references",
    "without_references",
]
