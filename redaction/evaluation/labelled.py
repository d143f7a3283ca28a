"""Texts whose identities somebody has marked, and reading them from files."""

from __future__ import annotations

import json
from collections.abc import Iterator
from dataclasses import dataclass
from pathlib import Path
from typing import Any

from redaction.entities import EntityType
from redaction.errors import BadLabels

_OTHER_NAMES = {
    "STREET_ADDRESS": EntityType.ADDRESS,
    "ZIP_CODE": EntityType.ADDRESS,
    "GPE": EntityType.LOCATION,
    "LOC": EntityType.LOCATION,
    "FAC": EntityType.LOCATION,
    "CITY": EntityType.LOCATION,
    "ORG": EntityType.ORGANIZATION,
    "COMPANY": EntityType.ORGANIZATION,
    "NAME": EntityType.PERSON,
    "PER": EntityType.PERSON,
    "EMAIL_ADDRESS": EntityType.EMAIL,
    "PHONE_NUMBER": EntityType.PHONE,
    "CREDIT_CARD": EntityType.CARD,
    "IBAN_CODE": EntityType.IBAN,
    "IP_ADDRESS": EntityType.IP,
    "DOMAIN_NAME": EntityType.URL,
    "US_SSN": EntityType.TAX_ID,
    "US_ITIN": EntityType.TAX_ID,
    "UK_NHS": EntityType.TAX_ID,
    "UK_NINO": EntityType.TAX_ID,
    "US_DRIVER_LICENSE": EntityType.ID,
    "US_PASSPORT": EntityType.ID,
    "US_BANK_NUMBER": EntityType.ACCOUNT,
    "DATE_TIME": EntityType.DATE,
    "NRP": EntityType.GROUP,
}


@dataclass(frozen=True, slots=True)
class LabelledSpan:
    """Characters `start` up to but not including `end` (code points) that are an identity of `type`.

    `entity` is the record of the CRM that the value belongs to, None for strangers. `form` says how a
    known value was written: “clean”, or the name of a harder form such as “typo” or “initial”.
    """

    start: int
    end: int
    type: str
    entity: str | None = None
    form: str | None = None


@dataclass(frozen=True, slots=True)
class LabelledText:
    """A text, what must be masked in it, and the `group` and `template` it comes from."""

    text: str
    spans: tuple[LabelledSpan, ...]
    group: str = ""
    template: str = ""
    language: str = ""


def read_labelled(path: Path) -> list[LabelledText]:
    """Read presidio-research's JSON (a list of `full_text` and `spans`), or JSON Lines of `text` and `spans`.

    A span of the first is `entity_type`, `start_position`, `end_position`, of the second `type`, `start`,
    `end`. Raises OSError, BadLabels (with the place and what is wrong there).
    """
    content = path.read_text("utf-8")
    if content.lstrip().startswith("["):
        return [
            _read(f"text {place}", sample) for place, sample in enumerate(_parsed("the file", content), 1)
        ]
    lines = [(number, line) for number, line in enumerate(content.splitlines(), 1) if line.strip()]
    if not lines:
        raise BadLabels("the file", "it is empty")
    return [_read(f"line {number}", _parsed(f"line {number}", line)) for number, line in lines]


def as_entity_type(name: str) -> str:
    """What we call a type that other tools name otherwise; unknown names stay as they are."""
    return str(_OTHER_NAMES.get(name.upper(), name.upper()))


def lowered(labelled: LabelledText) -> LabelledText:
    """The same text in lower case, every character at its place."""
    text = "".join(low if len(low := character.lower()) == 1 else character for character in labelled.text)
    return LabelledText(text, labelled.spans, labelled.group, labelled.template, labelled.language)


def _parsed(place: str, content: str) -> Any:
    try:
        return json.loads(content)
    except ValueError as error:
        raise BadLabels(place, f"this is not JSON ({error})") from None


def _read(place: str, sample: Any) -> LabelledText:
    if not isinstance(sample, dict) or not isinstance(sample.get("spans"), list):
        raise BadLabels(place, "an object with a list “spans” is needed")
    text = sample.get("full_text", sample.get("text"))
    if not isinstance(text, str):
        raise BadLabels(place, "it has no “text” (or “full_text”)")
    spans = tuple(_spans(place, text, sample["spans"]))
    group, language = str(sample.get("group", "")), str(sample.get("language", ""))
    return LabelledText(
        text, spans, group, str(sample.get("template", sample.get("template_id", ""))), language
    )


def _spans(place: str, text: str, spans: list[Any]) -> Iterator[LabelledSpan]:
    for span in spans:
        try:
            start, end = (
                span.get("start_position", span.get("start")),
                span.get("end_position", span.get("end")),
            )
            kind = as_entity_type(span.get("entity_type", span.get("type")))
        except (AttributeError, TypeError):
            raise BadLabels(place, "a span is not an object with start, end and type") from None
        if not (isinstance(start, int) and isinstance(end, int) and 0 <= start < end <= len(text)):
            raise BadLabels(place, f"a span from {start} to {end} does not lie in its text")
        yield LabelledSpan(start, end, kind, span.get("entity"), span.get("form"))
