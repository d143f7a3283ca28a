"""`cloister explain`: which rule of the map shows or hides a record for somebody."""

import json
from gettext import gettext as _
from typing import Annotated, Any

import typer

from .exits import Exit
from .options import Data, Json, TokenFile, as_option
from .remote import Appliance, Caller

Record = Annotated[str, typer.Argument(help="The record, for example account:12.")]
Whose = Annotated[str, as_option("USER", "The login of the CRM user in question.")]


def explain(
    record: Record, login: Whose, as_json: Json = False, token_file: TokenFile = None, data: Data = None
) -> None:
    """Tell which rule shows or hides a record for a CRM user (role admin); shows no content.

    Ends with 5 when the map's rules, the index and the CRM's own check do not say the same.
    """
    appliance = Appliance.running(data)
    told = Caller(appliance, appliance.admin, token_file).post(
        "/api/v1/explain", {"login": login, "record": record}
    )
    if as_json:
        print(json.dumps(told, ensure_ascii=False, indent=2))
    else:
        print("\n".join(_lines(told)))
    if told["drift"]:
        raise typer.Exit(Exit.FAULTS)


def _lines(told: dict[str, Any]) -> list[str]:
    lines = [told["sentence"]]
    lines += [_("!! DRIFT: {sentence}").format(sentence=sentence) for sentence in told["drift"]]
    for name, values in told["attributes"].items():
        lines.append(_("  user's {name}: {values}").format(name=name, values=", ".join(values) or "–"))
    if told["reading"]:
        lines += _reading(told["reading"], "  ")
    index = told["index"]
    keys = ", ".join(index["shared"]) or _("none in common")
    held = _("does not find it") if index["held"] else _("does not have it")
    said = _("finds it") if index["finds"] else held
    lines.append(_("  the index {said}: {keys}").format(said=said, keys=keys))
    lines.append(_("  the CRM's check: {said}").format(said=_("visible") if told["sees"] else _("hidden")))
    for field in told["fields"]:
        may = _("reads it") if field["may_read"] else _("does not read it")
        sentence = _("  field {field} (line {line}, for {roles}): the user {may}")
        roles = ", ".join(field["roles"])
        lines.append(sentence.format(field=field["field"], line=field["line"], roles=roles, may=may))
    if told["internal"]:
        lines.append(_("  not for customers: {names}").format(names=", ".join(told["internal"])))
    return lines


def _reading(reading: dict[str, Any], indent: str) -> list[str]:
    """Each rule with what it asks for, each marked by itself; below it, indented, its parent's rules."""
    lines = [f"{indent}{reading['record']}: {sentence}" for sentence in reading["barred"]]
    for rule in reading["rules"]:
        lines.append(
            _("{indent}{mark} rule {number} (line {line}): {rule}").format(
                indent=indent, mark=_mark(rule), number=rule["number"], line=rule["line"], rule=rule["rule"]
            )
        )
        lines += [f"{indent}    {_mark(one)} {one['sentence']}" for one in rule["why"]]
        if rule["above"] and rule["above"]["exists"]:
            lines += _reading(rule["above"], indent + "      ")
    return lines


def _mark(said: dict[str, Any]) -> str:
    return "✓" if said["holds"] else "✗"
