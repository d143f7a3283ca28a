"""A big request is long work, and nobody else waits for it: the event loop turns all the while."""

import asyncio
import time
import uuid

import pytest

from gateway import TextPart

from .conftest import ANNA, ANNA_MAIL, Site, principal
from .test_door_failing import another_door

STALL_S = 0.25
"""Generous: measured are 30 ms, while detection of such a request takes seconds."""

_SENTENCES = (
    "{name} wrote from {mail} that the pump of order {n} leaks and asked for a call at +44 20 7946 {n:04}. ",
    "Deliver to {n} Station Road, Leeds LS1 4DY, and send the invoice over GBP {n}.00 to {name}. ",
    "The compressor was exchanged on 2026-03-{d:02}; nothing else is known about the noise. ",
    "Please pay from DE89 3704 0044 0532 0130 00 or call {name} back, card 4111 1111 1111 1111. ",
)


def paragraph(number: int, characters: int) -> str:
    """Prose of a support desk, with something to find in every sentence."""
    text = ""
    while len(text) < characters:
        n = number * 31 + len(text)
        name, mail = (ANNA, ANNA_MAIL) if n % 3 else ("Ruth Amberley", f"r{n % 9}@mail.example")
        text += _SENTENCES[n % 4].format(name=name, mail=mail, n=n % 40, d=n % 28 + 1)
    return text[:characters]


class Pulse:
    """How long the loop did not turn, in seconds of this process's own work.

    A clock on the wall would measure what else the machine does. What counts here is what the loop waits for:
    its own thread's computing, a thread that keeps the interpreter, a search for garbage.
    """

    def __init__(self) -> None:
        self.longest = 0.0
        self.beats = 0

    async def beat(self) -> None:
        while True:
            worked = time.process_time()
            await asyncio.sleep(0.001)
            self.longest = max(self.longest, time.process_time() - worked)
            self.beats += 1


@pytest.mark.timeout(300)
@pytest.mark.parametrize(("parts", "characters"), [(512, 780), (6, 60_000)])
async def test_the_event_loop_turns_while_a_big_request_is_redacted(
    fresh: Site, parts: int, characters: int
) -> None:
    texts = [TextPart(str(n), paragraph(n, characters)) for n in range(parts)]
    async with another_door(fresh) as (_, http, client):
        http.timeout = 240
        pulse, began = Pulse(), time.process_time()
        beating = asyncio.create_task(pulse.beat())
        done = await client.redact(principal(), uuid.uuid4(), texts, purpose="context")
        beating.cancel()
        worked = time.process_time() - began
    assert done.hidden > 10
    assert not any(ANNA in part.text for part in done.parts)
    assert pulse.longest < STALL_S, f"the event loop stood still for {pulse.longest:.3f} s of work"
    assert pulse.beats > 50
    print(f"{parts} x {characters}: longest stall {pulse.longest:.3f} s of {worked:.1f} s of work")
