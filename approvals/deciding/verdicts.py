"""What a reviewer may want of an item, as a value: the same from every entry point."""

from dataclasses import dataclass
from enum import StrEnum
from typing import Final

from approvals.items.tables import Verdict
from gateway import BadInput

MAX_TEXT: Final = 20_000
MAX_NOTE: Final = 2_000


class RejectionReason(StrEnum):
    """Why an officer says no."""

    WRONG_FACT = "wrong_fact"
    NOT_SUPPORTED = "not_supported"
    AGAINST_POLICY = "against_policy"
    LEGAL = "legal"
    PERSONAL_DATA = "personal_data"
    TONE = "tone"
    OTHER = "other"


class Entry(StrEnum):
    """Where a decision was made; the record keeps it. A mail's link leads to the page."""

    API = "api"
    PAGE = "page"
    CLI = "cli"
    BULK = "bulk"


class Move(StrEnum):
    """What can be done with an item that stays pending."""

    REASSIGN = "reassign"
    ESCALATE = "escalate"
    ASK = "ask"


@dataclass(frozen=True)
class Decision:
    """What a reviewer wants. `text` of an edit and every note are tokenised: the door has redacted them.

    `fence` is that of the claim it is made on; needed where the reviewer has claimed the item. `to` is the
    colleague's account that an item is handed to.
    """

    verdict: Verdict | Move
    text: str | None = None
    reason: str | None = None
    note: str | None = None
    to: str | None = None
    confirmed: bool = False
    fence: int | None = None
    entry: Entry = Entry.API

    def check(self) -> None:
        """Raise `BadInput` for what no decision can be, whoever takes it."""
        if self.note is not None and len(self.note) > MAX_NOTE:
            raise BadInput(f"A note has at most {MAX_NOTE} characters.")
        if self.verdict is Verdict.EDIT:
            if self.text is None or not self.text.strip():
                raise BadInput("An edited answer needs a text. To show nothing, reject it.")
            if len(self.text) > MAX_TEXT:
                raise BadInput(f"An answer has at most {MAX_TEXT} characters.")
        if self.verdict is Verdict.REJECT and self.reason not in set(RejectionReason):
            raise BadInput(f"A rejection needs one of these reasons: {', '.join(RejectionReason)}.")
        if self.verdict is Verdict.SEND_BACK and not (self.note or "").strip():
            raise BadInput("Say what the next draft should do differently.")
        if self.verdict is Move.ASK and not (self.note or "").strip():
            raise BadInput("Say what the rep should answer.")
        if self.verdict is Move.REASSIGN and not self.to:
            raise BadInput("Say who should have it.")
