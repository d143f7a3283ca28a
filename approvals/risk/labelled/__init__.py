"""Labelled texts: what is risky about each. The examples that ship are the likeness's own."""

from .texts import Labelled, read, shipped

__all__ = ["Labelled", "read", "shipped"]
