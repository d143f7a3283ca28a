"""Messages of the CRM's log are read as they were written, and anything else is refused."""

from contextlib import suppress
from datetime import UTC, datetime, timedelta

import pytest
from hypothesis import given
from hypothesis import strategies as st

from retrieval.sync.decoding import pgoutput as p
from retrieval.sync.decoding.pgoutput import Garbled, Message, Parser
from retrieval.sync.decoding.transactions import Assembler, Route, Transaction

from .pgoutput_encoder import encode

numbers = st.integers(0, 2**32 - 1)
positions = st.integers(0, 2**64 - 1)
EPOCH = datetime(2000, 1, 1, tzinfo=UTC)
times = st.integers(-(2**48), 2**52).map(lambda found: EPOCH + timedelta(microseconds=found))
names = st.text(st.characters(blacklist_characters="\0", codec="utf-8"), max_size=20)
texts = st.text(st.characters(codec="utf-8"), max_size=40)
rows = st.lists(st.none() | texts | st.just(p.Absent.UNCHANGED), max_size=6).map(tuple)
kinds = st.sampled_from(["key", "row"])
columns = st.builds(p.RelationColumn, st.booleans(), names, numbers, st.integers(-(2**31), 2**31 - 1))
updates = st.builds(p.Update, numbers, rows, kinds, rows) | st.builds(
    p.Update, numbers, st.none(), st.none(), rows
)
changes: st.SearchStrategy[Message] = st.one_of(
    st.builds(
        p.Relation, numbers, names, names, st.sampled_from("dnfi"), st.lists(columns, max_size=5).map(tuple)
    ),
    st.builds(p.TypeName, numbers, names, names),
    st.builds(p.Insert, numbers, rows),
    updates,
    st.builds(p.Delete, numbers, rows, kinds),
    st.builds(p.Truncate, st.lists(numbers, max_size=4).map(tuple), st.booleans(), st.booleans()),
    st.builds(p.LogicalMessage, st.booleans(), positions, names, st.binary(max_size=30)),
)
frames: st.SearchStrategy[Message] = st.one_of(
    st.builds(p.Begin, positions, times, numbers),
    st.builds(p.Commit, positions, positions, times),
    st.builds(p.Origin, positions, names),
    st.builds(p.StreamCommit, numbers, positions, positions, times),
    st.builds(p.StreamAbort, numbers, numbers),
)


@given(changes | frames)
def test_every_message_is_read_as_it_was_written(message: Message) -> None:
    assert Parser().parse(encode(message)) == message


@given(st.lists(st.tuples(numbers, changes), max_size=5), numbers, st.booleans())
def test_messages_in_a_piece_of_an_open_transaction_say_whose_they_are(
    inside: list[tuple[int, Message]], xid: int, first: bool
) -> None:
    parser = Parser()
    assert parser.parse(encode(p.StreamStart(xid, first))) == p.StreamStart(xid, first)
    for owner, message in inside:
        carried = _with_xid(message, owner)
        assert parser.parse(encode(carried, in_piece=True)) == carried
    assert parser.parse(encode(p.StreamStop())) == p.StreamStop()
    assert parser.parse(encode(p.StreamAbort(xid, xid))) == p.StreamAbort(xid, xid)


def _with_xid(message: Message, xid: int) -> Message:
    import dataclasses

    return dataclasses.replace(message, xid=xid)  # type: ignore[arg-type]


@given(st.binary(max_size=60))
def test_anything_else_is_refused_and_never_breaks_the_parser(payload: bytes) -> None:
    with suppress(Garbled):
        Parser().parse(payload or b"?")


@given(changes, st.integers(1, 30))
def test_a_message_that_was_cut_off_is_refused(message: Message, cut: int) -> None:
    whole = encode(message)
    with pytest.raises(Garbled):
        Parser().parse(whole[: max(1, len(whole) - cut)])


class Tables:
    """Two kinds of one table, and a table that moves one of them."""

    def of(self, schema: str, table: str) -> tuple[Route, ...]:
        return {
            ("public", "cases"): (Route("case", "id"), Route("archived", "id")),
            ("public", "members"): (Route("case", "case_id", own=False),),
        }.get((schema, table), ())


def relation(number: int, table: str, *named: str) -> p.Relation:
    return p.Relation(
        number, "public", table, "d", tuple(p.RelationColumn(True, one, 20, -1) for one in named)
    )


def told(*messages: Message) -> list[Transaction]:
    assembler = Assembler(Tables())
    return [done for message in messages if (done := assembler.take(message))]


BEGIN = p.Begin(5, datetime(2026, 1, 1, tzinfo=UTC), 700)
COMMIT = p.Commit(5, 6, datetime(2026, 1, 1, tzinfo=UTC))
CASES, MEMBERS = relation(1, "cases", "id"), relation(2, "members", "id", "case_id")


def test_a_row_that_moves_to_another_key_is_told_under_both() -> None:
    (done,) = told(BEGIN, CASES, p.Update(1, ("7",), "key", ("8",)), COMMIT)
    assert done.touched.rows == {"case": {"7", "8"}, "archived": {"7", "8"}}
    assert (done.xid, done.end_lsn) == (700, 6)


def test_a_row_that_comes_back_is_told_once() -> None:
    (done,) = told(BEGIN, CASES, p.Delete(1, ("7",), "key"), p.Insert(1, ("7",)), COMMIT)
    assert done.touched.rows["case"] == {"7"}


def test_a_table_that_a_kind_follows_moves_the_old_row_and_the_new_one() -> None:
    (done,) = told(BEGIN, MEMBERS, p.Update(2, ("1", "7"), "key", ("1", "9")), COMMIT)
    assert done.touched.rows == {"case": {"7", "9"}}


def test_an_emptied_table_is_everything_of_its_kinds() -> None:
    (done,) = told(BEGIN, CASES, p.Insert(1, ("7",)), p.Truncate((1, 99), False, False), COMMIT)
    assert done.touched.whole == {"case", "archived"}
    assert done.touched.rows == {}


def test_a_long_value_that_did_not_change_leaves_the_key_to_the_old_row() -> None:
    (done,) = told(BEGIN, CASES, p.Update(1, ("7",), "row", (p.Absent.UNCHANGED,)), COMMIT)
    assert done.touched.rows["case"] == {"7"}


def test_pieces_of_open_transactions_are_told_at_their_commit_and_not_after_a_rollback() -> None:
    at = datetime(2026, 1, 1, tzinfo=UTC)
    found = told(
        p.StreamStart(700, True),
        CASES,
        p.Insert(1, ("1",), 700),
        p.StreamStop(),
        p.StreamStart(701, True),
        p.Insert(1, ("2",), 701),
        p.StreamStop(),
        BEGIN,
        p.Insert(1, ("3",)),
        COMMIT,
        p.StreamAbort(700, 700),
        p.StreamStart(701, False),
        p.Insert(1, ("4",), 702),
        p.StreamStop(),
        p.StreamCommit(701, 8, 9, at),
    )
    assert [set(one.touched.rows["case"]) for one in found] == [{"3"}, {"2", "4"}]


def test_changes_of_tables_that_nobody_mapped_are_left_out() -> None:
    (done,) = told(BEGIN, relation(3, "secrets", "id"), p.Insert(3, ("1",)), COMMIT)
    assert len(done.touched) == 0
