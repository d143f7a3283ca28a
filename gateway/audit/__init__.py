"""The record: events written in the fact's transaction, sealed into a tree, anchored outside."""

from .anchors import Anchoring
from .checkpoints import Checkpointing
from .events import AuditEvent, GatewayEvent, as_code, record, register_events, registered_events
from .export import export_record, prove_event, span_between, verifier_source
from .log_keys import record_key, record_keys, with_their_ends
from .notes import VerifierKey
from .people import ids_in, logins_of
from .retention import (
    HoldScope,
    RecordClass,
    Retention,
    RetentionSettings,
    class_of,
    held_now,
    lift_hold,
    list_holds,
    place_hold,
)
from .sealer import Sealer
from .settings import ORIGIN, AnchorSettings
from .steps import TimelineStep
from .stillness import begin_erasing, keep_still
from .tables import AuditCheckpoint, AuditHold, AuditRow, AuditSeal
from .timeline import FoundRun, Missing, RunTimeline, find_runs, is_same_prompt, run_timeline
from .verify import Verification, verify_audit

__all__ = [
    "ORIGIN",
    "AnchorSettings",
    "Anchoring",
    "AuditCheckpoint",
    "AuditEvent",
    "AuditHold",
    "AuditRow",
    "AuditSeal",
    "Checkpointing",
    "FoundRun",
    "GatewayEvent",
    "HoldScope",
    "Missing",
    "RecordClass",
    "Retention",
    "RetentionSettings",
    "RunTimeline",
    "Sealer",
    "TimelineStep",
    "Verification",
    "VerifierKey",
    "as_code",
    "begin_erasing",
    "class_of",
    "export_record",
    "find_runs",
    "held_now",
    "ids_in",
    "is_same_prompt",
    "keep_still",
    "lift_hold",
    "list_holds",
    "logins_of",
    "place_hold",
    "prove_event",
    "record",
    "record_key",
    "record_keys",
    "register_events",
    "registered_events",
    "run_timeline",
    "span_between",
    "verifier_source",
    "verify_audit",
    "with_their_ends",
]
