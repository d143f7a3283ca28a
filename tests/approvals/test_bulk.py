"""Many at a time: the lowest tier alone, each by itself."""

import uuid
from typing import Any

import pytest

from approvals import (
    AlreadyDecided,
    Decision,
    ItemState,
    NotInBulk,
    NotOpened,
    NotRead,
    OwnRequest,
    PayloadChanged,
    RejectionReason,
    Tier,
    Verdict,
    approve,
    decide_many,
    edit,
    votes_on,
)
from gateway import BadInput, Database, NotAllowed, NotFound

from .queues import LONG, OFFICER, POLICY, REP, SECOND, answer, held, let_pass, open_item

APPROVE = Decision(Verdict.APPROVE)


async def test_each_item_is_decided_or_refused_by_itself(database: Database) -> None:
    async with database.transaction() as session:
        good, other = await held(session), await held(session)
        top, mine = await held(session, tier=Tier.TOP), await held(session, requester=OFFICER)
        edited, gone = await held(session), await held(session)
        long = await held(session, payload=answer(LONG))
        await approve(session, POLICY, SECOND, gone.id, gone.payload_hash)
        second_text = await edit(session, POLICY, SECOND, edited.id, edited.payload_hash, "Other.")
        items = [(one.id, one.payload_hash) for one in (good, top, mine, gone, long)]
        items += [(other.id, "0" * 64), (uuid.uuid4(), "0" * 64), (edited.id, second_text.current_hash)]
        outcomes = await decide_many(session, POLICY, OFFICER, items, APPROVE)
        assert [one.item for one in outcomes] == [item for item, _ in items]
        assert outcomes[0].decided is not None
        assert outcomes[0].decided.state is ItemState.APPROVED
        refusals = [type(one.refusal) for one in outcomes[1:]]
        assert refusals == [
            NotInBulk,
            OwnRequest,
            AlreadyDecided,
            NotRead,
            PayloadChanged,
            NotFound,
            NotInBulk,
        ]
        assert [vote.entry for vote in await votes_on(session, good.id)] == ["bulk"]


async def test_what_was_never_opened_is_not_approved_many_at_a_time(database: Database) -> None:
    async with database.transaction() as session:
        items = [await held(session, read=False) for _ in range(50)]
        await open_item(session, OFFICER, items[7].id)
        pairs = [(one.id, one.payload_hash) for one in items]
        for verdict in (Verdict.APPROVE, Verdict.FALSE_ALARM):
            outcomes = await decide_many(session, POLICY, OFFICER, pairs[8:], Decision(verdict))
            assert {type(one.refusal) for one in outcomes} == {NotOpened}
        outcomes = await decide_many(session, POLICY, OFFICER, pairs, APPROVE)
        assert [one.item for one in outcomes if one.decided] == [items[7].id]
        wanted = Decision(Verdict.REJECT, reason=RejectionReason.TONE)
        outcomes = await decide_many(session, POLICY, OFFICER, pairs[8:], wanted)
        assert len([one for one in outcomes if one.decided]) == 42


async def test_many_can_be_rejected_with_one_reason(database: Database) -> None:
    async with database.transaction() as session:
        items = [await held(session) for _ in range(3)]
        wanted = Decision(Verdict.REJECT, reason=RejectionReason.TONE)
        pairs = [(one.id, one.payload_hash) for one in items]
        outcomes = await decide_many(session, POLICY, OFFICER, pairs, wanted)
        assert [one.decided.state for one in outcomes if one.decided] == [ItemState.REJECTED] * 3


async def test_a_long_text_says_whether_it_was_never_opened_or_only_just(database: Database) -> None:
    async with database.transaction() as session:
        never, just = [await held(session, payload=answer(LONG), read=False) for _ in range(2)]
        await open_item(session, OFFICER, just.id)
        pairs = [(one.id, one.payload_hash) for one in (never, just)]
        refusals = [one.refusal for one in await decide_many(session, POLICY, OFFICER, pairs, APPROVE)]
        assert [type(one) for one in refusals] == [NotOpened, NotRead]
        reject = Decision(Verdict.REJECT, reason=RejectionReason.TONE)
        (unread,) = await decide_many(session, POLICY, OFFICER, pairs[:1], reject)
        assert str(unread.refusal).startswith("You have not opened this text.")
        assert str(refusals[1]).startswith("You opened this text only a moment ago.")
        await let_pass(session, 60)
        (read,) = await decide_many(session, POLICY, OFFICER, pairs[1:], APPROVE)
        assert read.decided is not None


@pytest.mark.parametrize(
    "values",
    [
        {"verdict": Verdict.EDIT, "text": "One text for all."},
        {"verdict": Verdict.SEND_BACK, "note": "Again."},
        {"verdict": Verdict.APPROVE, "confirmed": True},
    ],
)
async def test_what_fits_one_item_only_is_refused(database: Database, values: dict[str, Any]) -> None:
    async with database.transaction() as session:
        item = await held(session)
        with pytest.raises(BadInput):
            await decide_many(session, POLICY, OFFICER, [(item.id, item.payload_hash)], Decision(**values))


async def test_too_many_none_or_twice_the_same_is_refused(database: Database) -> None:
    pair = (uuid.uuid4(), "0" * 64)
    async with database.transaction() as session:
        for items in ([], [pair, pair], [(uuid.uuid4(), "0" * 64) for _ in range(51)]):
            with pytest.raises(BadInput):
                await decide_many(session, POLICY, OFFICER, items, APPROVE)
        with pytest.raises(NotAllowed):
            await decide_many(session, POLICY, REP, [pair], APPROVE)
