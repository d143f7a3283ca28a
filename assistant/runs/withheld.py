"""Stored answers hold records: what rests on one that is no longer the reader's is taken out at reading.

A sentence goes when a record that it cites is gone. Where it cites none, and where an officer wrote, nobody
can say what it rests on, so it goes when any of the run's records is gone.
"""

import uuid
from collections.abc import Iterable, Mapping, Sequence
from typing import Any, Final

from assistant.answer import EventKind

from .tables import RunEvent

NOT_YOURS: Final = "This record is not yours to see any more, or cannot be checked now."
NOT_SHOWN: Final = "(What stood here rests on a record that is not yours to see any more.)"
_SAYING: Final = frozenset({EventKind.SENTENCE, EventKind.RELEASED})
_NOTING: Final = frozenset({EventKind.REJECTED, EventKind.SENT_BACK})


def records_in(sources: Sequence[RunEvent]) -> frozenset[str]:
    """The records that these `sources` events hold, but for those that everybody may read."""
    return frozenset(
        str(row["entity"]) for event in sources for row in _rows(event.data) if not row.get("open")
    )


def withhold(
    events: Sequence[RunEvent], sources: Sequence[RunEvent], visible: frozenset[str]
) -> list[Mapping[str, Any]]:
    """The data of `events` without the content of records that are not `visible`.

    `sources` are the events of that kind of the same runs.
    """
    gone = records_in(sources) - visible
    lost: dict[uuid.UUID, set[int]] = {}
    for event in sources:
        lost.setdefault(event.run_id, set()).update(_numbers(event.data, gone))
    return [_without(event, gone, lost.get(event.run_id, set())) for event in events]


def _without(event: RunEvent, gone: frozenset[str], lost: set[int]) -> Mapping[str, Any]:
    data = event.data
    if event.kind == EventKind.SOURCES:
        return {
            **data,
            "passages": [_passage(row) if row["entity"] in gone else row for row in data["passages"]],
            "facts": [row for row in data["facts"] if row["entity"] not in gone],
        }
    if event.kind in _SAYING and lost and _rests_on(data, lost):
        return {**data, "text": NOT_SHOWN, "citations": []}
    if event.kind in _NOTING and lost and data.get("note") and data.get("reason") != "rights":
        return {**data, "note": NOT_SHOWN}
    return data


def _rests_on(data: Mapping[str, Any], lost: set[int]) -> bool:
    cited = {*data.get("citations", ())}
    return not cited or bool(cited & lost) or bool(data.get("edited"))


def _passage(row: Mapping[str, Any]) -> Mapping[str, Any]:
    return {**row, "title": "–", "text": NOT_YOURS, "url": None, "withheld": True}


def _numbers(data: Mapping[str, Any], gone: frozenset[str]) -> Iterable[int]:
    return (row["n"] for row in _rows(data) if row["entity"] in gone)


def _rows(data: Mapping[str, Any]) -> list[Mapping[str, Any]]:
    return [*data["passages"], *data["facts"]]
