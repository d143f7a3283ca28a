"""Reads a CRM map and says, with line numbers, what is wrong with it."""

from __future__ import annotations

from collections.abc import Iterable
from pathlib import Path as FilePath

from pydantic import ValidationError
from pydantic_core import ErrorDetails

from retrieval.crm.beside import incoherences_beside
from retrieval.crm.coherence import Finding, incoherences
from retrieval.crm.document import Document, Path, read_document
from retrieval.crm.errors import MapInvalid, Problem
from retrieval.crm.map import CrmMap

_CLASSES = "text, fact, identity, secret, key or ignore"

NOBODY_DECIDED = (
    "nobody may see these rows yet; decide who may, as in - {owner: owner_id}, - {parent: account}, "
    "- {role: lead}, or - everyone"
)

_SENTENCES = {
    "missing": "“{last}” is missing; add it",
    "extra_forbidden": "“{last}” is not something that can be said here; remove it or correct its spelling",
    "union_tag_not_found": f"the column has no class; give it class: {_CLASSES}",
    "union_tag_invalid": "“{tag}” is no class of columns; use " + _CLASSES,
    "enum": "“{input}” is not known here; use one of {expected}",
    "literal_error": "“{input}” is not known here; use one of {expected}",
    "string_type": "this must be text; put it in quotes",
    "string_too_short": "this is empty; write what it stands for, or remove it",
    "bool_type": "this must be true or false",
    "bool_parsing": "this must be true or false",
    "int_type": "this must be a whole number",
    "int_parsing": "this must be a whole number",
    "greater_than_equal": "this must be at least {ge}",
    "dict_type": "this must be a list of names with values (name: value)",
    "model_type": "this must be a list of names with values (name: value)",
    "model_attributes_type": "this must be a list of names with values (name: value)",
    "tuple_type": "this must be a list",
    "too_short": "this is empty; give at least {min_length}",
}


_FORMS = {
    r"^[a-z][a-z0-9_]*$": "“{input}” is no name here; write lower-case letters and digits, as in case_note",
    r"^[^\W\d][\w$ -]*$": "“{input}” is no column's name; write one as the CRM has it, without quotes",
    r"^[^\W\d][\w$ -]*(\.[^\W\d][\w$ -]*)?$": "“{input}” is no table's name; write table or schema.table",
    r"^[^\W\d][\w$ -]*(\.[\w$ -]+)*$": "“{input}” is no source; write a column, or column.name for JSON",
    r"^[\w -]+$": "“{input}” is no role; write words, as in lead",
    r"^\$user\.[a-z][a-z0-9_]*$": "“{input}” is no attribute of the user; write $user.NAME, as in $user.id",
    r"^[A-Z]{3}$": "“{input}” is no currency; write three capitals, as in EUR",
}
"""Pattern → what a text of another form is told."""

_ONE_OF_SEVERAL = ("bool", "int", "str")
"""What pydantic calls the branches of a value that may be one of these."""


def load_map(path: FilePath | str) -> CrmMap:
    """Read and check the map at ``path``. Raises :class:`MapInvalid` with every problem found."""
    crm_map, problems = _read(FilePath(path))
    if crm_map is None or problems:
        raise MapInvalid(FilePath(path), problems)
    return crm_map


def check_map(path: FilePath | str) -> list[Problem]:
    """Every problem of the map at ``path`` in the order of its lines; empty when it can be used."""
    return _read(FilePath(path))[1]


def with_lines(path: FilePath | str, problems: Iterable[Problem]) -> list[Problem]:
    """The same problems with the lines of the map at ``path`` that they are about, in that order."""
    document = read_document(FilePath(path).read_text(encoding="utf-8"))
    return _in_order(
        Problem(document.line_of(_steps(problem.where)), problem.where, problem.sentence)
        for problem in problems
    )


def _steps(where: str) -> Path:
    return tuple(int(step) - 1 if step.isdecimal() else step for step in where.split("."))


def _read(path: FilePath) -> tuple[CrmMap | None, list[Problem]]:
    try:
        text = path.read_text(encoding="utf-8")
    except FileNotFoundError:
        return None, [Problem(1, "", f"there is no file {path}; give the path of a CRM map")]
    except IsADirectoryError:
        return None, [Problem(1, "", f"{path} is a folder; give the path of a CRM map in it")]
    except PermissionError:
        return None, [Problem(1, "", f"{path} may not be read; grant this user read access to it")]
    except UnicodeDecodeError:
        return None, [Problem(1, "", f"{path.name} is not text; save it as UTF-8")]
    document = read_document(text)
    if document.content is None:
        empty = Problem(1, "", "the map is empty; it needs crm, version, users and entities")
        return None, _in_order(document.problems) or [empty]
    crm_map, details = None, list[ErrorDetails]()
    try:
        crm_map = CrmMap.model_validate(document.content)
    except ValidationError as error:
        details = error.errors()
    twice = [_steps(problem.where) for problem in document.problems]
    if crm_map and not twice:
        return crm_map, _in_order(_told(document, incoherences(crm_map)))
    details = [detail for detail in details if not any(_is_in(detail["loc"], place) for place in twice)]
    faults = {*twice, *(detail["loc"] for detail in details)}
    beside = _told(document, incoherences_beside(document.content, faults))
    return None, _in_order([*document.problems, *_sentences(document, details), *beside])


def _told(document: Document, findings: Iterable[Finding]) -> Iterable[Problem]:
    for place, sentence in findings:
        yield Problem(document.line_of(place), document.known(place), sentence)


def _is_in(place: Path, part: Path) -> bool:
    return place[: len(part)] == part


def _sentences(document: Document, details: Iterable[ErrorDetails]) -> Iterable[Problem]:
    for detail in details:
        place: Path = tuple(detail["loc"])
        sentence = _sentence(detail["type"], place, detail)
        if place[-1:] and place[-1] in _ONE_OF_SEVERAL and detail["type"].endswith("_type"):
            place = place[:-1]
        elif "choice" in place:
            place = place[: place.index("choice") + 1]
        yield Problem(document.line_of(place), document.known(place), sentence)


def _sentence(kind: str, place: Path, detail: ErrorDetails) -> str:
    if kind == "too_short" and place[-1:] == ("visible",):
        return NOBODY_DECIDED
    if "choice" in place:
        return "this must be true, or a list of the values that it may have"
    if place[-1:] and place[-1] in _ONE_OF_SEVERAL and kind.endswith("_type"):
        return "this must be text, a whole number, true, false or null"
    context = detail.get("ctx", {})
    pattern = context.get("pattern") if kind == "string_pattern_mismatch" else None
    template = _FORMS.get(str(pattern)) if pattern else _SENTENCES.get(kind)
    if template is None:
        return detail["msg"]
    names = {"last": place[-1] if place else "", "input": _short(detail["input"]), **context}
    return template.format_map({key: str(value) for key, value in names.items()})


def _short(value: object) -> str:
    text = str(value)
    return text if len(text) <= 60 else text[:57] + "…"


def _in_order(problems: Iterable[Problem]) -> list[Problem]:
    return sorted(set(problems), key=lambda problem: (problem.line, problem.where, problem.sentence))
