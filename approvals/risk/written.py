"""A policy as its file has it: YAML, what it extends, and its faults in words."""

from collections.abc import Iterable, Mapping, Sequence
from importlib.resources import files
from pathlib import Path
from typing import Any, Final

import yaml
from pydantic_core import ErrorDetails

from gateway import faults_of

from .described import no_such
from .errors import PolicyFaults

SHIPPED: Final = "policy.yaml"


def content_of(path: Path | None, kinds: Sequence[str]) -> dict[str, Any]:
    """What a file says, the shipped one without `path`; one that extends the shipped has what that has too.

    `kinds` are those of rules. Raises `PolicyFaults`.
    """
    content = _parsed(path)
    if isinstance(content, dict) and "extends" in content:
        content = _extended(content, path)
    if not isinstance(content, dict):
        raise has_faults(path, ["names with values are expected, such as `version: own-1`"])
    rules = content.get("rules")
    named = [rule for rule in rules if isinstance(rule, dict)] if isinstance(rules, list) else []
    if wrong := [_no_kind(rule, kinds) for rule in named if rule.get("kind") not in kinds]:
        raise has_faults(path, wrong)
    return content


def has_faults(path: Path | None, faults: Iterable[str]) -> PolicyFaults:
    """The error that names them, one a line."""
    return PolicyFaults(
        f"The policy {path or SHIPPED} has faults:\n" + "\n".join(f"  {one}" for one in faults)
    )


def told(errors: Sequence[ErrorDetails], content: Any) -> list[str]:
    """Where each is, as its writer finds it, and what is wrong."""
    return faults_of([{**one, "loc": ("body", *_without_kind(one["loc"]))} for one in errors], content)


def _without_kind(place: tuple[int | str, ...]) -> tuple[int | str, ...]:
    """A place in a rule, without the kind that pydantic names there."""
    return (*place[:2], *place[3:]) if place[:1] == ("rules",) else place


def _no_kind(rule: Mapping[str, Any], kinds: Sequence[str]) -> str:
    said = f"one of {', '.join(kinds)} is expected"
    if "kind" in rule:
        said = f"{rule['kind']}: {no_such('kind', str(rule['kind']), kinds)}"
    return f"rules[{rule.get('id', '?')}].kind: {said}"


def _parsed(path: Path | None) -> Any:
    try:
        source = path.read_text("utf-8") if path else (files("approvals.risk") / SHIPPED).read_text("utf-8")
        return yaml.safe_load(source)
    except OSError as error:
        raise PolicyFaults(f"The policy {path} cannot be read: {error.strerror}.") from error
    except yaml.MarkedYAMLError as error:
        mark = error.problem_mark or error.context_mark
        line = min(mark.line + 1, len(source.splitlines())) if mark else 1
        begun = error.context_mark
        where = f", {error.context} of line {begun.line + 1}" if begun and begun.line + 1 < line else ""
        raise PolicyFaults(f"{path or SHIPPED}:{line}: this is not YAML: {error.problem}{where}.") from error
    except (yaml.YAMLError, ValueError) as error:
        raise PolicyFaults(f"The policy {path or SHIPPED} is not YAML: {error}.") from error


def _extended(changes: Mapping[str, Any], path: Path | None) -> Any:
    """The shipped policy with the changes of a file that extends it."""
    if changes["extends"] != "shipped":
        raise has_faults(path, ["extends: only `shipped` can be extended"])
    if "version" not in changes:
        raise has_faults(path, ["version: what changes has a version of its own"])
    content = _parsed(None)
    by_rule = changes.get("rules") or {}
    if not isinstance(by_rule, dict) or not all(isinstance(fields, dict) for fields in by_rule.values()):
        expected = "by the name of a rule its fields are expected, such as `legal_threat: {trial: true}`"
        raise has_faults(path, [f"rules: {expected}"])
    known = [rule["id"] for rule in content["rules"]]
    added = [{"id": name, **fields} for name, fields in by_rule.items() if name not in known]
    if wrong := [f"rules.{one['id']}: {_no_rule(one['id'], known)}" for one in added if "kind" not in one]:
        raise has_faults(path, wrong)
    content["rules"] = [{**rule, **by_rule.get(rule["id"], {})} for rule in content["rules"]] + added
    return {**content, **{key: value for key, value in changes.items() if key not in {"extends", "rules"}}}


def _no_rule(name: object, known: Sequence[str]) -> str:
    said = no_such("rule", str(name), known)
    return said if said.endswith("?") else f"{said} that ships; one of your own says its kind"
