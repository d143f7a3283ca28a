"""The tree is that of RFC 6962, and its proofs prove what they say and nothing else."""

from collections.abc import Sequence
from hashlib import sha256

import pytest
from hypothesis import given
from hypothesis import strategies as st

from gateway.audit.merkle import (
    EMPTY_ROOT,
    Frontier,
    Span,
    consistency_spans,
    full_subtrees,
    inclusion_spans,
    leaf_hash,
    span_hash,
)
from gateway.audit.standalone.verify_record import Tree, grew, includes

ENTRIES = [
    b"",
    b"\x00",
    b"\x10",
    b"\x20\x21",
    b"\x30\x31",
    b"\x40\x41\x42\x43",
    b"\x50\x51\x52\x53\x54\x55\x56\x57",
    b"\x60\x61\x62\x63\x64\x65\x66\x67\x68\x69\x6a\x6b\x6c\x6d\x6e\x6f",
]


def mth(entries: Sequence[bytes]) -> bytes:
    """MTH of section 2.1, word for word."""
    if not entries:
        return sha256(b"").digest()
    if len(entries) == 1:
        return sha256(b"\x00" + entries[0]).digest()
    k = largest_power_below(len(entries))
    return sha256(b"\x01" + mth(entries[:k]) + mth(entries[k:])).digest()


def path(m: int, entries: Sequence[bytes]) -> list[bytes]:
    """PATH of section 2.1.1, word for word."""
    if len(entries) == 1:
        return []
    k = largest_power_below(len(entries))
    if m < k:
        return [*path(m, entries[:k]), mth(entries[k:])]
    return [*path(m - k, entries[k:]), mth(entries[:k])]


def subproof(m: int, entries: Sequence[bytes], whole: bool) -> list[bytes]:
    """SUBPROOF of section 2.1.2, word for word."""
    n = len(entries)
    if m == n:
        return [] if whole else [mth(entries)]
    k = largest_power_below(n)
    if m <= k:
        return [*subproof(m, entries[:k], whole), mth(entries[k:])]
    return [*subproof(m - k, entries[k:], False), mth(entries[:k])]


def largest_power_below(n: int) -> int:
    k = 1
    while k * 2 < n:
        k *= 2
    return k


def hashes(spans: Sequence[Span], entries: Sequence[bytes]) -> list[bytes]:
    """The subtrees' hashes, each from the full subtrees in it."""

    def full(level: int, place: int) -> bytes:
        return mth(entries[place << level : (place + 1) << level])

    return [span_hash(span, full) for span in spans]


def test_the_roots_of_the_usual_test_vectors() -> None:
    assert mth([]) == EMPTY_ROOT
    assert EMPTY_ROOT.hex() == "e3b0c44298fc1c149afbf4c8996fb92427ae41e4649b934ca495991b7852b855"
    known = {
        1: "6e340b9cffb37a989ca544e6bb780a2c78901d3fb33738768511a30617afa01d",
        2: "fac54203e7cc696cf0dfcb42c92a1d9dbaf70ad9e621f4bd8d98662f00e3c125",
        3: "aeb6bcfe274b70a14fb067a5e5578264db0fa9b51af5e0ba159158f329e06e77",
        5: "4e3bbb1f7b478dcfe71fb631631519a3bca12c9aefca1612bfce4c13a86264d4",
        8: "5dc9da79a70659a9ad559cb701ded9a2ab9d823aad2f4960cfe370eff4604328",
    }
    for size, root in known.items():
        assert frontier(ENTRIES[:size]).root().hex() == root


def frontier(entries: Sequence[bytes]) -> Frontier:
    made = Frontier()
    for entry in entries:
        made.append(leaf_hash(entry))
    return made


def some_entries(count: int) -> list[bytes]:
    return [number.to_bytes(3, "big") for number in range(count)]


