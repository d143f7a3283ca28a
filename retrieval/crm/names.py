"""Names of tables and columns, made from what files and their headings are called."""

from __future__ import annotations

import re
from collections.abc import Iterable

MAX_BYTES = 63  # PostgreSQL cuts longer names silently

_WORD_ENDS = re.compile(r"(?<=[a-z0-9])(?=[A-Z])|(?<=[A-Z])(?=[A-Z][a-z])")


def snake_case(name: str) -> str:
    """``"Total Casual Leaves"`` → ``total_casual_leaves``; empty when no letter or digit is in ``name``."""
    words = _WORD_ENDS.sub("_", name.strip())
    plain = re.sub(r"_+", "_", re.sub(r"\W+", "_", words)).strip("_").lower()
    if plain[:1].isdigit():
        plain = f"c_{plain}"
    return _cut(plain, MAX_BYTES)


def column_names(headings: Iterable[str]) -> dict[str, str]:
    """Heading → column name; names that would be equal get a number (``description``, ``description_2``)."""
    names: dict[str, str] = {}
    taken: set[str] = set()
    for position, heading in enumerate(headings, 1):
        base = snake_case(heading) or f"column_{position}"
        name, number = base, 1
        while name in taken:
            number += 1
            name = f"{_cut(base, MAX_BYTES - 4)}_{number}"
        taken.add(name)
        names[heading] = name
    return names


def singular(table: str) -> str:
    """``clients`` → ``client``, ``companies`` → ``company``; a guess, good enough to find a key."""
    if table.endswith("ies"):
        return f"{table[:-3]}y"
    return table[:-1] if table.endswith("s") and not table.endswith("ss") else table


def _cut(name: str, limit: int) -> str:
    return name.encode()[:limit].decode(errors="ignore").rstrip("_")
