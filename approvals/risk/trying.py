"""Past answers weighed again: what another policy would have held."""

from collections import Counter
from collections.abc import Iterable, Sequence
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
class DraftedSentence:
    """A sentence of a draft, and whether its sources carry it or have it word for word.

    `titles` are those of the records that it cites, `checks` what others found of it. One that is `free`
    weighs nothing: everybody may read it anyway, or it only counts records.
    """

    text: str
    supported: bool
    quoted: bool = False
    titles: tuple[str, ...] = ()
    checks: tuple[str, ...] = ()
    free: bool = False


@dataclass(frozen=True)
class PastAnswer:
    """An answer as it was drafted; every text is tokenised.

    `tags` and `checks` are what its question was weighed with. Where that was not kept, `marks` are the hits
    of its held item, of which those that no text explains (a mark, a check) are taken as they were.
    """

    question: str
    sentences: tuple[DraftedSentence, ...]
    roles: frozenset[Role]
    passages: tuple[str, ...] = ()
    tags: frozenset[str] = frozenset()
    checks: tuple[str, ...] = ()
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


def try_policy(policy: Policy, answers: Iterable[PastAnswer], embed: Embed | None = None) -> Tried:
    """Weigh every answer with this policy, as it would be weighed when it is written; what chance had drawn
    counts for nothing. Without `embed` only words are weighed."""
    if embed is None:
        policy = policy.by_words
    tried = Tried(policy.version, policy.sampling.share)
    for answer in answers:
        weighing = _weigh(policy, answer, embed)
        tried.answers += 1
        tried.held += weighing.risky
        tried.which.append(weighing.risky)
        tried.rules.update(weighing.rules if weighing.risky else ())
        tried.shadow.update(weighing.shadowed)
    return tried


def _weigh(policy: Policy, answer: PastAnswer, embed: Embed | None) -> Weighing:
    def vectors(text: str, titles: tuple[str, ...] = ()) -> Sequence[Vector]:
        texts = to_embed(policy, text, titles)
        return embed(texts) if embed and texts else ()

    question = weigh_question(
        policy,
        answer.question,
        roles=answer.roles,
        tags=answer.tags,
        passages=answer.passages,
        vectors=vectors(answer.question),
        checks=answer.checks,
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
            titles=one.titles,
            vectors=vectors(one.text, one.titles),
            checks=one.checks,
        )
        for index, one in enumerate(answer.sentences)
        if not one.free
    ]
    marks = tuple(hit for hit in answer.marks if hit.by in _UNEXPLAINED and policy.rule(hit.rule))
    return Weighing(marks).on_trial(policy.on_trial).joined(question, *sentences)
