"""What the values of a column have in common. The values themselves are not kept."""

from __future__ import annotations

import re
from collections import Counter
from collections.abc import Callable, Iterable, Sequence
from dataclasses import dataclass
from typing import Final, Protocol

from retrieval.crm.map import IdentityType, Split

LOOKED_AT: Final = 12
"""Values of a column that the detectors read; reading names is slow."""
_MOST: Final = 300
_COVERED: Final = 0.8
_OFTEN: Final = 0.5

_TAG: Final = re.compile(r"</?(?:p|br|div|span|a|ul|li|table|html|body)\b[^>]*>", re.IGNORECASE)
_QUOTED: Final = re.compile(r"^(?:>|On .{5,80} wrote:$|Am .{5,80} schrieb|From: |Von: )", re.MULTILINE)
_TURN: Final = re.compile(r"^[^\W\d_][\w .'-]{0,30}:\s", re.MULTILINE)
_HEADING: Final = re.compile(r"^#{1,6} \S", re.MULTILINE)


class Found(Protocol):
    """A span of text that a detector found."""

    @property
    def start(self) -> int: ...
    @property
    def end(self) -> int: ...
    @property
    def type(self) -> str: ...


Detect = Callable[[str], Sequence[Found]]


@dataclass(frozen=True, slots=True)
class Traits:
    """``seen`` values, none empty; ``looked_at`` of them went through the detectors, and ``identities`` says
    how many of those are, as a whole, an identity of which type."""

    seen: int = 0
    distinct: int = 0
    longest: int = 0
    mean: float = 0.0
    looked_at: int = 0
    identities: tuple[tuple[IdentityType, int], ...] = ()
    has_lines: bool = False
    is_html: bool = False
    split: Split = Split.PROSE

    @property
    def commonest(self) -> tuple[IdentityType, int] | None:
        return self.identities[0] if self.identities else None


def traits_of(values: Iterable[str | None], detect: Detect | None) -> Traits:
    """What ``values`` are like; without ``detect`` nothing is said of identities."""
    texts = [value.strip() for value in values if value and value.strip()]
    if not texts:
        return Traits()
    distinct = list(dict.fromkeys(texts))
    looked_at = [text[:_MOST] for text in distinct[:LOOKED_AT]] if detect else []
    return Traits(
        seen=len(texts),
        distinct=len(distinct),
        longest=max(map(len, texts)),
        mean=sum(map(len, texts)) / len(texts),
        looked_at=len(looked_at),
        identities=_identities(looked_at, detect) if detect else (),
        has_lines=_share(texts, lambda text: "\n" in text) >= _OFTEN / 2,
        is_html=_share(texts, lambda text: bool(_TAG.search(text))) >= _OFTEN / 2,
        split=_split(texts),
    )


def _identities(texts: Sequence[str], detect: Detect) -> tuple[tuple[IdentityType, int], ...]:
    types = {kind.value: kind for kind in IdentityType}
    counts: Counter[IdentityType] = Counter()
    for text in texts:
        covered: Counter[IdentityType] = Counter()
        for span in detect(text):
            if span.type in types:
                covered[types[span.type]] += span.end - span.start
        if covered:
            kind, length = covered.most_common(1)[0]
            if length >= _COVERED * len(text):
                counts[kind] += 1
    return tuple(sorted(counts.items(), key=lambda item: (-item[1], item[0])))


def _split(texts: Sequence[str]) -> Split:
    if _share(texts, lambda text: len(_TURN.findall(text)) >= 3) >= _OFTEN:
        return Split.TURNS
    if _share(texts, lambda text: bool(_HEADING.search(text))) >= _OFTEN:
        return Split.HEADINGS
    if _share(texts, lambda text: bool(_QUOTED.search(text))) >= _OFTEN / 2:
        return Split.MAIL
    return Split.PROSE


def _share(texts: Sequence[str], holds: Callable[[str], bool]) -> float:
    return sum(map(holds, texts)) / len(texts)
