"""Several doors give out tokens in one conversation at once, and agree."""

import asyncio
import random
import uuid
from typing import Any

import pytest
from sqlalchemy import text
from sqlmodel import select
from sqlmodel.ext.asyncio.session import AsyncSession

from gateway import CloisterError, DoorClient, Principal, TextPart
from gateway.identities import TokenRow
from redaction import find_tokens

from .conftest import ANNA, ANNA_MAIL, BORIS, COMPANY, Site, principal
from .test_door_failing import another_door

VALUES = (
    ANNA, ANNA_MAIL, BORIS, COMPANY, "+49 30 5550192", "r.haverkamp@gmail.com", "s.lindqvist@gmail.com",
    "DE89 3704 0044 0532 0130 00", "+44 20 7946 0958", "4111 1111 1111 1111",
)  # fmt: skip
PUBLISHED = text("SELECT coalesce((SELECT version FROM gateway.identity_version), 0)")


async def unlocked(session: AsyncSession, _conversation: uuid.UUID) -> int:
    """What `lock_conversation` gives, without the lock."""
    return int((await (await session.connection()).execute(PUBLISHED)).scalar_one())


async def race(
    doors: list[DoorClient], rep: Principal, conversation: uuid.UUID, requests: int, seed: int
) -> dict[str, str]:
    """Many requests at once, each with some values in some order; what became of each text."""
    chance = random.Random(seed)  # noqa: S311 - a seed, not a secret
    texts = []
    for number in range(requests):
        some = chance.sample(VALUES, chance.randint(1, 5))
        texts.append(f"{number}: " + " and then ".join(some) + ".")

    async def ask(door: DoorClient, words: str) -> str:
        done = await door.redact(rep, conversation, [TextPart("q", words)], purpose="edit")
        return done.parts[0].text

    asked = [ask(doors[number % len(doors)], words) for number, words in enumerate(texts)]
    return dict(zip(texts, await asyncio.gather(*asked), strict=True))


async def check(
    site: Site, doors: list[DoorClient], rep: Principal, became: dict[str, Any], place: uuid.UUID
) -> None:
    for masked in became.values():
        assert not any(value in masked for value in VALUES), masked
    for door in doors:
        restored = await door.restore(rep, place, list(became.values()))
        assert list(restored.texts) == list(became)
    async with site.database.transaction() as session:
        rows = list(await session.exec(select(TokenRow).where(TokenRow.conversation == place)))
        values = await site.envelope.open_many(session, [(row.subject, row.sealed) for row in rows])
    standing = {token for masked in became.values() for _, _, token in find_tokens(masked)}
    assert standing == {row.token for row in rows}
    assert len({(value, row.entity) for row, value in zip(rows, values, strict=True)}) == len(rows)


@pytest.mark.parametrize("seed", range(3))
async def test_two_doors_that_race_in_one_conversation_agree(fresh: Site, seed: int) -> None:
    rep, place = principal(), uuid.uuid4()
    async with another_door(fresh) as (_, _, second), another_door(fresh) as (_, _, third):
        doors = [second, third]
        await check(fresh, doors, rep, await race(doors, rep, place, 24, seed), place)


@pytest.mark.parametrize("seed", range(3))
async def test_without_the_lock_the_table_alone_keeps_one_token_for_one_value(
    fresh: Site, monkeypatch: pytest.MonkeyPatch, seed: int
) -> None:
    monkeypatch.setattr("gateway.door.redactor.lock_conversation", unlocked)
    monkeypatch.setattr("gateway.identities.tokens._TRIES", 50)
    rep, place = principal(), uuid.uuid4()
    async with another_door(fresh) as (_, _, second), another_door(fresh) as (_, _, third):
        doors = [second, third]
        await check(fresh, doors, rep, await race(doors, rep, place, 16, seed), place)


async def test_who_always_comes_second_is_asked_to_try_again(
    fresh: Site, monkeypatch: pytest.MonkeyPatch
) -> None:
    rep, place = principal(), uuid.uuid4()
    async with another_door(fresh) as (_, _, door):
        await door.redact(rep, place, [TextPart("q", ANNA)], purpose="edit")

        async def nothing(*_: object) -> Any:
            from gateway.identities import ConversationTokens

            return ConversationTokens(place, [])  # as if it had been read before the other door wrote

        monkeypatch.setattr("gateway.door.redactor.load_tokens", nothing)
        with pytest.raises(CloisterError) as refused:
            await door.redact(rep, place, [TextPart("q", BORIS)], purpose="edit")
    assert refused.value.status == 409
