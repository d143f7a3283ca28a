"""Names, and addresses of strangers, by two models: slow, but a pure function of the text."""

from __future__ import annotations

import re
from collections.abc import Sequence
from hashlib import blake2b
from pathlib import Path

from redaction import normalise
from redaction.entities import EntityType, Source, Span
from redaction.normalise import Reading

from .companies import company_names
from .edges import is_cased, is_english
from .spacy_names import SpacyNames, named
from .transformer import Guess, Rampart, joined, surely

_THRESHOLD = 0.3
_SPACY_SCORE = 0.85
_FORM_SCORE = 0.9
_GIVEN = 0.5
_OUT_OF_QUESTION = 0.005
_FOREIGN_NEEDED = 0.15
_FOREIGN_LONE_NEEDED = 0.5
_INITIAL_BEFORE = re.compile(r"(?<![\w.'’])(?:[A-Z]\.? ?){1,2}(?<=[ .])$")
_INITIAL_AFTER = re.compile(r"(?:, ?[A-Z]\.(?: ?[A-Z]\.)?| [A-Z]\.?)(?![\w'’])")


class NerDetector:
    """The union of spaCy and a transformer; `types` limits what is reported, `threshold` is the latter's.

    A person of spaCy's is left out where the transformer is all but certain that there is no identity of
    any kind, and in other languages than English whatever the transformer does not see too.
    """

    name = "ner"

    def __init__(self, types: frozenset[EntityType], threshold: float = _THRESHOLD) -> None:
        self.types = types
        self._threshold = threshold
        self._spacy = SpacyNames()
        self._transformer = Rampart()
        parts = (
            self._spacy.version,
            self._transformer.version,
            _code(),
            str(threshold),
            *sorted(types),
        )
        self.version = "/".join(parts)

    def find(self, reading: Reading) -> list[Span]:
        """Spans of the original text."""
        text = reading.normalised.text
        if not text.strip():
            return []
        cased = is_cased(text)
        guesses = self._transformer.guesses(text)
        entities = self._spacy.entities(text, cased)
        return [
            Span(*reading.normalised.original(one.start, one.end), one.type, one.score, Source.NER)
            for one in united(text, guesses, entities, self._threshold)
            if one.type in self.types
        ]


def _code() -> str:
    """Changes with whatever makes names of what the models say: a text that was read before is read again."""
    digest = blake2b(digest_size=8)
    for name in ("ner", "edges", "transformer", "spacy_names", "companies"):
        digest.update(Path(__file__).with_name(f"{name}.py").read_bytes())
    digest.update(Path(normalise.__file__).read_bytes())
    return digest.hexdigest()


def united(
    text: str,
    guesses: Sequence[Guess],
    entities: Sequence[tuple[int, int, str]],
    threshold: float = _THRESHOLD,
) -> list[Guess]:
    """What both models say of normalised text: `entities` are spaCy's (start, end, label)."""
    groups = [(start, end) for start, end, kind in named(text, entities, True) if kind is EntityType.GROUP]
    found = [one for one in joined(text, guesses, threshold) if not _is_of_a_group(one, groups)]
    english = is_english(text)
    for start, end, kind in named(text, entities, is_cased(text), surely(guesses, english)):
        surest = max((one.score for one in guesses if one.start < end and start < one.end), default=0.0)
        if surest >= _needed(kind, english, is_lone=" " not in text[start:end]):
            found.append(Guess(start, end, kind, _SPACY_SCORE))
    known = [(start, end) for start, end, _ in entities]

    def is_given(start: int, end: int) -> bool:
        return any(one.given >= _GIVEN for one in guesses if start <= one.start < end)

    for start, end in company_names(text, known, is_given):
        found.append(Guess(start, end, EntityType.ORGANIZATION, _FORM_SCORE))
    return [_with_initials(text, one) for one in found]


def _is_of_a_group(one: Guess, groups: Sequence[tuple[int, int]]) -> bool:
    """“Norwegian” is a nationality and no place."""
    return one.type is EntityType.LOCATION and (one.start, one.end) in groups


def _needed(kind: EntityType, english: bool, is_lone: bool) -> float:
    """How sure the transformer must be, for a name of spaCy's to be believed: it has read English only."""
    if not english:
        return _FOREIGN_LONE_NEEDED if is_lone else _FOREIGN_NEEDED
    return _OUT_OF_QUESTION if kind is EntityType.PERSON else 0.0


def _with_initials(text: str, one: Guess) -> Guess:
    """“G Miles” and “Garcia, K.”: an initial beside a lone name is a part of it."""
    if one.type is not EntityType.PERSON or " " in text[one.start : one.end]:
        return one
    before = _INITIAL_BEFORE.search(text, max(0, one.start - 8), one.start)
    after = _INITIAL_AFTER.match(text, one.end)
    start = before.start() if before else one.start
    return Guess(start, after.end() if after else one.end, one.type, one.score)
