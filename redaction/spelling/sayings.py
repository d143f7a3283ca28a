"""The pieces of a text that stand for other signs than they are written with."""

from __future__ import annotations

Piece = tuple[int, int, str]
"""From, to, and what stands there instead."""
Saying = tuple[int, int, list[Piece]]
"""From, to, and the pieces between them; what is in no piece stays as it is written."""
