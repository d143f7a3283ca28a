"""The map language as a JSON Schema, so that an editor knows what may stand where and what it means."""

from __future__ import annotations

import json
import re
from typing import Any, Final

from retrieval.crm.map import SHORT_RULES, CrmMap

_MEANINGS: Final[dict[str, dict[str, str]]] = {
    "CrmMap": {
        "crm": "The name of this CRM, in lower case.",
        "version": "Raise it when the map changes.",
        "schema": "Where tables are whose names have no schema of their own; PostgreSQL's is public.",
        "users": "How a signed-in person is found in the CRM.",
        "words": "What people say for what the records say, in whatever language: warranty: [Garantie].",
        "entities": "The kinds of record that there are.",
    },
    "Users": {
        "table": "The table of the CRM's users.",
        "key": "The column that other tables name a user by.",
        "login": "The column that is compared, without case, with what a person signs in as.",
        "active": "Only such users are let in: a boolean column, or {column, equals}.",
        "where": "Rows that do not meet this are no users, such as deleted ones.",
        "attributes": "What rules name as $user.NAME: a column, or the values of a relation.",
    },
    "Attribute": {
        "column": "A column of the users table; with in, a column of the relation's table.",
        "table": "The table of the relation.",
        "user": "Its column that holds the user's key.",
        "in": "Another attribute, $user.NAME, that its column is compared with.",
        "value": "Its column whose values the user has.",
        "where": "Only rows of the relation that meet this count.",
    },
    "Active": {
        "column": "The column that says it.",
        "equals": "The values that mean yes; true unless given.",
    },
    "Entity": {
        "table": "The table or view, with its schema where needed.",
        "key": "The column that tells rows apart; it says nothing of anybody.",
        "where": "Rows that do not meet this do not exist for Cloister: soft deletes, other kinds of record.",
        "label": "The title of a record: a template with names of columns in braces.",
        "body": "A template of the record's prose, in place of its text columns one by one.",
        "lead": "Facts that head each passage of the record, such as its date and status.",
        "also": "Other words for these records: customer, customers.",
        "reference": "Whether these texts were written to answer questions, such as articles.",
        "url": "Where the record is in the CRM; holds keys only, so that no identity is in an address.",
        "changed": "A time that every change of the row moves.",
        "as_of": "The time that the record speaks of, shown beside the time it was read.",
        "consent": "A boolean column; without true the row is never shown, indexed or prompted.",
        "internal": "A boolean column; true and null mark the whole row as internal.",
        "retention": "Older rows do not exist for Cloister.",
        "parent": "The record that this one belongs to; rights and scope may come from it.",
        "follows": "Other tables whose changes move this record's rights or text.",
        "columns": "The columns that Cloister reads, each with its class; others are never read.",
        "flags": "The customer's own marks, such as vip, which risk rules can ask for.",
        "visible": "Who sees the row: any of these rules is enough.",
        "fields": "Columns that fewer people may read than the row.",
    },
    "Parent": {"entity": "The kind of the parent.", "column": "The column that holds the parent's key."},
    "Follow": {
        "table": "The other table.",
        "column": "Its column that holds this record's key.",
        "where": "Only its rows that meet this count.",
        "reads": "Columns of it that SQL in the rules reads besides.",
    },
    "Retention": {"column": "A date or time.", "days": "How many days after it the row goes."},
    "Flag": {"column": "The column that says it.", "equals": "The values that mean yes; true unless given."},
    "Rule": {
        "everyone": "Whoever is signed in and known to the CRM.",
        "column": "A column whose value must be among the user's.",
        "value_sql": "SQL over the row t in place of column; in PostgreSQL it may give an array.",
        "in": "The attribute of the user that the value must be among: $user.NAME.",
        "parent": "Whoever sees the parent of this kind.",
        "roles": "Only users with one of these values of $user.role.",
        "where": "Only rows that meet this.",
        "where_sql": "Only rows for which this SQL over the row t is true.",
    },
    "FieldRight": {"roles": "Only users with one of these values of $user.role read the field."},
    "TextColumn": {
        "internal": "Text that must not reach a customer.",
        "split": "How the text is cut: as prose, by mail, by turns of a talk, by headings.",
        "markup": "How it is written down; tags are taken out of html.",
    },
    "FactColumn": {
        "kind": "What sort of value it is.",
        "currency": "Of an amount of money: EUR, USD …",
        "live": "Read from the CRM when it is asked for, and never indexed.",
        "choice": "Whether it has one of few values, or which: lists can be asked for by it.",
    },
    "IdentityColumn": {"type": "What kind of identity it is; masked by this, never by guessing."},
    "KeyColumn": {"entity": "The kind of record that it names."},
    "SecretColumn": {},
    "IgnoredColumn": {},
}
_OF_COLUMNS: Final = {
    "class": "text, fact, identity, key, secret or ignore.",
    "label": "What a person calls it, where the column's name will not do.",
    "of": "Where the value comes from: columns, or paths into a JSON column, joined by a space.",
}
_SHORT_RULES: Final = {
    name: f"The column whose value must be in {attribute}." for name, attribute in SHORT_RULES.items()
} | {"role": "Only users with this role, or one of these."}


