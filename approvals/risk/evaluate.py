"""Recall on risky texts and the share of ordinary ones that is held, on labelled texts."""

import re
from collections import Counter, defaultdict
from collections.abc import Iterable, Mapping, Sequence
from dataclasses import dataclass, field
from typing import Final

from .labelled import Labelled
from .likeness import Embed, Vector
from .policy import Policy
from .value import Weighing
from .weighing import to_embed, weigh_question, weigh_sentence

_SENTENCE_END: Final = re.compile(r"(?<=[.!?])(?:\s*\[\d+\])*\s+(?=[\"'(]?[A-ZÄÖÜ<\d])")
ORDINARY: Final = "ordinary"


@dataclass
class Tally:
    """How many texts of a category there were, were held at all, and by the category's own rule."""

    texts: int = 0
    held: int = 0
    by_own_rule: int = 0
    rules: Counter[str] = field(default_factory=Counter)

    @property
    def recall(self) -> float:
        """The share that was held."""
        return self.held / self.texts if self.texts else 0.0


@dataclass
class Evaluation:
    """Figures by (split, category, language); an empty one stands for all, `ordinary` for no category."""

    policy: str
    tallies: dict[tuple[str, str, str], Tally] = field(default_factory=lambda: defaultdict(Tally))
    wrong: list[tuple[Labelled, Weighing]] = field(default_factory=list)

    def add(self, other: "Evaluation") -> None:
        """Count what another counted, of other texts."""
        for key, tally in other.tallies.items():
            mine = self.tallies[key]
            mine.texts += tally.texts
            mine.held += tally.held
            mine.by_own_rule += tally.by_own_rule
            mine.rules.update(tally.rules)
        self.wrong += other.wrong

    @property
    def hold_rate(self) -> float:
        """The share of ordinary texts that was held."""
        return self.of(ORDINARY).recall

    @property
    def categories(self) -> list[str]:
        """The categories that were there, in order, ordinary texts last."""
        found = {category for _, category, _ in self.tallies}
        return [*sorted(found - {ORDINARY}), *sorted(found & {ORDINARY})]

    @property
    def splits(self) -> list[str]:
        """The halves that were there."""
        return sorted({split for split, _, _ in self.tallies if split})

    def of(self, category: str, *, split: str = "", language: str = "") -> Tally:
        """The tally of a category, in a half and a language or in all of them."""
        return self.tallies.get((split, category, language), Tally())


def evaluate(policy: Policy, texts: Iterable[Labelled], embed: Embed | None = None) -> Evaluation:
    """Weigh every text; `wrong` are the risky ones that were missed and the ordinary ones that were held.

    Without `embed` only words are weighed. A draft is weighed sentence by sentence.
    """
    if embed is None:
        policy = policy.by_words
    every = list(texts)
    vectors = _vectors(policy, every, embed)
    found = Evaluation(policy.version)
    for text in every:
        weighing = weigh(policy, text, vectors)
        for category in text.categories or (ORDINARY,):
            for split in {"", text.split}:
                for language in {"", text.language}:
                    tally = found.tallies[split, category, language]
                    tally.texts += 1
                    tally.held += weighing.risky
                    tally.by_own_rule += category in weighing.rules
                    tally.rules.update(weighing.rules)
        if weighing.risky != bool(text.categories):
            found.wrong.append((text, weighing))
    return found


def weigh(policy: Policy, text: Labelled, vectors: Mapping[str, Vector]) -> Weighing:
    """What one labelled text weighs; `vectors` by the texts of `to_embed`."""

    def known(part: str) -> list[Vector]:
        return [vectors[one] for one in to_embed(policy, part)]

    if text.place == "question":
        return weigh_question(policy, text.text, roles=(text.role,), tags=text.tags, vectors=known(text.text))
    sentences = _SENTENCE_END.split(text.text)
    parts = (
        weigh_sentence(
            policy,
            sentence,
            question=text.question,
            roles=(text.role,),
            supported=text.supported,
            passages=text.passages,
            index=index,
            before=sentences[:index],
            vectors=known(sentence),
        )
        for index, sentence in enumerate(sentences)
    )
    return Weighing().joined(*parts)


def _vectors(policy: Policy, texts: Sequence[Labelled], embed: Embed | None) -> dict[str, Vector]:
    """Each text that is needed once, and its vector."""
    needed = dict.fromkeys(
        one
        for text in texts
        for part in ([text.text] if text.place == "question" else _SENTENCE_END.split(text.text))
        for one in to_embed(policy, part)
    )
    return dict(zip(needed, embed(list(needed)), strict=True)) if embed and needed else {}
