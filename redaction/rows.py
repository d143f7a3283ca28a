"""Rows of a table in, redacted columns out: each column is treated as what it is known to be."""

from __future__ import annotations

import json
from collections.abc import Callable, Iterable, Iterator, Mapping, Sequence
from dataclasses import dataclass
from enum import StrEnum
from typing import Any, TypedDict

from .entities import EntityType, GazetteerEntry, Redacted, Source, Span
from .errors import BadLine
from .lines import SpanLine, as_line, parsed_object
from .redactor import Redactor
from .tokens.replacement import redact
from .tokens.token_map import TokenMap

Rewrite = Callable[[str, Sequence[Span]], Redacted]


class Treatment(StrEnum):
    """What is done with a column."""

    IDENTITY = "identity"
    """Masked whole, whatever is in it."""
    TEXT = "text"
    """Read by the detectors, which know the identities of the row."""
    FACT = "fact"
    """Left as it is."""
    DROPPED = "dropped"
    """Not in the result."""


@dataclass(frozen=True, slots=True)
class ColumnRule:
    """`type` and `field` say what an IDENTITY is, and which value of its record."""

    treatment: Treatment
    type: EntityType | None = None
    field: str | None = None


@dataclass(frozen=True, slots=True)
class TableRules:
    """The columns of a table by name, or by path into a JSON column (`data.contact.email`).

    `name` and the value of the `key` column make the reference of a record (`contact:17`). `whole` names
    the columns whose values in a row, joined by a space, are one identity: first and last name.
    """

    name: str
    key: str
    columns: Mapping[str, ColumnRule]
    whole: Mapping[tuple[str, ...], ColumnRule]
    subject: EntityType | None = None


class RedactedRow(TypedDict):
    """What one input line gives: spans of the original text, and redacted text, by column."""

    id: object
    spans: dict[str, list[SpanLine]]
    redacted: dict[str, str]


def redact_rows(
    lines: Iterable[str], redactor: Redactor, rules: TableRules, rewrite: Rewrite | None = None
) -> Iterator[RedactedRow]:
    """Redact each line, a JSON object keyed by column. Tokens count anew in each; empty lines give nothing.

    `rewrite` puts something else than tokens in place of spans. Raises BadLine and DetectorFailed; what
    came before has been yielded by then.
    """
    for number, line in enumerate(lines, start=1):
        if line.strip():
            row = parsed_object(number, line)
            if row.get(rules.key) is None:
                raise BadLine(number, f"the column “{rules.key}” is needed, the key of “{rules.name}”")
            yield _Row(number, row, rules).redacted(redactor, rewrite)


class _Row:
    """One row, taken apart into the columns that have a rule."""

    def __init__(self, number: int, row: Mapping[str, Any], rules: TableRules) -> None:
        self._rules = rules
        self._id = row[rules.key]
        self._entity = f"{rules.name}:{self._id}"
        self._values: dict[str, list[str]] = {}
        for column, value in row.items():
            self._take(number, column, value)

    def redacted(self, redactor: Redactor, rewrite: Rewrite | None) -> RedactedRow:
        """Identities first, so that texts know them."""
        tokens = TokenMap()
        knowing = redactor.with_gazetteer(redactor.gazetteer.with_delta(self._entries()))
        spans: dict[str, list[Span]] = {}
        texts: dict[str, str] = {}
        order = sorted(self._values, key=lambda column: self._rule(column).treatment is Treatment.TEXT)
        for column in order:
            text = ", ".join(self._values[column])
            spans[column] = self._spans(column, text, knowing, tokens)
            if rewrite is None:
                redaction = redact(text, spans[column], tokens)
                spans[column], texts[column] = list(redaction.spans), redaction.text
            else:
                texts[column] = rewrite(text, spans[column])
        return {
            "id": self._id,
            "spans": {column: [as_line(span) for span in spans[column]] for column in self._values},
            "redacted": {column: texts[column] for column in self._values},
        }

    def _take(self, number: int, column: str, value: Any) -> None:
        rule = self._rules.columns.get(column)
        if rule is not None and rule.treatment is Treatment.DROPPED:
            return
        if rule is not None:
            self._values[column] = _texts(value)
            return
        inside = [path for path in self._rules.columns if path.startswith(f"{column}.")]
        if not inside:
            known = ", ".join(sorted(self._rules.columns))
            raise BadLine(
                number,
                f"the map says nothing of the column “{column}” of “{self._rules.name}”; it knows {known}",
            )
        for path in inside:
            if self._rules.columns[path].treatment is not Treatment.DROPPED:
                self._values[path] = _texts(_follow(value, path.split(".")[1:]))

    def _rule(self, column: str) -> ColumnRule:
        return self._rules.columns[column]

    def _spans(self, column: str, text: str, redactor: Redactor, tokens: TokenMap) -> list[Span]:
        rule = self._rule(column)
        if rule.treatment is Treatment.TEXT:
            return redactor.detect(text, tokens.dictionary(), prefer=[self._entity])
        if rule.treatment is Treatment.FACT or rule.type is None:
            return []
        spans = []
        position = 0
        for value in self._values[column]:
            if value:
                end = position + len(value)
                spans.append(
                    Span(position, end, rule.type, 1.0, Source.GAZETTEER, self._entity, rule.field,
                         (self._entity,), self._rules.subject)
                )  # fmt: skip
            position += len(value) + 2
        return spans

    def _entries(self) -> Iterator[GazetteerEntry]:
        """The identities of this row, with the names that several columns make together."""
        for column, values in self._values.items():
            for value in values:
                yield from self._entry(value, self._rule(column))
        for columns, rule in self._rules.whole.items():
            parts = [value for column in columns for value in self._values.get(column, ())]
            yield from self._entry(" ".join(filter(None, parts)), rule)

    def _entry(self, value: str, rule: ColumnRule) -> Iterator[GazetteerEntry]:
        if rule.treatment is Treatment.IDENTITY and rule.type is not None and value:
            yield GazetteerEntry(value, rule.type, self._entity, rule.field, self._rules.subject)


def _texts(value: Any) -> list[str]:
    """A list is several values; nothing is an empty one."""
    if isinstance(value, list):
        return [text for part in value for text in _texts(part)]
    if value is None:
        return [""]
    return [value if isinstance(value, str) else json.dumps(value, ensure_ascii=False)]


def _follow(value: Any, path: list[str]) -> Any:
    for step in path:
        value = value.get(step) if isinstance(value, dict) else None
    return value
