"""The steps that an answer is made of, and the question that it answers."""

import uuid
from collections.abc import Mapping, Sequence
from dataclasses import dataclass, field
from typing import Any, Final

from approvals import Weighing
from gateway import Principal
from retrieval import SearchResult

from .context import Prompt, Turn
from .events import NOTHING_FOUND, EventKind, RunAudit
from .generation import Generation
from .receipt import receipt_of
from .support import Checked

_UNKNOWN_USER: Final = (
    "Your sign-in matches no user of the CRM, so there are no records to show you. "
    "Ask your administrator to give your CRM user this sign-in name."
)
_CRM_DOWN: Final = "The CRM cannot be reached, so no record can be checked or shown. Try again in a moment."


@dataclass(frozen=True)
class Asked:
    """A question to answer; every text is tokenised.

    With an `instruction` it is answered once more: an officer sent the answer before back and says what this
    one should do. Nothing of it is shown; whatever it weighs, it waits for the officer as a whole.
    """

    run: uuid.UUID
    conversation: uuid.UUID
    principal: Principal
    question: str
    tokens: Sequence[Mapping[str, Any]]
    scope: str | None = None
    history: Sequence[Turn] = ()
    earlier_tokens: Sequence[Mapping[str, Any]] = ()
    flags: Sequence[str] = ()
    enumerating: bool = False
    instruction: str = ""

    @property
    def told(self) -> str:
        """The question as the model reads it."""
        if not self.instruction:
            return self.question
        return f"{self.question}\n\nThe answer before was sent back. Write another one: {self.instruction}"


@dataclass(frozen=True)
class Step:
    """Something to append to the run, what the record keeps of it, and a draft to be asked for again.

    `weighs` is what everything that is shown with it weighs: for the record of a run that ends before its
    whole draft was weighed.
    """

    kind: EventKind
    data: Mapping[str, Any] = field(default_factory=dict)
    audit: RunAudit | None = None
    detail: Mapping[str, Any] = field(default_factory=dict)
    kept: Generation | None = None
    weighs: Mapping[str, Any] | None = None


@dataclass(frozen=True)
class Hold:
    """The answer must wait for an officer: the whole draft, how much of it was shown, and the prompt."""

    sentences: tuple[Checked, ...]
    passages: tuple[Mapping[str, Any], ...]
    facts: tuple[Mapping[str, Any], ...]
    weighing: Weighing
    shown: int
    messages: Sequence[Mapping[str, Any]] = ()


def ending(result: SearchResult, missing: str) -> Step | None:
    """What ends the run after the search: no user, no CRM, nothing found."""
    if not result.user_known:
        return Step(EventKind.FAILED, {"part": "CRM user", "sentence": _UNKNOWN_USER, "retry": False})
    if not (result.crm_available or result.passages):
        return Step(EventKind.FAILED, {"part": "CRM", "sentence": _CRM_DOWN, "retry": True})
    if not result.facts and (result.weak or not result.passages):
        return nothing_found(missing)
    return None


def nothing_found(missing: str) -> Step:
    """Nothing is there, or `missing`: what no record has."""
    return Step(EventKind.NOTHING_FOUND, {"sentence": missing or NOTHING_FOUND})


def sentence_step(index: int, checked: Checked, weighs: Mapping[str, Any]) -> Step:
    """A sentence to show; `index` counts from 0. With what was shown before it `weighs` so much."""
    data = {
        "index": index,
        "text": checked.text,
        "citations": list(checked.citations),
        "supported": checked.supported,
    }
    return Step(EventKind.SENTENCE, data, weighs=weighs)


def receipt_step(asked: Asked, prompt: Prompt, shown: Sequence[str], *, sent: bool = True) -> Step:
    """What the model was given for it, and what of the identities was held back."""
    receipt = receipt_of(asked.question, prompt, shown, sent=sent)
    return Step(EventKind.RECEIPT, receipt, RunAudit.ACCOUNTED, receipt)
