"""The worker when a part goes away under it."""

import asyncio
from pathlib import Path

import pytest
from sqlalchemy import text

from assistant.work import repeat
from gateway import BadInput, Database, PartUnavailable
from gateway.http import call, create_http_client
from tests.approvals.queues import settings_of


@pytest.mark.parametrize("error", [PartUnavailable("database", "It is away."), OSError(28, "No space left")])
async def test_a_step_that_fails_is_tried_again(error: Exception) -> None:
    tries = 0
    enough = asyncio.Event()

    async def step() -> None:
        nonlocal tries
        tries += 1
        if tries == 1:
            raise error
        enough.set()

    task = asyncio.create_task(repeat(0, step))
    await asyncio.wait_for(enough.wait(), 30)
    task.cancel()
    await asyncio.wait({task})
    assert task.cancelled()


@pytest.mark.parametrize("value", ["a\0b", "half a \ud800 character"])
async def test_text_that_cannot_be_stored_is_bad_input(postgres_dsn: str, tmp_path: Path, value: str) -> None:
    database = Database(settings_of(postgres_dsn, tmp_path))
    try:
        with pytest.raises(BadInput, match="NUL"):
            async with database.transaction() as session:
                connection = await session.connection()
                await connection.execute(text("SELECT CAST(:value AS text)"), {"value": value})
    finally:
        await database.close()


async def test_a_full_disk_is_said_to_be_one(postgres_dsn: str, tmp_path: Path) -> None:
    database = Database(settings_of(postgres_dsn, tmp_path))
    full = "DO $$ BEGIN RAISE EXCEPTION 'could not extend file' USING ERRCODE = '53100'; END $$"
    try:
        with pytest.raises(PartUnavailable, match="no room"):
            async with database.transaction() as session:
                await (await session.connection()).execute(text(full))
    finally:
        await database.close()


async def test_text_that_is_not_unicode_never_leaves_this_process() -> None:
    async with create_http_client("http://127.0.0.1:9") as client:
        with pytest.raises(BadInput):
            await call(client, "door", "POST", "/v1/redact", body={"text": "\ud800"})
