"""Recording: each package declares its events as a StrEnum, registered when a process is composed."""

import re
import uuid
from collections.abc import Mapping
from enum import StrEnum
from hashlib import sha256
from typing import Final

from sqlmodel.ext.asyncio.session import AsyncSession

from gateway.principal import Principal
from gateway.telemetry import correlation_id, request_origin

from .tables import AuditRow

_CODE: Final = re.compile(r"[!-~]{0,300}")
AuditEvent = StrEnum
"""The base of a package's events: `subject.verb`."""


class GatewayEvent(StrEnum):
    """What the gateway records."""

    SIGNED_IN = "session.signed_in"
    SIGN_IN_FAILED = "session.sign_in_failed"
    SIGNED_OUT = "session.signed_out"
    TOKEN_ISSUED = "token.issued"  # noqa: S105 - an event's name
    TOKEN_REVOKED = "token.revoked"  # noqa: S105 - an event's name
    ACCOUNT_CREATED = "account.created"
    ACCOUNT_DISABLED = "account.disabled"
    ACCOUNT_ENABLED = "account.enabled"
    ROLES_CHANGED = "account.roles_changed"
    PASSWORD_CHANGED = "account.password_changed"  # noqa: S105 - an event's name
    PASSWORD_REMOVED = "account.password_removed"  # noqa: S105 - an event's name
    TEXT_REDACTED = "text.redacted"
    TEXT_RESTORED = "text.restored"
    TEXT_REFUSED = "text.refused"
    TEXT_EMBEDDED = "text.embedded"
    TEXT_RERANKED = "text.reranked"
    MODEL_CALLED = "model.called"
    MODEL_ANSWERED = "model.answered"
    IDENTITIES_PUBLISHED = "identities.published"
    RECORD_ERASED = "audit.erased"
    KEY_CHANGED = "audit.key_changed"
    HOLD_PLACED = "audit.hold_placed"
    HOLD_LIFTED = "audit.hold_lifted"


_registered: dict[str, type[StrEnum]] = {event.value: GatewayEvent for event in GatewayEvent}


def register_events(events: type[StrEnum]) -> None:
    """Make a package's events known. Raises `ValueError` when a name is taken by another package."""
    for event in events:
        if _registered.setdefault(event.value, events) is not events:
            raise ValueError(f"the audit event {event.value} is declared twice")


def registered_events() -> Mapping[str, type[StrEnum]]:
    """Every event that may be recorded, by name."""
    return dict(_registered)


def record(
    session: AsyncSession,
    event: StrEnum,
    actor: Principal | str,
    *,
    conversation: uuid.UUID | str | None = None,
    run: uuid.UUID | str | None = None,
    subject: str | None = None,
    **detail: object,
) -> None:
    """Insert an event into the transaction of the fact it records.

    `detail` holds no content: numbers, flags, hashes, ids and codes, in lists and by name; what has white
    space or other than ASCII goes through `as_code`. Where somebody asks in the actor's name, `by` in it says
    who. Raises `ValueError` for an event that no package registered, and for a subject or a detail that could
    be a text: with white space, other than ASCII, or of more than 300 characters.
    """
    if event.value not in _registered:
        raise ValueError(f"the audit event {event.value} is not registered")
    _check(event, "subject", subject)
    for name, value in detail.items():
        _check(event, name, value)
    principal = actor if isinstance(actor, Principal) else None
    if principal and principal.by:
        detail["by"] = as_code(principal.by)
    session.add(
        AuditRow(
            event=event.value,
            actor=principal.id if principal else str(actor),
            roles=sorted(principal.roles) if principal else ["process"],
            conversation=str(conversation) if conversation else None,
            run=str(run) if run else None,
            subject=subject,
            detail=dict(detail),
            correlation=correlation_id(),
            origin=request_origin(),
        )
    )


def as_code(name: str) -> str:
    """A name that somebody else has chosen, as a CRM's key or login: itself where the record takes it, else
    its SHA-256 (`sha256:…`), which who knows the name can compute."""
    return name if _CODE.fullmatch(name) else f"sha256:{sha256(name.encode()).hexdigest()}"


def _check(event: StrEnum, name: str, value: object) -> None:
    """Refuse what could be a text: of a record that cannot be changed, none could be taken out again."""
    if value is None or isinstance(value, bool | int | float):
        return
    if isinstance(value, str):
        if _CODE.fullmatch(value):
            return
    elif isinstance(value, Mapping):
        for key, inner in value.items():
            _check(event, name, key)
            _check(event, name, inner)
        return
    elif isinstance(value, list | tuple):
        for inner in value:
            _check(event, name, inner)
        return
    raise ValueError(f"the detail {name} of {event.value} is no number, flag, id or code")
