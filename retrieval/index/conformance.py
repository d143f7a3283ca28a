"""Whether an engine does what the index relies on: the same checks for each, here and where it is installed.

Everything happens on scratch generations, which are removed again. A check that an engine has nothing to show
for (no second connection, no TLS) is passed over and said to be.
"""

import asyncio
import time
from collections.abc import AsyncIterator, Awaitable, Callable, Sequence
from contextlib import asynccontextmanager
from dataclasses import dataclass, replace
from pathlib import Path
from typing import Final, cast

from gateway import PartUnavailable
from retrieval.rights import Visibility

from .answers import ServerFailed
from .copies import fill_from_copy, write_copy
from .errors import IndexFailed
from .generations import Recipe, Store
from .points import BATCH, Hit, Index, IndexedChunk, IndexedRow, Known, Leg, Sparse

_SIZE: Final = 8
_RECIPE: Final = Recipe("conformance", _SIZE, "1.1")
_MANY: Final = BATCH + 60
_REFUSALS: Final = (401, 403)


class Unfit(Exception):
    """An engine does something else than the index relies on; the sentence says what."""


class PassedOver(Exception):
    """The engine has nothing to show for a check; the sentence says why."""


@dataclass(frozen=True, slots=True)
class CheckOutcome:
    """How a check ended: `passed` is None when it was passed over, `why` says so or what is wrong."""

    check: str
    passed: bool | None
    why: str
    seconds: float


class Bench:
    """An open store and the ways to open it anew.

    `connect` gives one more connection; None where there can be only one. `strangers` are stores that must
    not get in, each with a sentence for when it does. `replicas` counts the active copies of each shard, of
    which there should be `copies_wanted`. `folder` is for files.
    """

    def __init__(
        self,
        store: Store,
        folder: Path,
        *,
        connect: Callable[[], Awaitable[Store]] | None = None,
        strangers: Sequence[tuple[str, Callable[[], Store]]] = (),
        replicas: Callable[[Index], Awaitable[dict[int, int]]] | None = None,
        copies_wanted: int = 1,
    ) -> None:
        self.store = store
        self.folder = folder
        self.copies_wanted = copies_wanted
        self.connect = connect
        self.strangers = strangers
        self.replicas = replicas

    @asynccontextmanager
    async def index(self, recipe: Recipe = _RECIPE) -> AsyncIterator[Index]:
        """A scratch generation; removed at the end."""
        generation = await self.store.create(recipe)
        opened = await self.store.open(generation)
        try:
            yield opened
        finally:
            await opened.close()
            await self.store.drop(generation)


Check = Callable[[Bench], Awaitable[None]]


async def conform(bench: Bench) -> AsyncIterator[CheckOutcome]:
    """Carry out every check, whatever the others said."""
    for name, check in CHECKS.items():
        began = time.monotonic()
        passed: bool | None = None
        why = ""
        try:
            await check(bench)
            passed = True
        except PassedOver as reason:
            why = str(reason)
        except (Unfit, PartUnavailable) as error:
            passed, why = False, str(error)
        except Exception as error:  # noqa: BLE001 - whatever an engine does, the other checks are done too
            passed, why = False, f"{type(error).__name__}: {error}"
        yield CheckOutcome(name, passed, why, time.monotonic() - began)


async def _hidden_rows_are_not_found(bench: Bench) -> None:
    async with bench.index() as index:
        await _put(index, _row(1), _row(2, acl=("b",)), _row(3, acl=()), _row(4, acl=("a", "b")))
        leg = _words(_PUMP)
        for grants, wanted in (
            (("a",), {"1", "4"}),
            (("b", "c"), {"2", "4"}),
            (("a", "b"), {"1", "2", "4"}),
            (("c",), set()),
            ((), set()),
        ):
            found = await _found(index, leg, grants)
            _expect(set(found) == wanted, f"with {grants} {sorted(found)} are found, not {sorted(wanted)}")
        await _fill_vectors(index, {"1": 0, "2": 0, "3": 0, "4": 0})
        found = await _found(index, Leg(vector=_unit(0)), ("b",))
        _expect(set(found) == {"2", "4"}, f"by meaning {sorted(found)} are found")


async def _scores_do_not_tell_of_hidden_rows(bench: Bench) -> None:
    async with bench.index() as index:
        await _put(index, _row(1, terms=(_PUMP, _RARE)), _row(2))
        ((before, *_),) = await index.search(_sees("a"), [_words(_RARE)])
        hidden = [_row(key, terms=(_RARE,), acl=("b",)) for key in range(10, 60)]
        await _put(index, *hidden)
        ((after, *_),) = await index.search(_sees("a"), [_words(_RARE)])
        _expect(
            abs(before.score - after.score) < 1e-4 * abs(before.score),
            f"a word's score went from {before.score:.4f} to {after.score:.4f} by rows that nobody here may "
            "see: the engine passes over the corpus of IDF",
        )


