"""Which token stands for which value, in one conversation."""

from __future__ import annotations

import json
from collections.abc import Iterable
from dataclasses import dataclass
from threading import Lock

from redaction.entities import EntityType, GazetteerEntry
from redaction.errors import BadTokenMap, TokenConflict
from redaction.normalise import fold_value

from .form import Token, parse_token

_SPELLING = "ALT"
_PARTS = frozenset({"FIRST", "LAST", "MIDDLE"})
_TYPES = frozenset(EntityType)


@dataclass(frozen=True, slots=True)
class TokenRecord:
    """One row of a token map, enough to rebuild it: `value` is what a person wrote, to the letter."""

    token: str
    value: str
    entity: str | None = None

    @property
    def owner(self) -> str:
        """Within whom the value has one token: a record, a stranger for parts of the name, or nobody ("")."""
        token = parse_token(self.token)
        if self.entity is not None or token is None or _first_word(token) not in _PARTS:
            return self.entity or ""
        return f"{token.stem}_{token.number}"


class TokenMap:
    """One conversation's values and tokens, filled from stored records; `added` says what has to be stored.

    All values of one record share a number. Without a record, spellings of one value that differ in
    case or accents share it. A value has one token and a token one value: for a value of a record within
    that record, for a part of a name within that name. Two people called Anna have a token each.

    Threads may share a map. Two processes must not both add: store `added` under a unique constraint on
    the token, and on a conflict load the records again and redact again. A map that was stored and loaded
    gives the tokens that it would have given.
    """

    def __init__(self, records: Iterable[TokenRecord] = ()) -> None:
        """Raises TokenConflict when records contradict each other or a token is not of our form."""
        self._lock = Lock()
        self._records: dict[str, TokenRecord] = {}
        self._by_value: dict[str, str] = {}
        self._by_entity: dict[tuple[str, str], str] = {}
        self._parts: dict[tuple[EntityType, int, str], str] = {}
        self._numbers: dict[tuple[EntityType, str, str], int] = {}
        self._highest: dict[EntityType, int] = {}
        for record in records:
            self._load(record)
        self._loaded = len(self._records)

    @classmethod
    def from_json(cls, written: str) -> TokenMap:
        """The map that `to_json` wrote. Raises BadTokenMap, TokenConflict."""
        try:
            rows = [
                TokenRecord(str(row["token"]), str(row["value"]), row.get("entity"))
                for row in json.loads(written)["tokens"]
            ]
        except (ValueError, KeyError, TypeError, AttributeError) as error:
            raise BadTokenMap(type(error).__name__) from None
        return cls(rows)

    def to_json(self) -> str:
        """Every record, oldest first. This is the treasure itself: keep it encrypted."""
        rows = [
            {"token": record.token, "value": record.value, "entity": record.entity}
            for record in self.records()
        ]
        return json.dumps({"tokens": rows})

    def token_for(
        self, stem: EntityType, value: str, entity: str | None, facet: str | None, root: str | None = None
    ) -> str:
        """The token of `value`; `root` is the full name that a part of a name belongs to.

        Only what has an `entity` or a `root` can be a FIRST, MIDDLE or LAST name.
        """
        with self._lock:
            known = self._known(value, entity, root)
            if known is not None:
                return known
            whole = self._by_value.get(root) if root is not None and entity is None else None
            subject = parse_token(whole) if whole is not None else None
            if subject is not None:
                stem, number = subject.stem, subject.number
            else:
                number = self._number(stem, _subject_key(stem, entity, root or value))
            if root is not None and entity is None and (part := self._parts.get((stem, number, value))):
                return part
            token = self._unused(stem, number, facet)
            self._remember(TokenRecord(token, value, entity))
            return token

    def value_of(self, token: str) -> str | None:
        """The exact value behind a token, None for a token never given out here."""
        record = self._records.get(token)
        return None if record is None else record.value

    def tokens(self) -> tuple[str, ...]:
        """Every token given out, oldest first."""
        return tuple(record.token for record in self.records())

    def values(self) -> dict[str, str]:
        """Token to value, as `restore` takes it."""
        return {record.token: record.value for record in self.records()}

    def records(self) -> tuple[TokenRecord, ...]:
        """Every record, oldest first."""
        with self._lock:
            return tuple(self._records.values())

    def added(self) -> tuple[TokenRecord, ...]:
        """The records made since this map was loaded."""
        return self.records()[self._loaded :]

    def dictionary(self) -> list[GazetteerEntry]:
        """What this conversation already knows, for `Redactor.detect`."""
        return [entry for record in self.records() if (entry := _entry_of(record)) is not None]

    def _known(self, value: str, entity: str | None, root: str | None) -> str | None:
        """The token of a value of a record, or of somebody whom no record knows, but not of a part of a name:
        the Anna of one stranger is not that of another."""
        if entity is not None:
            return self._by_entity.get((entity, value))
        return self._by_value.get(value) if root is None else None

    def _load(self, record: TokenRecord) -> None:
        token = parse_token(record.token)
        if token is None:
            raise TokenConflict(record.token)
        known = self._records.get(record.token)
        if known is not None and known != record:
            raise TokenConflict(record.token)
        if record.entity is not None or _first_word(token) not in _PARTS:
            key = _subject_key(token.stem, record.entity, record.value)
            self._numbers.setdefault(key, token.number)
        self._highest[token.stem] = max(token.number, self._highest.get(token.stem, 0))
        self._remember(record)

    def _remember(self, record: TokenRecord) -> None:
        self._records[record.token] = record
        token = parse_token(record.token)
        if record.entity is not None:
            self._by_entity.setdefault((record.entity, record.value), record.token)
        elif token is not None and _first_word(token) in _PARTS:
            self._parts.setdefault((token.stem, token.number, record.value), record.token)
        else:
            self._by_value.setdefault(record.value, record.token)

    def _number(self, stem: EntityType, key: tuple[EntityType, str, str]) -> int:
        number = self._numbers.get(key)
        if number is None:
            number = self._numbers[key] = self._highest[stem] = self._highest.get(stem, 0) + 1
        return number

    def _unused(self, stem: EntityType, number: int, facet: str | None) -> str:
        token = str(Token(stem, number, facet))
        nth = 1
        while token in self._records:
            nth += 1
            token = str(Token(stem, number, _nth_facet(facet, nth)))
        return token


def _subject_key(stem: EntityType, entity: str | None, value: str) -> tuple[EntityType, str, str]:
    return (stem, "entity", entity) if entity is not None else (stem, "value", fold_value(value))


def _first_word(token: Token) -> str:
    return (token.facet or "").split("_")[0]


def _nth_facet(facet: str | None, nth: int) -> str:
    if facet is None:
        return _SPELLING if nth == 2 else f"{_SPELLING}_{nth - 1}"
    return f"{facet}_{nth}"


def _entry_of(record: TokenRecord) -> GazetteerEntry | None:
    token = parse_token(record.token)
    if token is None or token.stem is EntityType.LITERAL:
        return None
    first = _first_word(token)
    kind = EntityType(token.facet) if token.facet in _TYPES else token.stem
    if first in _PARTS:
        return GazetteerEntry(record.value, kind, record.entity, first.lower(), token.stem)
    return GazetteerEntry(record.value, kind, record.entity, None, token.stem)
