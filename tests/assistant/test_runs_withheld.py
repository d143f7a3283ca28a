"""A record that is taken away from a rep is gone from yesterday's answers too."""

import uuid
from typing import Any

import pytest

from assistant.answer import EventKind
from assistant.restoring import Viewer
from assistant.runs.follow import restored_events
from assistant.runs.tables import RunEvent
from assistant.runs.withheld import NOT_SHOWN, NOT_YOURS
from gateway import PartUnavailable, Principal
from retrieval import Grant, RetrievalClient

from .test_restoring import REP, CountingDoor

RUN = uuid.uuid4()


class Rights(RetrievalClient):
    """Sees what it is told to see, or is away."""

    def __init__(self, *visible: str, away: bool = False) -> None:
        self._visible, self._away = visible, away

    async def grant(self, *_arguments: object, **_options: object) -> Grant:
        return Grant(grant="signed", seconds=60)

    async def visible(self, principal: Principal, entities: tuple[str, ...]) -> tuple[str, ...]:
        if self._away:
            raise PartUnavailable("retrieval", "away")
        return tuple(entity for entity in entities if entity in self._visible)


def event(seq: int, kind: EventKind, run: uuid.UUID = RUN, **data: Any) -> RunEvent:
    return RunEvent(run_id=run, seq=seq, kind=kind, data=data)


def passage(n: int, entity: str, **changes: Any) -> dict[str, Any]:
    standard = {"n": n, "entity": entity, "title": f"Title {n}", "text": f"Text {n}", "url": "https://crm/1"}
    return {**standard, "open": False, **changes}


SOURCES = event(
    2,
    EventKind.SOURCES,
    passages=[passage(1, "note:1"), passage(2, "note:2"), passage(3, "article:1", open=True)],
    facts=[{"n": 4, "entity": "account:1", "label": "balance", "value": "EUR 7"}],
)
ANSWER = [
    SOURCES,
    event(3, EventKind.SENTENCE, text="From one. [1]", citations=[1]),
    event(4, EventKind.SENTENCE, text="From two and four. [2][4]", citations=[2, 4]),
    event(5, EventKind.SENTENCE, text="From an article. [3]", citations=[3]),
    event(6, EventKind.RELEASED, text="All of it. [1][2]", citations=[1, 2]),
]


async def read(rights: Rights, events: list[RunEvent], sources: list[RunEvent]) -> list[Any]:
    viewer = Viewer(CountingDoor(), rights, REP, uuid.uuid4())
    return [shown["data"] for shown in await restored_events(viewer, events, sources)]


async def test_what_is_still_theirs_is_shown_whole() -> None:
    shown = await read(Rights("note:1", "note:2", "account:1"), ANSWER, [SOURCES])
    assert shown == [one.data for one in ANSWER]


async def test_a_record_that_was_taken_away_is_gone_with_all_that_rests_on_it() -> None:
    sources, one, two, article, released = await read(Rights("note:1"), ANSWER, [SOURCES])
    assert [row["text"] for row in sources["passages"]] == ["Text 1", NOT_YOURS, "Text 3"]
    assert sources["passages"][1]["title"] != "Title 2"
    assert sources["passages"][1]["url"] is None
    assert sources["facts"] == []
    assert one["text"] == "From one. [1]"
    assert two["text"] == NOT_SHOWN
    assert article["text"] == "From an article. [3]"
    assert released["text"] == NOT_SHOWN


@pytest.mark.parametrize(
    ("kind", "data"),
    [
        (EventKind.SENTENCE, {"text": "All of it is due.", "citations": []}),
        (EventKind.RELEASED, {"text": "Note one says it. [1]", "citations": [1], "edited": True}),
        (EventKind.RELEASED, {"text": "EUR 4,000, says the officer.", "citations": [], "edited": False}),
        (EventKind.REJECTED, {"note": "The balance is EUR 4,000.", "reason": "wrong"}),
        (EventKind.SENT_BACK, {"note": "Say that EUR 4,000 are due."}),
    ],
)
async def test_what_may_rest_on_any_record_goes_with_the_first_of_them(
    kind: EventKind, data: dict[str, Any]
) -> None:
    one = event(7, kind, **data)
    [kept] = await read(Rights("note:1", "note:2", "account:1"), [one], [SOURCES])
    assert kept == data
    [gone] = await read(Rights("note:1"), [one], [SOURCES])
    assert NOT_SHOWN in gone.values()
    assert "4,000" not in str(gone)


async def test_that_a_right_was_lost_is_still_told() -> None:
    one = event(7, EventKind.REJECTED, note="You may no longer see it.", reason="rights")
    [told] = await read(Rights(), [one], [SOURCES])
    assert told["note"] == "You may no longer see it."


async def test_who_follows_comes_back_when_rights_cannot_be_asked() -> None:
    viewer = Viewer(CountingDoor(), Rights(away=True), REP, uuid.uuid4())
    with pytest.raises(PartUnavailable):
        await restored_events(viewer, ANSWER, [SOURCES], again=True)


async def test_whoever_skips_the_sources_reads_no_more() -> None:
    [shown] = await read(Rights("note:1"), [ANSWER[2]], [SOURCES])
    assert shown["text"] == NOT_SHOWN


async def test_numbers_count_within_their_run() -> None:
    other = event(3, EventKind.SENTENCE, uuid.uuid4(), text="Small. [2]", citations=[2])
    [shown] = await read(Rights("note:1"), [other], [SOURCES])
    assert shown["text"] == "Small. [2]"


async def test_while_rights_cannot_be_asked_only_what_is_open_to_all_is_shown() -> None:
    sources, one, _two, article, _released = await read(Rights(away=True), ANSWER, [SOURCES])
    assert [row["text"] for row in sources["passages"]] == [NOT_YOURS, NOT_YOURS, "Text 3"]
    assert (one["text"], article["text"]) == (NOT_SHOWN, "From an article. [3]")