async def _rare_words_are_worth_more(bench: Bench) -> None:
    async with bench.index() as index:
        await _put(index, *(_row(key) for key in range(1, 20)), _row(20, terms=(_RARE,)))
        found = await _found(index, _words(_PUMP, _RARE))
        _expect(found[0] == "20", f"the rare word's row is not the first of {found[:3]}")


async def _legs_keep_to_records_and_kinds(bench: Bench) -> None:
    async with bench.index() as index:
        await _put(index, _row(1), _row(2, up="account:2"), _row(3, kind="note"))
        legs = [
            replace(_words(_PUMP), within=("account:2",)),
            replace(_words(_PUMP), kinds=("note",)),
            replace(_words(_PUMP), kinds=("note",), within=("account:2",)),
            replace(_words(_PUMP), limit=2),
        ]
        answers = await index.search(_sees("a"), legs)
        keys = [{hit.key for hit in hits} for hits in answers]
        _expect(keys[:3] == [{"2"}, {"3"}, set()], f"the legs found {keys[:3]}")
        _expect(len(answers[3]) == 2, f"{len(answers[3])} hits are more than were wanted")


async def _meaning_and_words_are_answered_together(bench: Bench) -> None:
    async with bench.index() as index:
        await _put(index, _row(1), _row(2, terms=(_RARE,)), _row(3, terms=(_RARE,)))
        _expect(len(await index.waiting(9)) == 3, "not every piece without a vector is known to wait")
        await _fill_vectors(index, {"1": 0, "2": 1})
        words, meaning = await index.search(
            _sees("a"), [_words(_PUMP), Leg(vector=[0.9, 0.3, *[0.0] * (_SIZE - 2)])]
        )
        _expect([hit.key for hit in words] == ["1"], f"words found {_keys(words)}")
        _expect([hit.key for hit in meaning] == ["1", "2"], f"meaning found {_keys(meaning)}, nearest first")
        _expect(abs(meaning[0].score - 0.9487) < 0.01, f"{meaning[0].score:.4f} is no cosine")
        _expect([piece.key for piece in await index.waiting(9)] == ["3"], "a piece waits for nothing")
        counts = await index.counts(["article"])
        _expect(tuple(counts["article"]) == (3, 2), f"{counts['article']} are counted, not 3 and 2")


async def _vectors_stay_while_the_text_does(bench: Bench) -> None:
    async with bench.index() as index:
        await _put(index, _row(1))
        await _fill_vectors(index, {"1": 0})
        await _put(index, replace(_row(1, acl=("b",)), version="2"))
        _expect(not await index.waiting(9), "the vector is lost when only rights change")
        _expect(await index.rights() == {"article:1": frozenset({"b"})}, "the new rights are not there")
        _expect(await _found(index, _words(_PUMP), ("a",)) == [], "the old rights are still good")
        moved = _row(1, acl=("b",), digest="moved")
        await _put(index, replace(moved, version="3"))
        _expect(not await index.waiting(9), "the vector is lost though what was embedded is the same")
        await _put(index, replace(_row(1, acl=("b",), digest="new", vdigest="new"), version="4"))
        _expect(len(await index.waiting(9)) == 1, "a piece with another text keeps the old vector")


async def _vectors_are_found_by_what_was_embedded(bench: Bench) -> None:
    async with bench.index() as index:
        await _put(index, _row(1, vdigest="x"), _row(2, vdigest="x"), _row(3, vdigest="y"))
        await _fill_vectors(index, {"1": 2})
        found = await index.vectors_for(["x", "y", "z", ""])
        _expect(set(found) == {"x"}, f"vectors are given for {sorted(found)}")
        _expect(abs(found["x"][2] - 1.0) < 1e-4, "another vector is given than was stored")


async def _pieces_that_are_gone_are_taken_out(bench: Bench) -> None:
    async with bench.index() as index:
        first = _row(1)
        longer = replace(first, chunks=(*first.chunks, replace(first.chunks[0], ordinal=1, digest="second")))
        known = await _put(index, longer)
        _expect(len(known["article:1"].points) == 2, "two pieces are not two points")
        await _put(index, replace(first, version="2"))
        left = (await index.load())["article"]["1"]
        _expect(len(left.points) == 1 and left.version == "2", "a piece that is gone is still there")
        await index.drop(list(left.points))
        _expect(await index.load() == {}, "what was dropped is still there")
        await index.drop(list(left.points))  # twice is once


