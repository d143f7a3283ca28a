"""What retrieval records."""

from enum import StrEnum
from typing import Any

from gateway import Database, Principal, record, register_events


class RetrievalEvent(StrEnum):
    """Events of record search."""

    SEARCHED = "records.searched"
    REVEAL_GRANTED = "reveal.granted"
    SYNC_ASKED = "sync.asked"
    SYNC_VERIFIED = "sync.verified"
    SYNC_RESOLVED = "sync.resolved"
    SYNC_REBUILT = "sync.rebuilt"
    PARKED_RETRIED = "sync.retried"
    RIGHTS_EXPLAINED = "rights.explained"
    SLOT_LOST = "sync.slot_lost"
    INDEX_KEPT = "index.kept"


async def record_asked(
    database: Database, event: RetrievalEvent, principal: Principal, **detail: Any
) -> None:
    """Commit that an administrator asked for it, before it is done: what cannot be recorded is not done."""
    async with database.transaction() as session:
        record(session, event, principal, **detail)


def register_retrieval_events() -> None:
    """Make them known to the audit log; called when a process is composed."""
    register_events(RetrievalEvent)
