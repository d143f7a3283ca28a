"""What is logged and raised quotes nobody's text."""

import asyncio
import gc
import io
import json
import logging
import sys
from collections.abc import Iterator

import pytest
from sqlalchemy import text
from sqlalchemy.exc import DBAPIError

from gateway import configure_logging
from tests.gateway.conftest import Site

SECRET = "Anna Weidenbach"


@pytest.fixture
def lines(monkeypatch: pytest.MonkeyPatch) -> Iterator[io.StringIO]:
    """What a process writes to its log."""
    written, root = io.StringIO(), logging.getLogger()
    handlers, level = root.handlers[:], root.level
    monkeypatch.setattr(sys, "stderr", written)
    configure_logging("test")
    yield written
    root.handlers[:] = handlers
    root.setLevel(level)


async def test_a_task_that_nobody_waited_for_does_not_log_what_it_says(lines: io.StringIO) -> None:
    async def fail() -> None:
        raise ValueError(SECRET)

    task = asyncio.create_task(fail(), name="lost")
    await asyncio.wait([task])
    del task
    gc.collect()
    logged = [json.loads(line) for line in lines.getvalue().splitlines()]
    assert [line["event"] for line in logged] == ["Task exception was never retrieved"]
    assert logged[0]["error"] == "ValueError"
    assert SECRET not in lines.getvalue()


async def test_a_callback_that_fails_does_not_log_what_it_was_given(lines: io.StringIO) -> None:
    def fail(given: str) -> None:
        raise ValueError(given)

    done = asyncio.Event()
    loop = asyncio.get_running_loop()
    loop.call_soon(fail, SECRET)
    loop.call_soon(done.set)
    await done.wait()
    assert "Exception in" in lines.getvalue()
    assert SECRET not in lines.getvalue()


async def test_an_error_of_the_database_does_not_quote_what_was_to_be_stored(site: Site) -> None:
    with pytest.raises(DBAPIError) as caught:
        async with site.database.engine.connect() as connection:
            await connection.execute(text("SELECT 1 / 0 WHERE :value <> ''"), {"value": SECRET})
    assert SECRET not in str(caught.value)