@pytest.mark.parametrize("size", range(1, 34))
def test_every_proof_of_small_trees_is_that_of_the_definition(size: int) -> None:
    entries = some_entries(size)
    for index in range(size):
        assert hashes(inclusion_spans(index, size), entries) == path(index, entries)
    for old in range(1, size + 1):
        assert hashes(consistency_spans(old, size), entries) == subproof(old, entries, True)


SIZES = st.integers(1, 700)


@given(SIZES, st.data())
def test_a_leaf_is_proven_at_its_own_place_alone(size: int, data: st.DataObject) -> None:
    entries, index = some_entries(size), data.draw(st.integers(0, size - 1))
    proof, root = hashes(inclusion_spans(index, size), entries), mth(entries)
    leaf = leaf_hash(entries[index])
    assert includes(leaf, index, size, proof, root)
    other = data.draw(st.integers(0, size - 1))
    assert includes(leaf_hash(entries[other]), index, size, proof, root) is (other == index)
    assert includes(leaf, other, size, proof, root) is (other == index)
    if proof:
        bent = list(proof)
        bent[data.draw(st.integers(0, len(proof) - 1))] = data.draw(st.binary(min_size=32, max_size=32))
        assert not includes(leaf, index, size, bent, root)
        assert not includes(leaf, index, size, proof[:-1], root)
    assert not includes(leaf, index, size, [*proof, root], root)


@given(SIZES, SIZES, st.data())
def test_a_tree_is_proven_to_have_grown_out_of_its_own_beginning_alone(
    one: int, other: int, data: st.DataObject
) -> None:
    old, size = sorted((one, other))
    entries = some_entries(size)
    proof, root = hashes(consistency_spans(old, size), entries), mth(entries)
    assert grew(old, mth(entries[:old]), size, root, proof)
    changed = [*entries[: old - 1], b"x", *entries[old:]]
    assert not grew(old, mth(changed[:old]), size, root, proof)
    assert not grew(old, mth(entries[:old]), size, mth([*entries[:-1], b"y"]), proof)
    if proof:
        bent = list(proof)
        bent[data.draw(st.integers(0, len(proof) - 1))] = data.draw(st.binary(min_size=32, max_size=32))
        assert not grew(old, mth(entries[:old]), size, root, bent)
        assert not grew(old, mth(entries[:old]), size, root, proof[:-1])


@given(st.integers(0, 2_000))
def test_a_growing_tree_has_the_root_of_the_definition_and_tells_what_it_completes(size: int) -> None:
    entries, grown, other = some_entries(size), Frontier(), Tree()
    completed: dict[tuple[int, int], bytes] = {}
    for entry in entries:
        leaf = leaf_hash(entry)
        completed |= {(level, place): found for level, place, found in grown.append(leaf)}
        other.append(leaf)
    assert grown.root() == other.root() == mth(entries)
    for (level, place), found in list(completed.items())[-20:]:
        assert found == mth(entries[place << level : (place + 1) << level])
    assert set(completed) == {(level, place) for level in range(1, 12) for place in range(size >> level)}


@given(st.integers(0, 10_000))
def test_a_span_is_made_of_full_subtrees_without_gap_or_overlap(size: int) -> None:
    end = 0
    levels = []
    for level, place in full_subtrees((0, size)):
        assert place << level == end
        end = (place + 1) << level
        levels.append(level)
    assert end == size
    assert levels == sorted(set(levels), reverse=True)


@pytest.mark.parametrize(("index", "size"), [(-1, 1), (0, 0), (3, 3), (4, 3)])
def test_no_leaf_is_proven_that_a_tree_does_not_have(index: int, size: int) -> None:
    with pytest.raises(ValueError, match="has no leaf"):
        inclusion_spans(index, size)
    assert not includes(b"x" * 32, index, size, [], b"x" * 32)


def test_no_tree_has_grown_out_of_a_larger_one() -> None:
    with pytest.raises(ValueError, match="has not grown"):
        consistency_spans(4, 3)
    assert consistency_spans(0, 3) == consistency_spans(3, 3) == []
