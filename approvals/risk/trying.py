"""Past answers weighed again: what another policy would have held."""

from collections import Counter
from collections.abc import Sequence
from dataclasses import dataclass, field
from datetime import datetime
from typing import Final

from gateway import Role

from .likeness import Embed, Vector
from .policy import Policy
from .value import By, RuleHit, Weighing
from .weighing import to_embed, weigh_question, weigh_sentence

_UNEXPLAINED: Final = frozenset({By.MARK, By.CHECK})


@dataclass(frozen=True)
class PastSentence:
    """A sentence of an answer, and whether its sources carried it or had it word for word."""

    text: str
    supported: bool
    quoted: bool = False


@dataclass(frozen=True)
class PastAnswer:
    """An answer as it was drafted; every text is tokenised. `marks` are the hits of its held item, of which
    those that no text explains (a customer's mark, a check) are taken as they were."""

    question: str
    sentences: tuple[PastSentence, ...]
    roles: frozenset[Role]
    passages: tuple[str, ...] = ()
    marks: tuple[RuleHit, ...] = ()
    at: datetime | None = None


@dataclass
class Tried:
    """How many answers a policy holds, and by which rules; `shadow` are rules on trial.

    `share` is that of the rest which chance would hold too; whom it draws, nobody knows in advance.
    """

    policy: str
    share: float = 0.0
    answers: int = 0
    held: int = 0
    rules: Counter[str] = field(default_factory=Counter)
    shadow: Counter[str] = field(default_factory=Counter)
    which: list[bool] = field(default_factory=list)

    @property
    def rate(self) -> float:
        """The share of the answers that is held."""
        return self.held / self.answers if self.answers else 0.0

    @property
    def by_chance(self) -> float:
        """How many more chance may be expected to hold, so that the rules can be measured."""
        return (self.answers - self.held) * self.share


def try_policy(policy: Policy, answers: Sequence[PastAnswer], embed: Embed | None = None) -> Tried:
    """Weigh every answer with this policy. Without `embed` only words are weighed."""
    if embed is None:
        policy = policy.by_words
    texts = [part for one in answers for part in (one.question, *(s.text for s in one.sentences))]
    needed = list(dict.fromkeys(one for text in texts for one in to_embed(policy, text)))
    vectors = dict(zip(needed, embed(needed), strict=True)) if embed and needed else {}
    tried = Tried(policy.version, policy.sampling.share)
    for answer in answers:
        weighing = _weigh(policy, answer, vectors)
        tried.answers += 1
        tried.held += weighing.risky
        tried.which.append(weighing.risky)
        tried.rules.update(weighing.rules if weighing.risky else ())
        tried.shadow.update(weighing.shadowed)
    return tried


def _weigh(policy: Policy, answer: PastAnswer, vectors: dict[str, Vector]) -> Weighing:
    def known(text: str) -> list[Vector]:
        return [vectors[one] for one in to_embed(policy, text)]

    question = weigh_question(
        policy, answer.question, roles=answer.roles, passages=answer.passages, vectors=known(answer.question)
    )
    drafted = [one.text for one in answer.sentences]
    sentences = [
        weigh_sentence(
            policy,
            one.text,
            question=answer.question,
            roles=answer.roles,
            supported=one.supported,
            passages=answer.passages,
            index=index,
            before=drafted[:index],
            quoted=one.quoted,
            vectors=known(one.text),
        )
        for index, one in enumerate(answer.sentences)
    ]
    marks = tuple(hit for hit in answer.marks if hit.by in _UNEXPLAINED and policy.rule(hit.rule))
    return Weighing(marks).on_trial(policy.on_trial).joined(question, *sentences)
