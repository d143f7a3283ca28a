"""What happens in a run: the kinds that pages render, and what the record keeps."""

from enum import StrEnum
from typing import Final


class EventKind(StrEnum):
    """Kinds of run events; README.md of this package lists their data."""

    STAGE = "stage"
    MASKED = "masked"
    SOURCES = "sources"
    SENTENCE = "sentence"
    RECEIPT = "receipt"
    HELD = "held"
    ASKED = "asked"
    RETRACTED = "retracted"
    RELEASED = "released"
    REJECTED = "rejected"
    SENT_BACK = "sent_back"
    EXPIRED = "expired"
    CANCELLED = "cancelled"
    REFUSED = "refused"
    NOTHING_FOUND = "nothing_found"
    NO_SUMMARY = "no_summary"
    FAILED = "failed"
    INTERRUPTED = "interrupted"
    DONE = "done"


class RunAudit(StrEnum):
    """What the assistant records of a run."""

    ASKED = "run.asked"
    SEARCHED = "run.searched"
    WEIGHED = "run.weighed"
    ACCOUNTED = "run.accounted"
    HELD = "run.held"
    SHOWN = "run.shown"
    RELEASED = "run.released"
    NOT_RELEASED = "run.not_released"
    FINISHED = "run.finished"
    RATED = "run.rated"
    REPLAYED = "run.replayed"
    DRAFTS_ERASED = "audit.drafts_erased"


NOTHING_FOUND: Final = (
    "I found nothing about this in the records you may see. "
    "Try the customer's full name, an order or case number, or other words."
)
NOTHING_ASKED: Final = (
    "Ask about a customer, a case, an order or a rule of the house, and the answer comes with its sources."
)
NO_SUMMARY: Final = (
    "The language model gave no answer, so there is no summary. The sources below are yours to read. "
    "Ask again in a minute."
)
MODEL_STARTS: Final = (
    "The language model is still being installed or loaded, which takes some minutes, so there is no summary "
    "yet. The sources below are yours to read."
)
WITHOUT_MODEL: Final = (
    "This appliance was started without a language model, so there is no summary. The sources below are "
    "yours to read. For answers, an administrator starts it with one: `cloister up` without --no-model."
)
REFUSED: Final = "This question was not passed on."
INTERRUPTED: Final = "The answer was interrupted before it was complete. Ask again."
