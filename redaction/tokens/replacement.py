"""Identities replaced: by the conversation's tokens for a model, by durable ids for an index."""

from __future__ import annotations

import re
from collections.abc import Iterable, Iterator
from dataclasses import dataclass

from redaction.entities import EntityType, Redacted, Source, Span
from redaction.normalise import normalise
from redaction.overlaps import resolve, subtract

from .form import find_lookalikes, find_tokens
from .token_map import TokenMap

_NAMES = frozenset({EntityType.PERSON, EntityType.ORGANIZATION})
_NOT_A_WORD = re.compile(r"\W+")
_DURABLE_AT_MOST = 3


@dataclass(frozen=True, slots=True)
class Redaction:
    """Redacted text; `tokens[i]` stands where `spans[i]` stood in the original text."""

    text: Redacted
    spans: tuple[Span, ...]
    tokens: tuple[str, ...]


def redact(text: str, spans: Iterable[Span], token_map: TokenMap, *, keep_tokens: bool = False) -> Redaction:
    """Replace every span by its token, and every text that looks like a token by a `<LITERAL_n>`.

    So nothing that a person typed can resolve to somebody's value, and restoring with the map's values
    gives back the original to the letter. With `keep_tokens` the text is one that was redacted in this
    conversation before: tokens that the map knows stay where they are, spans around them are cut.

    Raises InvalidSpan.
    """
    kept = [(start, end) for start, end, token in find_tokens(text) if token_map.value_of(token) is not None]
    if not keep_tokens:
        kept = []
    disjoint = [piece for span in resolve(text, spans) for piece in subtract(text, span, kept)]
    disjoint.sort(key=lambda span: span.start)
    masked = sorted([*disjoint, *_literals(text, disjoint, kept)], key=lambda span: span.start)
    tokens = tuple(_token_of(text, span, token_map) for span in masked)
    return Redaction(_replaced(text, masked, tokens), tuple(masked), tokens)


def durable(text: str, spans: Iterable[Span]) -> Redacted:
    """Replace identities by ids that are the same in every conversation, for embeddings and BM25.

    A known record becomes its reference as one word (`contact_17`), a value that a few records share
    becomes all of theirs, anything else its type (`[PERSON]`). This cannot be restored.
    """
    disjoint = resolve(text, spans)
    return _replaced(text, disjoint, tuple(_durable_id(span) for span in disjoint))


def _replaced(text: str, spans: Iterable[Span], replacements: Iterable[str]) -> Redacted:
    pieces: list[str] = []
    position = 0
    for span, replacement in zip(spans, replacements, strict=True):
        pieces += text[position : span.start], replacement
        position = span.end
    return Redacted("".join([*pieces, text[position:]]))


def _literals(text: str, spans: list[Span], kept: list[tuple[int, int]]) -> list[Span]:
    taken = sorted([*((span.start, span.end) for span in spans), *kept])
    found: list[tuple[int, int]] = []
    position = 0
    for start, end in [*taken, (len(text), len(text))]:
        found += find_lookalikes(text, position, start)
        position = end
    plain = normalise(text)
    if plain.text != text:  # a model may copy it in plain letters
        taken = sorted([*taken, *found])
        written = (plain.original(first, last) for first, last in find_lookalikes(plain.text))
        found += [one for one in written if not any(one[0] < end and start < one[1] for start, end in taken)]
    return [Span(first, last, EntityType.LITERAL, 1.0, Source.ESCAPE) for first, last in _disjoint(found)]


def _disjoint(ranges: list[tuple[int, int]]) -> Iterator[tuple[int, int]]:
    furthest = 0
    for start, end in sorted(set(ranges)):
        if start >= furthest and start < end:
            yield start, end
            furthest = end


def _token_of(text: str, span: Span, token_map: TokenMap) -> str:
    value = text[span.start : span.end]
    stem = span.subject or span.type
    return token_map.token_for(stem, value, span.entity, _facet(span, stem), span.root)


def _facet(span: Span, stem: EntityType) -> str | None:
    if span.type is not stem:
        return span.type.value
    if span.type not in _NAMES or (span.entity is None and span.root is None):
        return None  # a part of nobody's name in particular
    field = (span.field or "").lower()
    if "first" in field or "given" in field:
        return "FIRST"
    if "last" in field or "family" in field or "surname" in field:
        return "LAST"
    return "MIDDLE" if span.root is not None or "middle" in field else None


def _durable_id(span: Span) -> str:
    entities = span.entities or ((span.entity,) if span.entity else ())
    if not 0 < len(entities) <= _DURABLE_AT_MOST:
        return f"[{span.type}]"
    return " ".join(_NOT_A_WORD.sub("_", entity) for entity in entities)
