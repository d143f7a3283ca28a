"""Tables of very many texts that keep none of them: sorted hashes, twelve bytes a text.

Hashes are Python's own, salted anew in each process and 64 bits wide: nobody can aim at a collision, and
one by chance is not to be expected in the life of an installation. Whatever is found is compared again
with the entry that it stands for, so that a collision costs time and no wrong name.
"""

from __future__ import annotations

from array import array
from bisect import bisect_left, bisect_right

import numpy as np
from numpy.typing import NDArray

_NONE: tuple[int, ...] = ()


class HashSet:
    """Whether a hash was among those given."""

    def __init__(self, hashes: array[int]) -> None:
        self._sorted = _longs(np.unique(np.frombuffer(hashes, np.int64)))

    def __len__(self) -> int:
        return len(self._sorted)

    def __contains__(self, key: int) -> bool:
        place = bisect_left(self._sorted, key)
        return place < len(self._sorted) and self._sorted[place] == key


class HashTable:
    """Row numbers by hash. Most lookups miss, and a miss costs one look at a small map."""

    def __init__(self, hashes: array[int], rows: array[int]) -> None:
        keys = np.frombuffer(hashes, np.int64)
        order = np.argsort(keys, kind="stable")
        self._keys = _longs(keys[order])
        self._rows = _integers(np.frombuffer(rows, np.int32)[order])
        self._mask = (1 << max(10, (8 * len(keys)).bit_length())) - 1
        seen = np.zeros(self._mask + 1, np.bool_)
        seen[keys & self._mask] = True
        self._seen = seen.tobytes()

    def __len__(self) -> int:
        return len(self._keys)

    def rows(self, key: int) -> tuple[int, ...]:
        """All rows of a hash, in the order in which they were given."""
        if not self._seen[key & self._mask]:
            return _NONE
        first = bisect_left(self._keys, key)
        last = bisect_right(self._keys, key, first)
        return tuple(self._rows[first:last])


class RowsByNumber:
    """Row numbers by a small number that each row has: the rows of one record, say."""

    def __init__(self, numbers: array[int]) -> None:
        given = np.frombuffer(numbers, np.int32)
        order = np.argsort(given, kind="stable")
        self._numbers = _integers(given[order])
        self._rows = _integers(order.astype(np.int32))

    def rows(self, number: int) -> tuple[int, ...]:
        """All rows with this number."""
        first = bisect_left(self._numbers, number)
        return tuple(self._rows[first : bisect_right(self._numbers, number, first)])


def _longs(numbers: NDArray[np.int64]) -> array[int]:
    plain = array("q")
    plain.frombytes(numbers.tobytes())
    return plain


def _integers(numbers: NDArray[np.int32]) -> array[int]:
    plain = array("i")
    plain.frombytes(numbers.tobytes())
    return plain
