"""Parts that run beside a process: what ends them, and who hears of it."""

import asyncio
from contextlib import AsyncExitStack
from typing import Any, cast

import pytest

from retrieval.crm import CrmError, CrmRefused, CrmUnavailable
from retrieval.starting import run_beside
from retrieval.sync import Pulse


class Crm:
    """Answers as it is told."""

    def __init__(self) -> None:
        self.fault: CrmError | None = None
        self.asked = 0

    async def ping(self) -> None:
        self.asked += 1
        if self.fault:
            raise self.fault


async def test_a_crm_that_refuses_is_as_dead_as_one_that_is_silent_and_both_come_back(
    monkeypatch: pytest.MonkeyPatch,
) -> None:
    monkeypatch.setattr("retrieval.sync.pulse._BEAT_S", 0.001)
    crm = Crm()
    pulse = Pulse(cast(Any, crm))

    async def asked_again() -> None:
        before = crm.asked
        async with asyncio.timeout(5):
            while crm.asked < before + 2:  # noqa: ASYNC110 - the pulse is waited for
                await asyncio.sleep(0.001)

    async with AsyncExitStack() as stack:
        run_beside(stack, pulse.run(), "pulse")
        for fault in (CrmRefused("It may not be read."), CrmUnavailable("It does not answer.")):
            crm.fault = fault
            await asked_again()
            assert pulse.fault == str(fault)
            crm.fault = None
            await asked_again()
            assert pulse.fault is None


async def test_a_part_that_fails_ends_the_process_and_one_that_is_stopped_does_not(
    monkeypatch: pytest.MonkeyPatch,
) -> None:
    ended = asyncio.Event()
    monkeypatch.setattr("retrieval.starting._end_process", ended.set)
    async with AsyncExitStack() as stack:
        run_beside(stack, asyncio.Event().wait(), "for ever")  # type: ignore[arg-type]
        await asyncio.sleep(0)
    assert not ended.is_set()

    async def fail() -> None:
        raise RuntimeError("nobody foresaw this")

    async with AsyncExitStack() as stack:
        run_beside(stack, fail(), "failing")
        async with asyncio.timeout(5):
            await ended.wait()
