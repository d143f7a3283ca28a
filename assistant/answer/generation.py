"""What a draft was made of, kept so that it can be asked for again: tokenised, as the model read it."""

from collections.abc import Iterator, Mapping, Sequence
from dataclasses import asdict, dataclass
from datetime import datetime
from functools import cache
from hashlib import sha256
from typing import Any, Final

from pydantic import TypeAdapter

from approvals import DraftedSentence, PastAnswer, Weighing
from gateway import Role

from .context import INSTRUCTIONS, QUOTING
from .sentences import bare
from .support import Checked, Source, check_sentence
from .weighing import as_weighed

SAID: Final = "Said already: {} Do not say it again, and say nothing of it."
PROMPT_VERSION: Final = (
    f"answer-{sha256(chr(10).join((INSTRUCTIONS, QUOTING, SAID)).encode()).hexdigest()[:12]}"
)
"""Names the instructions that are in force: other words, another name."""


@dataclass(frozen=True)
class Scale:
    """What a draft weighed: the rules that hold it and those on trial, by which policy."""

    policy: str
    rules: tuple[str, ...]
    shadow: tuple[str, ...]
    tier: str
    held: bool

    @classmethod
    def of(cls, weighing: Weighing, policy: str) -> "Scale":
        """The same, out of a weighing."""
        return cls(policy, weighing.rules, weighing.shadowed, weighing.tier.value, weighing.risky)


@dataclass(frozen=True)
class Generation:
    """One draft and what it was made of.

    `messages` are what the model read; `told` was said without asking one. `written` are the sentences as
    they came, `drafted` what the check made of them, `missing` what was said before of records that are not
    there. The question was weighed with `roles`, `tags`, `checks` and whether it was `sampled`.
    """

    model: str
    version: str
    prompt: str
    question: str
    messages: tuple[Mapping[str, Any], ...]
    options: Mapping[str, Any]
    sources: tuple[Source, ...]
    written: tuple[str, ...]
    drafted: tuple[Checked, ...]
    scale: Scale
    quotes: tuple[str, ...] = ()
    quotes_at_most: int = 1
    told: tuple[str, ...] = ()
    missing: str = ""
    roles: tuple[str, ...] = ()
    tags: tuple[str, ...] = ()
    checks: tuple[str, ...] = ()
    sampled: bool = False

    @property
    def asked_a_model(self) -> bool:
        """Whether a model wrote it."""
        return not self.told

    def check(self, written: Sequence[str]) -> Iterator[tuple[str, Checked]]:
        """Sentences as they came, each with what the check makes of it; what was said before is left out."""
        said = {bare(self.missing)} if self.missing else set()
        for sentence in written:
            if bare(sentence) in said:
                continue
            checked = check_sentence(sentence, self.sources)
            said.add(bare(checked.text))
            yield sentence, checked

    def as_past(self, at: datetime | None) -> PastAnswer:
        """The same as it is weighed, for a policy to be tried on."""
        missing = [DraftedSentence(self.missing, supported=True, free=True)] if self.missing else []
        written = [as_weighed(sentence, one, self.sources) for sentence, one in self.check(self.written)]
        return PastAnswer(
            self.question,
            (*missing, *written),
            frozenset(map(Role, self.roles)),
            passages=tuple(source.whole for source in self.sources),
            tags=frozenset(self.tags),
            checks=self.checks,
            at=at,
        )

    def digest(self) -> str:
        """SHA-256 (hex) of the drafted text: two drafts that say the same have the same."""
        return sha256("\n".join(one.text for one in self.drafted).encode()).hexdigest()

    def as_json(self) -> dict[str, Any]:
        """JSON members, as they are stored."""
        return asdict(self)

    @classmethod
    def from_json(cls, members: Mapping[str, Any]) -> "Generation":
        """The same, as it was stored."""
        return _stored().validate_python(members)


@cache
def _stored() -> TypeAdapter[Generation]:
    return TypeAdapter(Generation)
