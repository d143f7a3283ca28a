"""What the audit log says about held items."""

from enum import StrEnum


class ApprovalEvent(StrEnum):
    """Events of a held item; `subject` of the audit row is the item's id."""

    HELD = "item.held"
    OPENED = "item.opened"
    CLAIMED = "item.claimed"
    CLAIM_RELEASED = "item.claim_released"
    VOTED = "item.voted"
    APPROVED = "item.approved"
    EDITED = "item.edited"
    REJECTED = "item.rejected"
    SENT_BACK = "item.sent_back"
    UNDONE = "item.undone"
    CANCELLED = "item.cancelled"
    EXPIRED = "item.expired"
    TOOK_EFFECT = "item.took_effect"