async def _half_written_rows_have_no_version(bench: Bench) -> None:
    async with bench.index() as index:
        first = _row(1)
        longer = replace(first, chunks=(*first.chunks, replace(first.chunks[0], ordinal=1, digest="second")))
        known = await _put(index, longer)
        await index.drop(list(known["article:1"].points)[:1])
        _expect((await index.load())["article"]["1"].version == "", "half of a row is taken for all of it")


async def _more_than_a_batch_is_written_and_read(bench: Bench) -> None:
    async with bench.index() as index:
        await _put(index, *(_row(key) for key in range(_MANY)))
        _expect(len((await index.load())["article"]) == _MANY, "not all rows are read again")
        _expect(len(await index.rights()) == _MANY, "not all rights are read again")
        some = ["article:1", "article:2", "nowhere:1"]
        _expect(sorted(await index.rights(some)) == some[:2], "other rights are read than were asked for")
        points = [point for row in (await index.load())["article"].values() for point in row.points]
        vectors = {point: _unit(place % _SIZE) for place, point in enumerate(points)}
        await index.add_vectors(vectors)
        _expect(tuple((await index.counts(["article"]))["article"]) == (_MANY, _MANY), "vectors are missing")
        await index.drop(points)
        _expect(await index.load() == {}, "not all were dropped")


async def _acknowledged_writes_are_read_by_others(bench: Bench) -> None:
    if bench.connect is None:
        raise PassedOver("there is only one connection")
    generation = await bench.store.create(_RECIPE)
    try:
        index = await bench.store.open(generation)
        other = await bench.connect()
        try:
            for number in range(20):
                await _put(index, replace(_row(1, acl=(f"right-{number}",)), version=str(number)))
                read = await other.open(generation)
                _expect(
                    await read.rights() == {"article:1": frozenset({f"right-{number}"})},
                    "a write that was acknowledged is not read by another connection",
                )
                await read.close()
        finally:
            await other.close()
        await index.close()
    finally:
        await bench.store.drop(generation)


async def _writing_and_searching_go_on_together(bench: Bench) -> None:
    async with bench.index() as index:
        await _put(index, *(_row(key) for key in range(50)))

        async def write() -> None:
            for round_ in range(5):
                await _put(index, *(replace(_row(key), version=str(round_)) for key in range(50)))

        async def search() -> None:
            for _ in range(10):
                found = await _found(index, replace(_words(_PUMP), limit=100))
                _expect(
                    len(set(found)) == 50, f"{len(set(found))} of 50 rows are found while they are written"
                )

        await asyncio.gather(write(), *(search() for _ in range(4)))


async def _dimensions_do_not_mix(bench: Bench) -> None:
    async with bench.index() as index:
        await _put(index, _row(1))
        (piece,) = await index.waiting(2)
        for attempt in (
            index.add_vectors({piece.id: [1.0] * (_SIZE + 1)}),
            index.search(_sees("a"), [Leg(vector=[1.0] * (_SIZE - 1))]),
        ):
            try:
                await attempt
            except IndexFailed:
                continue
            raise Unfit("a vector of another length is taken")


async def _generations_are_switched_at_once(bench: Bench) -> None:
    store = bench.store
    first = await store.create(_RECIPE)
    second = await store.create(replace(_RECIPE, dimensions=_SIZE + 1))
    try:
        _expect(await store.current() not in (first, second), "what was just made is asked already")
        _expect((await store.generations())[-2:] == [first, second], "the generations are not both there")
        await store.switch(first)
        _expect(await store.current() == first, "the first is not asked after the switch")
        seen = set()

        async def look() -> None:
            for _ in range(40):
                seen.add(await store.current())

        async def switch() -> None:
            await store.switch(second)

        await asyncio.gather(look(), switch())
        _expect(seen <= {first, second}, "there is a moment without a generation that is asked")
        _expect(await store.current() == second, "the second is not asked after the switch")
        third = await store.create(_RECIPE)
        _expect(third.number > second.number, "numbers do not grow")
        await store.drop(third)
        try:
            await store.drop(second)
        except ValueError:
            pass
        else:
            raise Unfit("the generation that is asked can be dropped")
    finally:
        if await store.current() != first:
            await store.drop(first)


async def _a_copy_is_restored_beside(bench: Bench) -> None:
    store, copy = bench.store, bench.folder / "copy"
    async with bench.index() as index:
        await _put(index, _row(1), _row(2, acl=("b",)), _row(3, acl=()))
        await _fill_vectors(index, {"1": 0})
        await write_copy(copy, _RECIPE, index)
        known, rights = await index.load(), await index.rights()
        await _put(index, _row(9))
        restored = await fill_from_copy(store, copy)
        try:
            again = await store.open(restored)
            _expect(await again.load() == known, "the copy holds something else than was there")
            _expect(await again.rights() == rights, "the copy holds other rights")
            _expect(await _found(again, Leg(vector=_unit(0))) == ["1"], "the copy holds no vectors")
            _expect(await _found(again, _words(_PUMP)) == ["1"], "the copy holds no words")
            await again.close()
        finally:
            await store.drop(restored)