def map_schema() -> dict[str, Any]:
    """The JSON Schema (2020-12) of a map. Every part has a description."""
    schema = _polished(CrmMap.model_json_schema(by_alias=True, mode="validation"))
    definitions = schema["$defs"]
    for name, part in {**definitions, "CrmMap": schema}.items():
        for field, described in part.get("properties", {}).items():
            meaning = _MEANINGS[name].get(field) or _OF_COLUMNS[field]
            part["properties"][field] = {"description": meaning, **described}
    definitions["Rule"]["properties"] |= {
        name: {"description": meaning, **_short(name)} for name, meaning in _SHORT_RULES.items()
    }
    return {
        "$schema": "https://json-schema.org/draft/2020-12/schema",
        "title": "A CRM map of Cloister",
        **schema,
    }


def map_schema_text() -> str:
    """:func:`map_schema` as it stands in its file."""
    return json.dumps(map_schema(), indent=2, ensure_ascii=False) + "\n"


def _short(name: str) -> dict[str, Any]:
    if name == "role":
        return {"anyOf": [{"type": "string"}, {"type": "array", "items": {"type": "string"}}]}
    return {"type": "string"}


def _polished(part: Any) -> Any:
    """Without what pydantic adds for itself, and as an editor reads it: a part that may be missing is not
    null, and names may have letters of any language."""
    if isinstance(part, list):
        return [_polished(member) for member in part]
    if not isinstance(part, dict):
        return part
    found = {}
    for name, member in part.items():
        if name == "title" and isinstance(member, str):
            continue
        if name == "minLength" and part.get("type") == "array":
            name = "minItems"
        found[_pattern(name) if name.startswith("^") else name] = _polished(member)
    if "patternProperties" in found:
        found["additionalProperties"] = False
    if isinstance(found.get("pattern"), str):
        found["pattern"] = _pattern(found["pattern"])
    if isinstance(found.get("description"), str):
        found["description"] = _plain(found["description"])
    if "default" in found and found["default"] is None:
        del found["default"]
        ways = [way for way in found.pop("anyOf", []) if way != {"type": "null"}]
        found = {**found, "anyOf": ways} if len(ways) > 1 else {**found, **(ways[0] if ways else {})}
    return found


def _pattern(python: str) -> str:
    """The same for a reader whose ``\\w`` knows ASCII letters only."""
    return python.replace(r"[^\W\d]", r"[A-Za-z_\u00a1-\uffff]").replace(r"[\w", r"[\w\u00a1-\uffff")


def _plain(docstring: str) -> str:
    return re.sub(r"\s+", " ", docstring.replace("``", "")).strip()
