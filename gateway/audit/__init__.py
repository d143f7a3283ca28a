"""The record: events written in the fact's transaction, sealed into a chain, anchored outside."""

from .events import AuditEvent, GatewayEvent, record, register_events, registered_events
from .sealer import AnchorSettings, Sealer
from .tables import AuditCheckpoint, AuditRow, AuditSeal
from .verify import Verification, verify_audit

__all__ = [
    "AnchorSettings",
    "AuditCheckpoint",
    "AuditEvent",
    "AuditRow",
    "AuditSeal",
    "GatewayEvent",
    "Sealer",
    "Verification",
    "record",
    "register_events",
    "registered_events",
    "verify_audit",
]