async def _strangers_do_not_get_in(bench: Bench) -> None:
    if not bench.strangers:
        raise PassedOver("the engine is in this process, or has neither key nor TLS")
    for sentence, stranger in bench.strangers:
        store = stranger()
        try:
            await store.start()
            await store.generations()
        except ServerFailed as error:
            if error.untrusted or error.server_status in _REFUSALS:
                continue
            raise Unfit(f"whether {sentence} is not seen: {error.sentence}") from error
        finally:
            await store.close()
        raise Unfit(sentence)


async def _copies_of_shards_are_there(bench: Bench) -> None:
    if bench.replicas is None:
        raise PassedOver("the settings ask for no replicas")
    async with bench.index() as index:
        await _put(index, _row(1))
        shards = await bench.replicas(index)
        _expect(bool(shards), "the server names no shard")
        _expect(
            set(shards.values()) == {bench.copies_wanted},
            f"{bench.copies_wanted} copies of each shard were asked for, and these are active: {shards}",
        )


CHECKS: Final[dict[str, Check]] = {
    "hidden rows are not found": _hidden_rows_are_not_found,
    "scores do not tell of hidden rows": _scores_do_not_tell_of_hidden_rows,
    "rare words are worth more": _rare_words_are_worth_more,
    "legs keep to records and kinds": _legs_keep_to_records_and_kinds,
    "meaning and words are answered together": _meaning_and_words_are_answered_together,
    "vectors stay while the text does": _vectors_stay_while_the_text_does,
    "vectors are found by what was embedded": _vectors_are_found_by_what_was_embedded,
    "pieces that are gone are taken out": _pieces_that_are_gone_are_taken_out,
    "half-written rows have no version": _half_written_rows_have_no_version,
    "more than a batch is written and read": _more_than_a_batch_is_written_and_read,
    "acknowledged writes are read by others": _acknowledged_writes_are_read_by_others,
    "writing and searching go on together": _writing_and_searching_go_on_together,
    "dimensions do not mix": _dimensions_do_not_mix,
    "generations are switched at once": _generations_are_switched_at_once,
    "a copy is restored beside": _a_copy_is_restored_beside,
    "strangers do not get in": _strangers_do_not_get_in,
    "copies of shards are there": _copies_of_shards_are_there,
}

_PUMP: Final = 101
_RARE: Final = 202


@dataclass(frozen=True, slots=True)
class _Grants:
    """Rights to scratch points, which are nobody's: no visibility of a person is made here."""

    grants: tuple[str, ...]


def _sees(*grants: str) -> Visibility:
    return cast("Visibility", _Grants(grants))


def _row(
    key: int,
    *,
    kind: str = "article",
    acl: tuple[str, ...] = ("a",),
    up: str = "account:1",
    terms: Sequence[int] = (_PUMP,),
    digest: str = "",
    vdigest: str = "",
) -> IndexedRow:
    weights = Sparse(list(terms), [1.0] * len(terms))
    chunk = IndexedChunk("body", 0, digest or f"digest {key}", weights, True, vdigest or f"text {key}")
    return IndexedRow(kind, str(key), "1", "shape", "", acl, (up,), (chunk,) if acl else ())


def _unit(place: int) -> list[float]:
    return [1.0 if one == place else 0.0 for one in range(_SIZE)]


def _words(*terms: int) -> Leg:
    return Leg(terms=Sparse(list(terms), [1.0] * len(terms)))


async def _put(index: Index, *rows: IndexedRow) -> dict[str, Known]:
    there = await index.load()
    known = {row.ref: there[row.kind][row.key] for row in rows if row.key in there.get(row.kind, {})}
    written: dict[str, Known] = await index.put(rows, known)
    await index.flush()
    return written


async def _fill_vectors(index: Index, places: dict[str, int]) -> None:
    waiting = {piece.key: piece.id for piece in await index.waiting(1_000)}
    await index.add_vectors({waiting[key]: _unit(place) for key, place in places.items() if key in waiting})


async def _found(index: Index, leg: Leg, grants: tuple[str, ...] = ("a",)) -> list[str]:
    (hits,) = await index.search(_sees(*grants), [leg])
    return _keys(hits)


def _keys(hits: Sequence[Hit]) -> list[str]:
    return [hit.key for hit in hits]


def _expect(holds: bool, otherwise: str) -> None:
    if not holds:
        raise Unfit(otherwise)
