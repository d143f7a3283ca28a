"""What the auditor's pages show of one answer, and of the record as a whole."""

from collections.abc import Sequence
from dataclasses import dataclass
from datetime import datetime


@dataclass(frozen=True)
class VerificationView:
    """What a verification checked, and every fault it found."""

    sealed: int
    unsealed: int
    checkpoints: int
    anchors: int
    faults: Sequence[str] = ()
    at: datetime | None = None
    erased: int = 0
    keys: Sequence[str] = ()
    seconds: float = 0.0


@dataclass(frozen=True)
class VerificationProgress:
    """How many sealed events were checked, of how many; none of none while it waits for its turn."""

    checked: int
    of: int


@dataclass(frozen=True)
class HoldLine:
    """A legal hold; `value` is whom or what it is about, as the auditor wrote it."""

    id: str
    scope: str
    value: str
    reason: str
    placed_at: datetime | None
    lifted_at: datetime | None


@dataclass(frozen=True)
class WeighedView:
    """One draft in the comparison: who wrote it, and what it weighs by which policy."""

    version: str
    policy: str
    rules: Sequence[str]
    shadow: Sequence[str]
    tier: str
    held: bool


@dataclass(frozen=True)
class ReplayView:
    """The recorded draft beside the same question asked again; every text is tokenised.

    `became` is what whoever asked got of the recorded draft (`shown`, `released`, `edited`, `waits`,
    `sent_back`, `not_released`, `broke_off`), `shown` how many of its sentences they read without an officer,
    and `given` an officer's text in its place.
    """

    run: str
    at: datetime | None
    attempt: int
    attempts: int
    question: str
    asked_a_model: bool
    prompt: str
    prompt_now: str
    then: WeighedView
    now: WeighedView
    today: WeighedView
    same_text: bool
    same_prompt: bool | None
    same_version: bool
    same_weighing: bool
    changes: Sequence[tuple[str, str]]
    became: str
    shown: int
    given: str | None = None
