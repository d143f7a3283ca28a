"""The values that detectors and callers exchange."""

from __future__ import annotations

from dataclasses import dataclass
from enum import StrEnum
from typing import NewType

Redacted = NewType("Redacted", str)
"""Text that went through `redact` or `durable`. Only this package makes it."""


class EntityType(StrEnum):
    """What a span is. The name is the first word of its token; none is made of digits."""

    PERSON = "PERSON"
    ORGANIZATION = "ORGANIZATION"
    EMAIL = "EMAIL"
    PHONE = "PHONE"
    ADDRESS = "ADDRESS"
    ACCOUNT = "ACCOUNT"
    CARD = "CARD"
    IBAN = "IBAN"
    TAX_ID = "TAX_ID"
    IP = "IP"
    URL = "URL"
    LOCATION = "LOCATION"
    DATE_OF_BIRTH = "DATE_OF_BIRTH"
    ID = "ID"
    USERNAME = "USERNAME"
    SECRET = "SECRET"  # noqa: S105 - the name of a kind, not a secret
    DATE = "DATE"
    AGE = "AGE"
    GROUP = "GROUP"
    """A nationality, religion or political group."""
    LITERAL = "LITERAL"
    """Text that only looks like a token. Nobody's identity: it may always be restored."""


class Source(StrEnum):
    """Which detector found a span, in order of trust."""

    GAZETTEER = "gazetteer"
    DICTIONARY = "dictionary"
    CHECKSUM = "checksum"
    PATTERN = "pattern"
    NER = "ner"
    ESCAPE = "escape"


@dataclass(frozen=True, slots=True)
class Span:
    """Characters `start` up to but not including `end` (code points of the original text).

    `entity` is the one record the value belongs to; when several records share the value it is None
    and `entities` names them (at most 64; more than that is as good as unknown). `subject` is the type
    of that record's own name. `root` is the full name that a name part was taken from.
    """

    start: int
    end: int
    type: EntityType
    score: float
    source: Source
    entity: str | None = None
    field: str | None = None
    entities: tuple[str, ...] = ()
    subject: EntityType | None = None
    root: str | None = None


@dataclass(frozen=True, slots=True)
class GazetteerEntry:
    """A value known to be an identity: `entity` as in “contact:17”, `field` as in “email”.

    `subject` is the type of the record's own name; without it, it is the type of the record's first
    PERSON or ORGANIZATION entry.
    """

    value: str
    type: EntityType
    entity: str | None = None
    field: str | None = None
    subject: EntityType | None = None
