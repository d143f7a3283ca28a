"""The Merkle tree of RFC 6962: which subtrees a root and a proof are made of, and their hashes.

A subtree is a span of leaves `(first, end)`, end excluded. One that is *full* has 2^level leaves and begins
at a multiple of that; it never changes again, so its hash may be stored. All else is computed from full ones.
"""

from collections.abc import Callable, Iterator
from dataclasses import dataclass, field
from hashlib import sha256
from typing import Final

EMPTY_ROOT: Final = sha256(b"").digest()
"""The root of a tree without leaves (section 2.1)."""

Span = tuple[int, int]
FullHash = Callable[[int, int], bytes]
"""The hash of a full subtree by its level and its place among those of that level."""


def leaf_hash(entry: bytes) -> bytes:
    """SHA-256(0x00 || entry)."""
    return sha256(b"\0" + entry).digest()


def node_hash(left: bytes, right: bytes) -> bytes:
    """SHA-256(0x01 || left || right)."""
    return sha256(b"\1" + left + right).digest()


def inclusion_spans(index: int, size: int) -> list[Span]:
    """The subtrees of PATH(index, D[size]), from the leaf's sibling upwards (section 2.1.1).

    Raises `ValueError` when the tree has no such leaf.
    """
    if not 0 <= index < size:
        raise ValueError(f"a tree of {size} leaves has no leaf {index}")
    spans: list[Span] = []
    first, end = 0, size
    while end - first > 1:
        middle = first + _split(end - first)
        if index < middle:
            spans.append((middle, end))
            end = middle
        else:
            spans.append((first, middle))
            first = middle
    return spans[::-1]


def consistency_spans(old: int, size: int) -> list[Span]:
    """The subtrees of PROOF(old, D[size]) in its order (section 2.1.2); none for an empty or an equal tree.

    Raises `ValueError` when the old tree is larger.
    """
    if not 0 <= old <= size:
        raise ValueError(f"a tree of {size} leaves has not grown from one of {old}")
    if old in (0, size):
        return []
    spans: list[Span] = []
    first, end, whole = 0, size, True
    while old != end:
        middle = first + _split(end - first)
        if old <= middle:
            spans.append((middle, end))
            end = middle
        else:
            spans.append((first, middle))
            first, whole = middle, False
    if not whole:
        spans.append((first, end))
    return spans[::-1]


def full_subtrees(span: Span) -> Iterator[tuple[int, int]]:
    """The full subtrees (level, place) that a span is made of, from the left: at most one of each level.

    The span must be one of a tree: it begins at a multiple of the least power of two that holds it.
    """
    first, end = span
    while first < end:
        level = (end - first).bit_length() - 1
        yield level, first >> level
        first += 1 << level


def span_hash(span: Span, full: FullHash) -> bytes:
    """The hash of a subtree from those of the full subtrees in it; the empty root for none."""
    hashes = [full(level, place) for level, place in full_subtrees(span)]
    if not hashes:
        return EMPTY_ROOT
    found = hashes.pop()
    while hashes:
        found = node_hash(hashes.pop(), found)
    return found


@dataclass
class Frontier:
    """The full subtrees on the right edge of a growing tree: all that appending and its root need."""

    size: int = 0
    hashes: list[bytes] = field(default_factory=list)

    def append(self, leaf: bytes) -> Iterator[tuple[int, int, bytes]]:
        """Take a leaf's hash; gives each subtree that it completes as (level, place, hash), lowest first."""
        self.hashes.append(leaf)
        self.size += 1
        level, rest = 0, self.size
        completed = []
        while rest % 2 == 0:
            right, left = self.hashes.pop(), self.hashes.pop()
            self.hashes.append(node_hash(left, right))
            level, rest = level + 1, rest >> 1
            completed.append((level, rest - 1, self.hashes[-1]))
        return iter(completed)

    def root(self) -> bytes:
        """The root of the tree as it stands."""
        if not self.hashes:
            return EMPTY_ROOT
        found = self.hashes[-1]
        for left in reversed(self.hashes[:-1]):
            found = node_hash(left, found)
        return found


def _split(leaves: int) -> int:
    """The largest power of two smaller than a number of leaves (the k of section 2.1)."""
    return 1 << (leaves - 1).bit_length() - 1
