"""Qdrant's own definition of its REST interface, judging requests and our scripted server's answers.

`qdrant_openapi.json` is Qdrant's OpenAPI file (Apache 2.0), cut down to the operations that are used here.
It is a little older than the client; what the client's own models, generated from a newer one, know besides
is named in `NEWER`. Fields that no schema names are refused: a server passes over them, and would do
something else than it was asked.
"""

import json
import re
from collections.abc import Mapping
from functools import cache
from pathlib import Path
from typing import Any, Final

from jsonschema import Draft202012Validator
from jsonschema.exceptions import best_match

_FILE: Final = Path(__file__).with_name("qdrant_openapi.json")
_REF: Final = "#/components/schemas/"

NEWER: Final[Mapping[str, Mapping[str, Any]]] = {
    # qdrant-client 1.20, IdfParams: a named scope, or the points that match a filter
    "SearchParams": {
        "idf": {
            "anyOf": [
                {"enum": ["global"]},
                {
                    "type": "object",
                    "required": ["corpus"],
                    "properties": {"corpus": {"$ref": f"{_REF}Filter"}},
                },
                {"nullable": True},
            ]
        }
    },
}


class Unlike(Exception):
    """A request or an answer that Qdrant's definition does not allow; says where and why."""


def check_request(method: str, path: str, query: Mapping[str, str], body: object) -> str:
    """The operation that a request is for. Raises `Unlike`."""
    operation, template = _operation(method, path)
    known = {each["name"]: each["schema"] for each in operation["parameters"] if each["in"] == "query"}
    for name, value in query.items():
        if name not in known:
            raise Unlike(f"{method} {template} has no parameter {name!r}")
        _check(known[name], _read(value), f"{method} {template} ?{name}")
    wanted = operation.get("requestBody")
    if wanted is None and body is not None:
        raise Unlike(f"{method} {template} takes no body")
    if wanted is not None and (body is not None or wanted.get("required")):
        _check(wanted["content"]["application/json"]["schema"], body, f"{method} {template}")
    return str(operation["operationId"])


def check_answer(method: str, path: str, body: object) -> None:
    """Whether a server may answer so. Raises `Unlike`."""
    operation, template = _operation(method, path)
    schema = operation["responses"]["200"]["content"]["application/json"]["schema"]
    _check(schema, body, f"answer to {method} {template}")


def _operation(method: str, path: str) -> tuple[Mapping[str, Any], str]:
    found = [(template, each) for template, each in _definition()["paths"].items() if _is(template, path)]
    for template, operations in sorted(found, key=lambda one: one[0].count("{")):
        if method.lower() in operations:
            return operations[method.lower()], template
    raise Unlike(f"there is no {method} {path}")


def _is(template: str, path: str) -> bool:
    return re.fullmatch(re.sub(r"\{\w+\}", "[^/]+", template), path) is not None


def _check(schema: Mapping[str, Any], value: object, what: str) -> None:
    fault = best_match(_validator(json.dumps(schema)).iter_errors(value))
    if fault is not None:
        while fault.context:
            fault = max(fault.context, key=lambda each: len(each.absolute_path))
        raise Unlike(f"{what}: at {fault.json_path}: {fault.message[:300]}")


@cache
def _validator(schema: str) -> Draft202012Validator:
    return Draft202012Validator({**_strict(json.loads(schema)), "components": {"schemas": _schemas()}})


@cache
def _definition() -> dict[str, Any]:
    return dict(json.loads(_FILE.read_text("utf-8")))


@cache
def _schemas() -> dict[str, Any]:
    schemas = _definition()["components"]["schemas"]
    for name, more in NEWER.items():
        assert not more.keys() & schemas[name]["properties"].keys(), f"the file knows {name} by now"
        schemas[name]["properties"] |= more
    return {name: _strict(schema) for name, schema in schemas.items()}


def _strict(schema: Any) -> Any:
    """OpenAPI 3.0 as JSON Schema, with null where it is allowed and no unknown fields."""
    if isinstance(schema, list):
        return [_strict(each) for each in schema]
    if not isinstance(schema, dict):
        return schema
    plain = {key: _strict(value) for key, value in schema.items() if key not in ("nullable", "format")}
    if "properties" in schema and isinstance(schema["properties"], dict):
        plain["properties"] = {name: _strict(each) for name, each in schema["properties"].items()}
        if "additionalProperties" not in schema and not {"allOf", "anyOf", "oneOf"} & schema.keys():
            plain["additionalProperties"] = False
    if schema.get("nullable") is True:
        return {"anyOf": [plain, {"type": "null"}]} if plain else {"type": "null"}
    return plain


def _read(value: str) -> object:
    try:
        return json.loads(value)
    except ValueError:
        return value
