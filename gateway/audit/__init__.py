"""The record: events written in the fact's transaction, sealed into a tree, anchored outside."""

from .anchors import Anchoring
from .events import AuditEvent, GatewayEvent, record, register_events, registered_events
from .export import export_record, prove_event, verifier_source
from .notes import VerifierKey, verifier_of
from .sealer import Sealer
from .settings import ORIGIN, AnchorSettings
from .tables import AuditCheckpoint, AuditRow, AuditSeal
from .timeline import RunTimeline, TimelineStep, run_timeline
from .verify import Verification, verify_audit

__all__ = [
    "ORIGIN",
    "AnchorSettings",
    "Anchoring",
    "AuditCheckpoint",
    "AuditEvent",
    "AuditRow",
    "AuditSeal",
    "GatewayEvent",
    "RunTimeline",
    "Sealer",
    "TimelineStep",
    "Verification",
    "VerifierKey",
    "export_record",
    "prove_event",
    "record",
    "register_events",
    "registered_events",
    "run_timeline",
    "verifier_of",
    "verifier_source",
    "verify_audit",
]
