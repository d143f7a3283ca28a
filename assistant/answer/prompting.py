"""What a model is asked: the sources in its window, or the sentences that it may only choose among."""

from collections.abc import Sequence
from dataclasses import replace
from typing import Final

from gateway import DoorClient, PartUnavailable, Settings, log, without_links
from retrieval import Listing

from .asking import follows_on, identities_asked
from .context import Budget, Prompt, build_prompt
from .counting import answer_list
from .evidence import (
    Candidate,
    Choice,
    about,
    asks_for_several,
    candidates,
    choose,
    comparable,
    identities,
    listed,
    to_the_point,
    without_names,
)
from .found import Evidence
from .generation import SAID
from .references import entity_refs
from .steps import Asked

_A_TOKEN: Final = 2.0  # characters, low enough that no quotation is cut


class AnsweringSettings(Settings):
    """The model that answers: tokens of its window, tokens of an answer, and whether it may only quote."""

    model: str = "default"
    window: int = 4096
    answer_tokens: int = 256
    quoting: bool = False


class Prompting:
    """Makes prompts; the door embeds what has to be chosen among."""

    def __init__(self, door: DoorClient, settings: AnsweringSettings) -> None:
        self._door = door
        self._settings = settings

    async def prompt(self, asked: Asked, evidence: Evidence) -> tuple[Prompt | None, dict[str, object]]:
        """What the model is asked and with which options; None when nothing that was found is relevant."""
        budget = Budget(self._settings.window, self._settings.answer_tokens)
        options: dict[str, object] = {"max_tokens": self._settings.answer_tokens, "temperature": 0.0}
        if evidence.listing and (listed := _list(asked, evidence, evidence.listing)):
            return listed, options
        if not self._settings.quoting:
            question = f"{asked.told}\n{SAID.format(evidence.missing)}" if evidence.missing else asked.told
            return build_prompt(question, evidence.sources, asked.history, budget), options
        chosen = await self._choose(asked, evidence)
        if chosen is None:
            return None, options
        order = [candidate.n for candidate in (*chosen.lead, *chosen.more)]
        sources = sorted(
            (source for source in evidence.sources if source.n in order),
            key=lambda source: order.index(source.n),
        )
        chosen = chosen.within(int(self._settings.window / 2 * _A_TOKEN))
        longest = sum(sorted(map(len, chosen.quotes))[-chosen.at_most :])
        room = max(self._settings.answer_tokens, int(longest / _A_TOKEN))
        budget = Budget(self._settings.window, room)
        prompt = build_prompt(asked.told, sources, (), budget, quoting=True)
        options["max_tokens"] = room
        return replace(prompt, quotes=chosen.quotes, quotes_at_most=chosen.at_most), options

    async def _choose(self, asked: Asked, evidence: Evidence) -> Choice | None:
        before = bool(entity_refs(asked.earlier_tokens)) and follows_on(asked.question)
        named = bool(entity_refs(asked.tokens) or asked.scope or before)
        question = " ".join(filter(None, (asked.question, *evidence.words, asked.instruction)))
        sources = about(question, evidence.sources, named=named)
        if entity_refs(asked.tokens) and identities_asked(question):
            return identities(question, evidence.sources)
        several = asks_for_several(question, sources)
        if several and (chosen := listed(question, sources, evidence.sources)):
            return chosen
        found = comparable(candidates(question, sources, asked.principal.roles))
        if not found:
            return None
        likeness = await self._likeness(asked, question, found)
        pointed = to_the_point(asked.question, found, likeness, evidence.words)
        if not pointed:
            return None
        return choose(*zip(*pointed, strict=True), one_each=several)

    async def _likeness(self, asked: Asked, question: str, found: Sequence[Candidate]) -> list[float]:
        """The cosine of each candidate with the question; where nobody can say, the words that they share."""
        texts = [without_names(question), *(candidate.in_context for candidate in found)]
        try:
            wanted, *vectors = await self._door.embed(asked.principal, texts, "query")
        except PartUnavailable as error:
            log.warning("answer.words_only", part=error.part)
            return [candidate.lexical for candidate in found]
        return [sum(a * b for a, b in zip(wanted, vector, strict=True)) for vector in vectors]


def _list(asked: Asked, evidence: Evidence, listing: Listing) -> Prompt | None:
    """The answer to a list: the CRM has counted it, so there is nothing left for a model to say."""
    told = answer_list(asked.question, listing, evidence.sources)
    if not told:
        return None
    said = {n: " ".join(sentences) for sentences, n in told}
    sources = tuple(replace(one, text=said[one.n]) for one in evidence.sources if one.n in said)
    quotes = tuple(f"{without_links(one)} [{n}]" for sentences, n in told for one in sentences)
    return Prompt([], sources, told=tuple(f"\n{quote}" if i else quote for i, quote in enumerate(quotes)))
