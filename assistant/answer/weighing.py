"""Weighing a question and each sentence of its answer by the policy, with the vectors that its rules want."""

from collections.abc import Collection, Sequence
from dataclasses import dataclass

from approvals import DraftedSentence, Policy, Vector, Weighing, to_embed, weigh_question, weigh_sentence
from gateway import CloisterError, DoorClient, Principal, log

from .statements import called
from .support import Checked, Source, cited_in, counts_records, is_published, is_quoted


@dataclass(frozen=True)
class Weighed:
    """What a question is weighed with: who asks, its words, the customer's marks, its sources' texts, what
    checks have found."""

    principal: Principal
    question: str
    tags: frozenset[str] = frozenset()
    passages: tuple[str, ...] = ()
    checks: tuple[str, ...] = ()
    sampled: bool = False


def as_weighed(sentence: str, checked: Checked, sources: Sequence[Source]) -> DraftedSentence:
    """What of a sentence, as it was written and as it was checked, is weighed.

    Nothing of what everybody may read anyway, which is no promise of this answer, and of how many records
    there are, which is nobody's data.
    """
    titles = [
        called(source.title)
        for source in sources
        if source.stated and source.title and source.n in checked.citations
    ]
    is_wrong = set(cited_in(sentence)) - set(checked.citations)
    return DraftedSentence(
        checked.text,
        checked.supported,
        quoted=is_quoted(checked.text, sources),
        titles=tuple(titles),
        checks=("wrong_citation",) if is_wrong else (),
        free=is_published(checked.text, sources) or counts_records(checked, sources),
    )


class Weigher:
    """Weighs by one policy; vectors come through the door."""

    def __init__(self, door: DoorClient, policy: Policy) -> None:
        self._door = door
        self.policy = policy

    async def question(self, one: Weighed) -> Weighing:
        """What the question itself weighs."""
        return weigh_question(
            self.policy,
            one.question,
            roles=one.principal.roles,
            tags=one.tags,
            passages=one.passages,
            vectors=await self._vectors(one.principal, one.question),
            checks=one.checks,
            sampled=one.sampled,
        )

    async def sentence(
        self,
        one: Weighed,
        sentence: str,
        checked: Checked,
        sources: Sequence[Source],
        drafted: Collection[Checked],
    ) -> Weighing:
        """What a sentence weighs that was written after those `drafted`."""
        read = as_weighed(sentence, checked, sources)
        if read.free:
            return Weighing()
        return weigh_sentence(
            self.policy,
            read.text,
            question=one.question,
            roles=one.principal.roles,
            supported=read.supported,
            passages=[source.whole for source in sources],
            index=len(drafted),
            before=[each.text for each in drafted],
            quoted=read.quoted,
            titles=read.titles,
            vectors=await self._vectors(one.principal, read.text, read.titles),
            checks=read.checks,
        )

    async def _vectors(
        self, principal: Principal, text: str, titles: Sequence[str] = ()
    ) -> Sequence[Vector] | None:
        """Vectors for the weighing of a text, in one call; None, which holds it, where nobody makes them."""
        texts = to_embed(self.policy, text, titles)
        if not texts:
            return ()
        try:
            return await self._door.embed(principal, texts, "likeness")
        except CloisterError as error:
            log.warning("answer.likeness_unread", reason=error.sentence)
            return None
