"""Why a decision is not taken: each states the fact, and what the reviewer sees anew after loading again.

Conflict (409)
├── AlreadyDecided      ├── ClaimedByAnother    ├── OwnRequest
├── PayloadChanged      ├── DeadlinePassed      ├── TooLateToUndo
└── NeedsConfirmation   (its problem carries `confirm: true`)
"""

from gateway import Conflict


class PolicyFaults(Exception):
    """The policy file cannot be used: one line a fault, where it is and what is wrong."""


class AlreadyDecided(Conflict):
    """The item is not pending any more."""

    def __init__(self, state: str) -> None:
        super().__init__("This item has already been decided.", state=state)


class ClaimedByAnother(Conflict):
    """Another reviewer is reading the item."""

    def __init__(self) -> None:
        super().__init__("Another officer has claimed this item.")


class OwnRequest(Conflict):
    """The reviewer asked the question: someone else decides."""

    def __init__(self) -> None:
        super().__init__("This is your own request; another officer has to decide it.")


class PayloadChanged(Conflict):
    """The decision names another text than the one that is held now."""

    def __init__(self) -> None:
        super().__init__("The text has changed since you opened it. Read it again before you decide.")


class DeadlinePassed(Conflict):
    """The deadline is over; it ends in "not released"."""

    def __init__(self) -> None:
        super().__init__("The deadline of this item has passed; it is not released.")


class TooLateToUndo(Conflict):
    """The undo window is over, or the decision is another's."""

    def __init__(self) -> None:
        super().__init__("This decision can no longer be undone by you.")


class NeedsConfirmation(Conflict):
    """A long text was decided within seconds of opening it."""

    def __init__(self, seconds: float) -> None:
        super().__init__(
            "You opened this text only a moment ago. Decide again to confirm that you have read it.",
            confirm=True,
            seconds_open=round(seconds, 1),
        )
