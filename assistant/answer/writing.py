"""A draft while it is written, and what is kept of it in the end."""

from collections.abc import Mapping, Sequence
from dataclasses import dataclass, field, replace
from typing import Any

from approvals import Weighing

from .context import Prompt
from .found import Evidence
from .generation import PROMPT_VERSION, Generation, Scale
from .strangers import Strangers
from .support import Checked, Source
from .weighing import Weighed


@dataclass
class Writing:
    """What is `drafted` of the `sentences` that came, by which `version` of which `model`."""

    drafted: list[Checked]
    policy: str
    model: str
    options: Mapping[str, object] = field(default_factory=dict)
    sentences: list[str] = field(default_factory=list)
    version: str = ""
    weighing: Weighing = field(default_factory=Weighing)

    def kept(
        self,
        weighed: Weighed,
        evidence: Evidence,
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
            missing=reveal(evidence.missing),
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
