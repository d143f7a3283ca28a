"""What the audit log says about held items."""

from enum import StrEnum


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
    REMINDED = "item.reminded"
    LAPSED = "item.lapsed"
    ALTERED = "item.altered"
    CANCELLED = "item.cancelled"
    EXPIRED = "item.expired"
    TOOK_EFFECT = "item.took_effect"
    SENT = "item.sent"
    NOT_SENT = "item.not_sent"
    QUEUES_CHANGED = "queue.changed"
    ABSENCE_SET = "absence.set"
    ABSENCE_ENDED = "absence.ended"
