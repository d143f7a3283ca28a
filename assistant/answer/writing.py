"""A draft while it is written, and what is kept of it in the end."""

from collections.abc import Iterator, Mapping, Sequence
from dataclasses import dataclass, field, replace
from typing import Any

from approvals import Weighing

from .context import Prompt
from .events import EventKind, RunAudit
from .generation import PROMPT_VERSION, Generation, Scale
from .sentences import bare
from .steps import Step, sentence_step
from .strangers import Strangers
from .support import Checked, Source
from .weighing import Weighed


@dataclass
class Writing:
    """What is `drafted` of the `sentences` that came, by which `version` of a `model`, and what it weighs.

    What is `missing`, if anything, is the first sentence: it is said of nobody's records and needs no source.
    `shown` counts the sentences that the rep has seen.
    """

    missing: str
    policy: str
    model: str
    options: Mapping[str, object] = field(default_factory=dict)
    drafted: list[Checked] = field(default_factory=list)
    sentences: list[str] = field(default_factory=list)
    version: str = ""
    weighing: Weighing = field(default_factory=Weighing)
    shown: int = 0

    def __post_init__(self) -> None:
        if self.missing:
            self.drafted.append(Checked(self.missing, (), supported=True))

    @property
    def is_empty(self) -> bool:
        """Whether no sentence of the answer itself is there."""
        return len(self.drafted) == bool(self.missing)

    def has(self, sentence: str) -> bool:
        """Whether it was drafted before: a model that quotes may quote the same twice."""
        return bare(sentence) in (bare(one.text) for one in self.drafted)

    def show(self) -> Iterator[Step]:
        """The sentences that were not shown yet; from now on they are."""
        for index, checked in enumerate(self.drafted[self.shown :], self.shown):
            self.shown = index + 1
            yield sentence_step(index, checked, {**self._weighs(self.shown), "broken_off": True})

    def weighed_step(self, kept: Generation | None) -> Step:
        """That the whole draft was weighed, for the record."""
        detail = {
            **self._weighs(len(self.drafted)),
            "held": self.weighing.risky and not self.is_empty,
            "draft_sha256": kept.digest() if kept else None,
        }
        return Step(EventKind.STAGE, {"name": "weighing"}, RunAudit.WEIGHED, detail, kept)

    def _weighs(self, sentences: int) -> dict[str, Any]:
        return {
            "sentences": sentences,
            "rules": list(self.weighing.rules),
            "shadow": list(self.weighing.shadowed),
            "tier": self.weighing.tier,
            "held": False,
            "would_hold": self.weighing.would_hold,
            "policy": self.policy,
            "prompt": PROMPT_VERSION,
            "served": self.version or None,
            "shown": self.shown,
        }

    def kept(
        self,
        weighed: Weighed,
        prompt: Prompt,
        messages: Sequence[Mapping[str, Any]],
        strangers: Strangers,
    ) -> Generation:
        """What is kept of it: tokens in the place of the words that the caller typed for strangers."""
        reveal = strangers.reveal
        return Generation(
            model=self.model,
            version=self.version,
            prompt=PROMPT_VERSION,
            question=reveal(weighed.question),
            messages=tuple(messages),
            options=dict(self.options),
            sources=tuple(_revealed(source, strangers) for source in prompt.sources),
            written=tuple(map(reveal, self.sentences)),
            drafted=tuple(self.drafted),
            scale=Scale.of(self.weighing, self.policy),
            quotes=tuple(map(reveal, prompt.quotes)),
            quotes_at_most=prompt.quotes_at_most,
            told=tuple(map(reveal, prompt.told)),
            missing=reveal(self.missing),
            roles=tuple(sorted(weighed.principal.roles)),
            tags=tuple(sorted(weighed.tags)),
            checks=weighed.checks,
            sampled=weighed.sampled,
        )


def _revealed(source: Source, strangers: Strangers) -> Source:
    return replace(
        source,
        title=strangers.reveal(source.title),
        text=strangers.reveal(source.text),
        facts=tuple((label, strangers.reveal(value)) for label, value in source.facts),
    )
