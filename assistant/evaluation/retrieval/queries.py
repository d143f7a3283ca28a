"""Queries with the records that answer them, as JSON Lines."""

import json
from collections.abc import Callable, Iterable, Iterator, Mapping
from dataclasses import dataclass, field
from typing import Any, Final, TextIO

_KNOWN: Final = frozenset(
    {"id", "query", "question", "turns", "relevant", "kind", "as", "scope", "answerable", "forbidden", "part"}
    | {"template"}
)


class BadQuery(ValueError):
    """A line that is no query; the sentence says which and why."""

    def __init__(self, line: int, why: str) -> None:
        super().__init__(f"line {line}: {why}")
        self.line = line


@dataclass(frozen=True)
class Query:
    """What somebody asks: their turns, the question last, and the grades of the records that answer it.

    Without an answerable question nothing is relevant. `forbidden` records must not come up for `login`.
    """

    id: str
    turns: tuple[str, ...]
    relevant: Mapping[str, int] = field(default_factory=dict)
    kind: str = ""
    login: str | None = None
    scope: str | None = None
    answerable: bool = True
    forbidden: frozenset[str] = frozenset()
    part: str = ""
    template: str = ""


@dataclass(frozen=True)
class Records:
    """The records that there are: kind → keys, and kind → its table."""

    keys: Mapping[str, frozenset[str]]
    tables: Mapping[str, str]
    called: Callable[[str], str | None] = lambda _: None
    """The one record that has this very value as one of its identities: its number, its mail address."""

    def resolve(self, written: str) -> str:
        """`kind:key` of what is written so, or as `table:key`, or as a key that one kind alone has.

        In place of a key there may be another value by which the record is known. Raises `ValueError`. A
        record that is not there may be meant all the same: it is then not found.
        """
        ref = self._by_key(written)
        if self.has(ref):
            return ref
        head, _, value = written.rpartition(":")
        known = self.called(value)
        kind = known.partition(":")[0] if known else ""
        return known if known and head in {"", kind, self.tables[kind]} else ref

    def _by_key(self, written: str) -> str:
        head, colon, key = written.partition(":")
        if colon and head in self.keys:
            return written
        of_table = [kind for kind, table in self.tables.items() if table == head]
        if colon and of_table:
            has = [kind for kind in of_table if key in self.keys[kind]]
            if len(has or of_table) > 1:
                raise ValueError(
                    f"“{written}” may be a record of {', '.join(has or of_table)}: name the kind"
                )
            return f"{(has or of_table)[0]}:{key}"
        has = [kind for kind, keys in self.keys.items() if written in keys]
        if len(has) > 1:
            raise ValueError(f"“{written}” may be a record of {', '.join(has)}: write KIND:{written}")
        return f"{has[0]}:{written}" if has else written

    def has(self, ref: str) -> bool:
        """Whether there is this record."""
        kind, _, key = ref.partition(":")
        return key in self.keys.get(kind, ())


def read_queries(lines: Iterable[str], records: Records) -> Iterator[Query]:
    """Queries, a line each; empty lines are passed over. Raises `BadQuery`."""
    seen: set[str] = set()
    for number, line in enumerate(lines, 1):
        if not line.strip():
            continue
        try:
            query = _query(json.loads(line), number, records)
        except json.JSONDecodeError as error:
            raise BadQuery(number, f"this is no JSON ({error.msg})") from None
        except ValueError as error:
            raise BadQuery(number, str(error)) from None
        if query.id in seen:
            raise BadQuery(number, f"the id {query.id} is another query's already")
        seen.add(query.id)
        yield query


def write_queries(queries: Iterable[Query], out: TextIO) -> None:
    """The same as JSON Lines."""
    for query in queries:
        line: dict[str, Any] = {"id": query.id, "kind": query.kind, "part": query.part}
        line |= {"turns": list(query.turns)} if len(query.turns) > 1 else {"query": query.turns[0]}
        line["relevant"] = (
            list(query.relevant) if set(query.relevant.values()) <= {1} else dict(query.relevant)
        )
        given = {"as": query.login, "scope": query.scope, "template": query.template}
        line |= {name: value for name, value in given.items() if value}
        if not query.answerable:
            line["answerable"] = False
        if query.forbidden:
            line["forbidden"] = sorted(query.forbidden)
        out.write(json.dumps(line, ensure_ascii=False) + "\n")


def _query(line: object, number: int, records: Records) -> Query:
    if not isinstance(line, dict):
        raise ValueError("this is no object")
    if unknown := sorted(line.keys() - _KNOWN):
        raise ValueError(f"unknown: {', '.join(unknown)}; known are {', '.join(sorted(_KNOWN))}")
    relevant = {
        records.resolve(ref): grade for ref, grade in _grades(line.get("relevant", [])).items() if grade
    }
    answerable = line.get("answerable", bool(relevant))
    if not isinstance(answerable, bool):
        raise ValueError("“answerable” is true or false")
    if answerable and not relevant:
        raise ValueError("an answerable query needs at least one relevant record")
    return Query(
        id=_text(line, "id") or str(number),
        turns=_turns(line),
        relevant=relevant if answerable else {},
        kind=_text(line, "kind"),
        login=_text(line, "as") or None,
        scope=records.resolve(scope) if (scope := _text(line, "scope")) else None,
        answerable=answerable,
        forbidden=frozenset(map(records.resolve, _grades(line.get("forbidden", [])))),
        part=_text(line, "part"),
        template=_text(line, "template"),
    )


def _turns(line: Mapping[str, Any]) -> tuple[str, ...]:
    """What the person said; turns of an assistant are left out."""
    given = line.get("turns", line.get("query", line.get("question")))
    turns = given if isinstance(given, list) else [given]
    said: list[str] = []
    for turn in turns:
        if isinstance(turn, dict):
            if turn.get("role", "user") != "user":
                continue
            turn = turn.get("content", turn.get("text"))
        if not isinstance(turn, str) or not turn.strip():
            raise ValueError("“query” is a text, or “turns” a list of texts, none of them empty")
        said.append(turn)
    if not said:
        raise ValueError("there is no “query” and no “turns”")
    return tuple(said)


def _grades(given: object) -> dict[str, int]:
    grades = given if isinstance(given, dict) else None
    if isinstance(given, list):
        grades = {}
        for one in given:
            grades |= one if isinstance(one, dict) else {one: 1}
    if grades is None or not all(_is_grade(ref, grade) for ref, grade in grades.items()):
        raise ValueError("“relevant” is a list of records, or an object of record and grade (0, 1, 2 …)")
    return {str(ref): int(grade) for ref, grade in grades.items()}


def _is_grade(ref: object, grade: object) -> bool:
    return isinstance(ref, str | int) and isinstance(grade, int) and grade >= 0


def _text(line: Mapping[str, Any], name: str) -> str:
    value = line.get(name, "")
    if value is None:
        return ""
    if not isinstance(value, str | int):
        raise ValueError(f"“{name}” is a text")
    return str(value)
