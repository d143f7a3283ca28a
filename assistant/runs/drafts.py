"""Kept drafts go with their conversation, and when the time of the events of answers is over."""

from datetime import timedelta
from typing import Final

from sqlalchemy import text

from assistant.answer import RunAudit
from gateway import Database, RecordClass, RetentionSettings, begin_erasing, log, record

_ERASE: Final = text(
    "WITH standing AS (SELECT scope, value FROM gateway.audit_hold WHERE lifted_at IS NULL), gone AS ("
    " DELETE FROM assistant.generation g USING assistant.run r"
    " JOIN assistant.conversation c ON c.id = r.conversation_id"
    " WHERE r.id = g.run_id AND (c.deleted_at IS NOT NULL OR g.at < now() - CAST(:kept AS interval))"
    " AND NOT EXISTS (SELECT FROM standing h WHERE h.scope = 'all'"
    " OR h.value = CASE h.scope WHEN 'run' THEN r.id WHEN 'conversation' THEN c.id"
    " WHEN 'actor' THEN r.principal_id END ::text"
    " OR h.scope IN ('actor', 'subject') AND EXISTS (SELECT FROM gateway.audit_event e"
    " WHERE e.run = r.id::text AND h.value = CASE h.scope WHEN 'actor' THEN e.actor ELSE e.subject END))"
    " RETURNING r.id, c.deleted_at) SELECT count(*) AS drafts, count(DISTINCT id) AS runs,"
    " count(deleted_at) AS of_deleted FROM gone"
)


class Drafts:
    """What runs keep to be replayed. Any number of processes may erase of it."""

    def __init__(self, database: Database, settings: RetentionSettings) -> None:
        self._database = database
        self._days = settings.days(RecordClass.ANSWERS)

    async def erase_due(self) -> int:
        """Erase the drafts of deleted conversations, and those older than the content of answers' events may
        be; gives how many. A legal hold on any event of a run keeps its drafts too. While the record is read
        it waits."""
        kept = timedelta(days=self._days) if self._days is not None else None
        async with self._database.transaction() as session:
            if not await begin_erasing(session):
                log.info("drafts.retention_waits")
                return 0
            gone = (await (await session.connection()).execute(_ERASE, {"kept": kept})).one()
            if gone.drafts:
                record(session, RunAudit.DRAFTS_ERASED, "work", kept_days=self._days, **gone._mapping)
            return int(gone.drafts)
