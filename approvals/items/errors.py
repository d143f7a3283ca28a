"""Why a decision is not taken: each states the fact, and what the reviewer sees anew after loading again.

Conflict (409)
├── AlreadyDecided      ├── ClaimedByAnother    ├── LeaseLost
├── AssignedToAnother   ├── OwnRequest          ├── SamePerson
├── PayloadChanged      ├── DeadlinePassed      ├── TooLateToUndo
├── NothingToEscalateTo ├── NotInBulk           ├── TextAltered
├── NothingAsked        ├── NotRead             ├── NotOpened
└── NeedsConfirmation   (its problem carries `confirm: true`)

Who was quicker is named as pages name colleagues to a stranger: a pseudonym and a role, no identity.
"""

from datetime import datetime
from hashlib import sha256
from typing import Final

from gateway import Conflict


def officer_pseudonym(account: str) -> str:
    """An officer's name where no identity is shown: the same for the same officer."""
    return f"officer-{sha256(account.encode()).hexdigest()[:4]}"


class AlreadyDecided(Conflict):
    """The item is not pending any more; `winner` decided it, or nobody did (`role` is then how it ended)."""

    def __init__(self, state: str, decided_by: str | None = None) -> None:
        ends = {"cancelled": "requester", "expired": "deadline"}
        super().__init__(
            "This item has already been decided.",
            state=state,
            role=ends.get(state, "officer"),
            winner=officer_pseudonym(decided_by) if decided_by else None,
        )


class ClaimedByAnother(Conflict):
    """Another reviewer is reading the item."""

    def __init__(self, holder: str = "", until: datetime | None = None) -> None:
        super().__init__(
            "Another officer has claimed this item.",
            state="pending",
            role="officer",
            winner=officer_pseudonym(holder) if holder else None,
            until=until.isoformat() if until else None,
        )


class LeaseLost(Conflict):
    """The claim that the decision was made on has ended, or was taken anew somewhere else."""

    def __init__(self) -> None:
        super().__init__(
            "Your claim on this item has ended or was taken again elsewhere. Load it again first.",
            state="pending",
        )


class AssignedToAnother(Conflict):
    """The item was given to another officer."""

    def __init__(self, assignee: str) -> None:
        super().__init__(
            "This item was given to another officer.",
            state="pending",
            role="officer",
            winner=officer_pseudonym(assignee),
        )


class OwnRequest(Conflict):
    """The reviewer asked the question: someone else decides."""

    def __init__(self) -> None:
        super().__init__("This is your own request; another officer has to decide it.")


class SamePerson(Conflict):
    """Another account of the reviewer's asked, or has approved this text already."""

    def __init__(self) -> None:
        super().__init__("Another account of yours has a part in this item; somebody else has to decide it.")


class PayloadChanged(Conflict):
    """The decision names another text than the one that is held now."""

    def __init__(self) -> None:
        super().__init__("The text has changed since you opened it. Read it again before you decide.")


class TextAltered(Conflict):
    """What is stored is not what was held: it is neither shown nor released."""

    def __init__(self) -> None:
        super().__init__(
            "The stored text is not the one that was held. It is neither shown nor released; tell an auditor."
        )


class DeadlinePassed(Conflict):
    """The deadline is over; it ends in "not released"."""

    def __init__(self) -> None:
        super().__init__("The deadline of this item has passed; it is not released.")


class TooLateToUndo(Conflict):
    """The undo window is over, or the decision is another's."""

    def __init__(self) -> None:
        super().__init__("This decision can no longer be undone by you.")


class NothingToEscalateTo(Conflict):
    """The queue names no other that its items escalate to."""

    def __init__(self) -> None:
        super().__init__("This queue escalates to no other. Hand the item to a colleague instead.")


class NothingAsked(Conflict):
    """No question of an officer waits for the rep."""

    def __init__(self) -> None:
        super().__init__("No officer has asked you anything about this item that you have not answered.")


class NotInBulk(Conflict):
    """Only the lowest tier may be decided many at a time."""

    def __init__(self) -> None:
        super().__init__("This item needs to be read and decided by itself.")


class NotOpened(Conflict):
    """The reviewer never had before them the very text that they would let out."""

    def __init__(self) -> None:
        super().__init__("Open it first: you have not read this text.", unread=True)


class NeedsConfirmation(Conflict):
    """A long text was decided within seconds of opening it, or by who never opened it (`seconds` is None)."""

    def __init__(self, seconds: float | None) -> None:
        opened = "You have not opened this text." if seconds is None else _JUST_OPENED
        super().__init__(
            f"{opened} Decide again to confirm that you have read it.",
            confirm=True,
            seconds_open=_tenths(seconds),
        )
        self.seconds = seconds


class NotRead(Conflict):
    """One of many that were decided at once is long and was not read; here nothing can be confirmed."""

    def __init__(self, seconds: float | None) -> None:
        opened = "You have not opened this text." if seconds is None else _JUST_OPENED
        super().__init__(
            f"{opened} It is long: read it and decide it by itself.",
            unread=True,
            seconds_open=_tenths(seconds),
        )


_JUST_OPENED: Final = "You opened this text only a moment ago."


def _tenths(seconds: float | None) -> float | None:
    return None if seconds is None else round(seconds, 1)
