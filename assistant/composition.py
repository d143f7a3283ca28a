"""What is known only where everything is put together: every package's audit events."""

from approvals import ApprovalEvent
from assistant.admin.events import AuditReading
from assistant.answer import RunAudit
from gateway import register_events
from retrieval import RetrievalEvent


def register_all_events() -> None:
    """Make every package's audit events known; called once at the entry of a process."""
    for events in (ApprovalEvent, AuditReading, RunAudit, RetrievalEvent):
        register_events(events)
