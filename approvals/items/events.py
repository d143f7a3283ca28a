"""What the audit log says about held items."""

from enum import StrEnum

from sqlmodel.ext.asyncio.session import AsyncSession

from gateway import Principal, record

from .tables import HeldItem


class ApprovalEvent(StrEnum):
    """Events of a held item; `subject` of the audit row is the item's id."""

    HELD = "item.held"
    HELD_AGAIN = "item.held_again"
    OPENED = "item.opened"
    CLAIMED = "item.claimed"
    CLAIM_RELEASED = "item.claim_released"
    VOTED = "item.voted"
    APPROVED = "item.approved"
    EDITED = "item.edited"
    REJECTED = "item.rejected"
    SENT_BACK = "item.sent_back"
    UNDONE = "item.undone"
    REASSIGNED = "item.reassigned"
    ESCALATED = "item.escalated"
    REP_ASKED = "item.rep_asked"
    REP_ANSWERED = "item.rep_answered"
    CUSTOMER_WAITS = "item.customer_waits"
    CUSTOMER_WAITS_NO_LONGER = "item.customer_waits_no_longer"
    REMINDED = "item.reminded"
    LAPSED = "item.lapsed"
    ALTERED = "item.altered"
    CANCELLED = "item.cancelled"
    EXPIRED = "item.expired"
    TOOK_EFFECT = "item.took_effect"
    SENT = "item.sent"
    NOT_SENT = "item.not_sent"
    QUEUES_CHANGED = "queue.changed"
    SUBJECT_KNOWN = "account.subject_known"
    SUBJECT_FORGOTTEN = "account.subject_forgotten"
    ACCOUNTS_JOINED = "account.joined"
    ACCOUNTS_PARTED = "account.parted"
    ABSENCE_SET = "absence.set"
    ABSENCE_ENDED = "absence.ended"
    CHANGE_ACCEPTED = "rule.change_accepted"
    CHANGE_PUT_ASIDE = "rule.change_put_aside"
    REPLY_WITHDRAWN = "rule.reply_withdrawn"


def record_item(
    session: AsyncSession, event: ApprovalEvent, actor: Principal | str, item: HeldItem, **detail: object
) -> None:
    """Record an event of an item, with its round and the hash of its text as it now is."""
    record(
        session,
        event,
        actor,
        conversation=item.conversation,
        run=item.run,
        subject=str(item.id),
        hash=item.current_hash,
        round=item.round,
        **detail,
    )
