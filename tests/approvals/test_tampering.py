"""One byte of a payload is changed by whoever owns the database: it is not released."""

import json
import random
from typing import Any

import pytest

from approvals import (
    ALTERED,
    Effect,
    ItemState,
    PayloadChanged,
    approve,
    edit,
    sweep,
    take_effect,
    withhold_altered,
)
from gateway import Database

from .queues import OFFICER, POLICY, SECOND, have_read, held, let_pass, untriggered

CHANGES = 1_000
_CHANGE = "UPDATE approvals.held_item SET {} = CAST(:changed AS jsonb) WHERE id = :id"


def one_byte_changed(stored: str, chance: random.Random) -> Any:
    """The same JSON but for one byte, as another value; tried until it is one."""
    before = json.loads(stored)
    raw = stored.encode()
    while True:
        place = chance.randrange(len(raw))
        changed = raw[:place] + bytes([chance.randrange(1, 128)]) + raw[place + 1 :]
        try:
            after = json.loads(changed)
        except ValueError:
            continue
        if after != before and "\\u0000" not in json.dumps(after):
            return after


async def test_of_a_thousand_changes_of_one_byte_none_is_released(database: Database) -> None:
    chance = random.Random(20261122)  # noqa: S311
    async with database.transaction() as session:
        item = await held(session)
        await approve(session, POLICY, OFFICER, item.id, item.payload_hash)
        await let_pass(session, 60)
        stored = json.dumps(item.payload, ensure_ascii=False, separators=(",", ":"))
    refused = 0
    for _ in range(CHANGES):
        async with database.transaction() as session:
            changed = json.dumps(one_byte_changed(stored, chance))
            await untriggered(session, _CHANGE.format("payload"), changed=changed, id=item.id)
            try:
                await take_effect(session, item.id, item.payload_hash)
            except PayloadChanged:
                refused += 1
            await session.rollback()
    assert refused == CHANGES
    async with database.transaction() as session:
        assert isinstance(await take_effect(session, item.id, item.payload_hash), Effect)


async def test_of_a_thousand_changes_of_one_byte_of_an_edited_text_none_is_released(
    database: Database,
) -> None:
    """Edited by one and agreed by another: what would go out is the edit, and both texts are kept."""
    chance = random.Random(20261123)  # noqa: S311
    async with database.transaction() as session:
        item = await held(session)
        edited = await edit(session, POLICY, OFFICER, item.id, item.payload_hash, "We refund 90 EUR. [1]")
        await have_read(session, edited)
        agreed = await approve(session, POLICY, SECOND, item.id, edited.current_hash)
        await let_pass(session, 60)
        final_hash = agreed.current_hash
        stored = {
            column: json.dumps(value, ensure_ascii=False, separators=(",", ":"))
            for column, value in (("payload", agreed.payload), ("final_payload", agreed.final_payload))
        }
    refused = dict.fromkeys(stored, 0)
    for number in range(CHANGES):
        column = ("final_payload", "payload")[number % 2]
        async with database.transaction() as session:
            changed = json.dumps(one_byte_changed(stored[column], chance))
            await untriggered(session, _CHANGE.format(column), changed=changed, id=item.id)
            try:
                await take_effect(session, item.id, final_hash)
            except PayloadChanged:
                refused[column] += 1
            await session.rollback()
    assert refused == dict.fromkeys(stored, CHANGES // 2)
    async with database.transaction() as session:
        effect = await take_effect(session, item.id, final_hash)
        assert isinstance(effect, Effect)
        assert effect.payload.text == "We refund 90 EUR. [1]"


async def test_a_hash_that_was_changed_with_the_payload_was_approved_by_nobody(database: Database) -> None:
    async with database.transaction() as session:
        item, other = await held(session), await held(session)
        await approve(session, POLICY, OFFICER, item.id, item.payload_hash)
        await let_pass(session, 60)
    forged = other.held().with_edit("Pay 90,000 EUR.")
    async with database.transaction() as session:
        assert not await withhold_altered(session, item.id), "its text is still what was approved"
        await untriggered(
            session,
            "UPDATE approvals.held_item SET payload = CAST(:payload AS jsonb), payload_hash = :hash, "
            "current_hash = :hash WHERE id = :id",
            payload=json.dumps(forged.as_json()),
            hash=forged.digest(),
            id=item.id,
        )
        with pytest.raises(PayloadChanged):
            await take_effect(session, item.id, forged.digest())


async def test_a_state_that_was_set_by_hand_releases_nothing(database: Database) -> None:
    async with database.transaction() as session:
        item = await held(session)
        await untriggered(
            session,
            "UPDATE approvals.held_item SET state = :state, decided_by = :by, decided_at = now(), "
            "effective_after = now() WHERE id = :id",
            state=ItemState.APPROVED,
            by=OFFICER.id,
            id=item.id,
        )
        with pytest.raises(PayloadChanged):
            await take_effect(session, item.id, item.payload_hash)
        assert await withhold_altered(session, item.id)
        await sweep(session)
        effect = await take_effect(session, item.id, item.payload_hash)
        assert isinstance(effect, Effect)
        assert (effect.state, effect.released, effect.reason) == (ItemState.EXPIRED, False, ALTERED)
