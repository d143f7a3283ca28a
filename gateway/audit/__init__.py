"""The record: events written in the fact's transaction, sealed into a tree, anchored outside."""

from .anchors import Anchoring
from .events import AuditEvent, GatewayEvent, record, register_events, registered_events
from .export import export_record, prove_event, verifier_source
from .notes import VerifierKey
from .retention import (
    HoldScope,
    RecordClass,
    Retention,
    RetentionSettings,
    class_of,
    lift_hold,
    list_holds,
    place_hold,
)
from .sealer import Sealer
from .settings import ORIGIN, AnchorSettings
from .tables import AuditCheckpoint, AuditHold, AuditRow, AuditSeal
from .timeline import RunTimeline, TimelineStep, run_timeline
from .verify import Verification, record_key, verify_audit

__all__ = [
    "ORIGIN",
    "AnchorSettings",
    "Anchoring",
    "AuditCheckpoint",
    "AuditEvent",
    "AuditHold",
    "AuditRow",
    "AuditSeal",
    "GatewayEvent",
    "HoldScope",
    "RecordClass",
    "Retention",
    "RetentionSettings",
    "RunTimeline",
    "Sealer",
    "TimelineStep",
    "Verification",
    "VerifierKey",
    "class_of",
    "export_record",
    "lift_hold",
    "list_holds",
    "place_hold",
    "prove_event",
    "record",
    "record_key",
    "register_events",
    "registered_events",
    "run_timeline",
    "verifier_source",
    "verify_audit",
]
