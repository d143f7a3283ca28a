"""A row cut into pieces: the same cut for the index and for what a person reads, from the live row."""

from collections.abc import Sequence
from dataclasses import dataclass
from itertools import groupby
from typing import Final

from retrieval.crm import CrmMap, RenderedPart, UserAttributes, facts, render, title
from retrieval.crm.map import FactColumn, Row, Split, TextColumn
from retrieval.crm.render import label_of

from .split import Cut, is_short, split

CUT: Final = 1
"""Raised when rows are cut differently: a new generation of the index is then filled beside the old one."""

FACTS: Final = "facts"
"""The field of the one piece that holds a row's facts and identities."""


@dataclass(frozen=True, slots=True)
class Piece:
    """A piece of a row as text, identities included. `internal` text must not reach a customer.

    `span` is its place in the prose it was cut from (code points, half open), None for what was made of
    columns. `free` are the numbers of the lines, from 0, in which anything may stand; None where that is all
    of them.
    """

    field: str
    ordinal: int
    text: str
    internal: bool
    span: tuple[int, int] | None = None
    free: tuple[int, ...] | None = None


def prose_of(crm_map: CrmMap, kind: str, row: Row) -> list[Piece]:
    """The row's prose, as everyone reads it who sees the row."""
    return prose_in(crm_map, kind, row, render(crm_map, kind, row))


def prose_in(crm_map: CrmMap, kind: str, row: Row, rendered: Sequence[RenderedPart]) -> list[Piece]:
    """The prose of a row that was rendered for everyone who sees it."""
    entity = crm_map.entities[kind]
    labels = {name: label_of(name, column) for name, column in entity.readable}
    called = title(crm_map, kind, row)
    parts = [part for part in rendered if part.kind == "text"]
    # a subject that the title repeats is not read twice
    prose = [part for part in parts if part.text not in called] or parts
    pieces: list[Piece] = []
    for internal, group in groupby(prose, key=lambda part: part.internal):
        together = list(group)
        texts = [f"{labels[part.field]}: {part.text}" if len(prose) > 1 else part.text for part in together]
        whole = "\n".join(texts)
        if is_short(whole):
            pieces += [_piece(together[0].field, 0, cut, internal) for cut in split(whole)]
            continue
        for part, text in zip(together, texts, strict=True):
            form = _form(crm_map, kind, part.field)
            pieces += [
                _piece(part.field, number, cut, internal) for number, cut in enumerate(split(text, form))
            ]
    return pieces


def _piece(field: str, ordinal: int, cut: Cut, internal: bool) -> Piece:
    text = f"{cut.under}\n{cut.text}" if cut.under else cut.text
    return Piece(field, ordinal, text, internal, (cut.start, cut.end))


def _form(crm_map: CrmMap, kind: str, field: str) -> Split:
    column = crm_map.entities[kind].columns.get(field)
    return column.split if isinstance(column, TextColumn) else Split.AUTO


def facts_of(crm_map: CrmMap, kind: str, row: Row, user: UserAttributes) -> Piece | None:
    """One piece of all facts and identities that this user may read, live facts included."""
    parts = [part for part in render(crm_map, kind, row, user) if part.kind != "text"]
    free_fields = _free_fields(crm_map, kind)
    found = [(part.text, part.field in free_fields) for part in parts]
    found += [
        (f"{fact.label}: {fact.text}", fact.free) for fact in facts(crm_map, kind, row, user) if fact.live
    ]
    if not found:
        return None
    lines = [(line, free) for text, free in found for line in text.split("\n")]
    return Piece(
        FACTS,
        0,
        "\n".join(line for line, _ in lines),
        any(part.internal for part in parts),
        None,
        tuple(number for number, (_, free) in enumerate(lines) if free),
    )


def texts_to_read(crm_map: CrmMap, kind: str, row: Row) -> list[str]:
    """Every text of a row in which somebody must look for names, as it reads when the row is found.

    Its title, its prose, and facts in which anything may stand: as a line, and the value alone.
    """
    called = title(crm_map, kind, row)
    found = [called, f"{kind}: {called}", *(piece.text for piece in prose_of(crm_map, kind, row))]
    for fact in facts(crm_map, kind, row):
        if fact.free:
            found += [fact.text, *f"{fact.label}: {fact.text}".split("\n")]
    return list(dict.fromkeys(found))


def _free_fields(crm_map: CrmMap, kind: str) -> frozenset[str]:
    readable = crm_map.entities[kind].readable
    return frozenset(name for name, column in readable if isinstance(column, FactColumn) and column.free)
