"""`cloister review`: the queue from the command line, in an officer's own name."""

import json
import sys
from collections.abc import Iterator
from gettext import gettext as _
from pathlib import Path
from typing import Annotated, Any, Literal, get_args

import typer

from .described import as_yaml, read_description
from .exits import Exit, leave
from .options import As, Data, Json, TokenFile
from .remote import Appliance, Caller
from .review_shown import item_lines, status_line

app = typer.Typer(help="Held drafts: list, read, decide.", no_args_is_help=True)
Item = Annotated[str, typer.Argument(help="The item's id.")]
Verb = Literal["approve", "false-alarm", "edit", "reject", "send-back", "reassign", "escalate", "ask", "undo"]
State = Literal["pending", "mine", "decided", "expired"]
Reason = Literal["wrong_fact", "not_supported", "against_policy", "legal", "personal_data", "tone", "other"]


@app.command("list")
def list_items(
    state: Annotated[State, typer.Option(help="Which tab.")] = "pending",
    login: As = None,
    as_json: Json = False,
    token_file: TokenFile = None,
    data: Data = None,
) -> None:
    """List one tab of your queues."""
    listed = _caller(data, login, token_file).get("/api/v1/reviews", state=state)
    if as_json:
        _print_json(listed)
        return
    for line in listed["items"]:
        rules = ", ".join(rule["title"] for rule in line["rules"])
        waits = "  " + _("[customer is waiting]") if line["customer_waits_since"] else ""
        print(f"{line['id']}  {line['risk']:7}  {line['deadline']}  {line['rep']}  {rules}{waits}")
    if not listed["items"]:
        print(_("Nothing here."))


@app.command()
def show(
    item: Item,
    login: As = None,
    as_json: Json = False,
    token_file: TokenFile = None,
    data: Data = None,
) -> None:
    """Open an item; that you have read it is recorded."""
    opened = _caller(data, login, token_file).get(f"/api/v1/reviews/{item}")
    if as_json:
        _print_json(opened)
        return
    print("\n".join(item_lines(opened)))


@app.command()
def decide(
    item: Item,
    verb: Annotated[
        Verb, typer.Argument(metavar="VERB", help=f"What to do with it: {', '.join(get_args(Verb))}.")
    ],
    hash: Annotated[
        str | None,
        typer.Option(
            help="Hash of the text that you read, from `show`. Everything but undo needs it, "
            "reassign and escalate too."
        ),
    ] = None,
    text: Annotated[str | None, typer.Option(help="The text of an edit.")] = None,
    reason: Annotated[Reason | None, typer.Option(help="The reason of a rejection.")] = None,
    note: Annotated[
        str | None, typer.Option(help="A note; the instruction of send-back, the question of ask.")
    ] = None,
    to: Annotated[str | None, typer.Option(help="The login of who gets it, with reassign.")] = None,
    fence: Annotated[int | None, typer.Option(help="That of your claim on it, from `show --json`.")] = None,
    confirm: Annotated[bool, typer.Option(help="You have read a long text, however quickly.")] = False,
    login: As = None,
    as_json: Json = False,
    token_file: TokenFile = None,
    data: Data = None,
) -> None:
    """Decide an item, hand it on, or undo your decision within its seconds."""
    given = {"text": text, "reason": reason, "note": note, "to": to, "fence": fence}
    if verb != "undo":
        _check_given(verb, {"hash": hash, **given})
    caller = _caller(data, login, token_file)
    if verb == "undo":
        status = caller.post(f"/api/v1/reviews/{item}/undo")
    else:
        body = {"hash": hash, "confirmed": confirm} | {k: v for k, v in given.items() if v is not None}
        status = caller.post(f"/api/v1/reviews/{item}/{verb}", body)
    if as_json:
        _print_json(status)
    else:
        print(status_line(verb, status))


_NEEDS = {"edit": "text", "reject": "reason", "send-back": "note", "ask": "note", "reassign": "to"}


def _check_given(verb: Verb, given: dict[str, Any]) -> None:
    if given["hash"] is None:
        leave(Exit.USAGE, _("Say which text you decide: --hash, as `cloister review show` prints it."))
    needed = _NEEDS.get(verb)
    if needed and given[needed] is None:
        values = f" ({', '.join(get_args(Reason))})" if needed == "reason" else ""
        sentence = _("{verb} needs --{option}{values}.")
        leave(Exit.USAGE, sentence.format(verb=verb, option=needed, values=values))


@app.command()
def queues(
    file: Annotated[
        Path | None, typer.Argument(help="A description of all queues (YAML) to put in place of today's.")
    ] = None,
    login: As = None,
    as_json: Json = False,
    token_file: TokenFile = None,
    data: Data = None,
) -> None:
    """Describe the queues as a file can give them back, or put those of a file in place (role admin)."""
    caller = _caller(data, login, token_file)
    if file is None:
        plans = caller.get("/api/v1/reviews/queues/plans")
        _print_json(plans) if as_json else print(as_yaml(plans), end="")
        _warn(caller.get("/api/v1/reviews/queues"))
        return
    named = caller.put("/api/v1/reviews/queues", read_description(file))
    _warn(named)
    if as_json:
        _print_json(named)
        return
    for queue in named:
        print(f"{queue['name']:20} {queue['title']}")


def _warn(queues: list[dict[str, Any]]) -> None:
    """Say on standard error what is amiss with the queues."""
    for queue in queues:
        name, unknown = queue["name"], queue["unknown_facts"]
        if queue["alone"]:
            sentence = _(
                "Warning: {name} has not two officers. What two must agree on (the top tier, and edits) is "
                "never released there."
            )
            print(sentence.format(name=name), file=sys.stderr)
        if unknown is None:
            sentence = _(
                "Warning: record search is away: nobody can say whether any record has the facts of {name}."
            )
            print(sentence.format(name=name), file=sys.stderr)
        elif unknown:
            sentence = _("Warning: {name} takes nothing: no record of the CRM map has the fact {facts}.")
            print(sentence.format(name=name, facts=_(" or ").join(unknown)), file=sys.stderr)


@app.command()
def report(
    days: Annotated[int, typer.Option(min=1, max=366, help="How many days back.")] = 30,
    queue: Annotated[str | None, typer.Option(help="One queue by its name.", show_default="all")] = None,
    csv: Annotated[bool, typer.Option("--csv", help="Print CSV: one number a line.")] = False,
    login: As = None,
    as_json: Json = False,
    token_file: TokenFile = None,
    data: Data = None,
) -> None:
    """Count how reviewing goes: what was held, what became of it, how long it took, what waits."""
    caller = _caller(data, login, token_file)
    wanted = {"days": days} | ({"queue": queue} if queue else {})
    if csv:
        print(caller.text("/api/v1/reviews/report", form="csv", **wanted), end="")
        return
    found = caller.get("/api/v1/reviews/report", **wanted)
    if as_json:
        _print_json(found)
    else:
        print("\n".join(_report_lines(found)))


_OUTCOMES = ("unchanged", "edited", "rejected", "sent_back", "expired", "cancelled", "waiting")


def _report_lines(found: dict[str, Any]) -> Iterator[str]:
    rates = found["rates"]
    share = f"{rates['held'] / rates['weighed']:.1%}" if rates["weighed"] else "–"
    yield _("{held} of {weighed} answers were held ({share}).").format(
        held=rates["held"], weighed=rates["weighed"], share=share
    )
    head = "".join(f"{name.replace('_', ' '):>11}" for name in (*_OUTCOMES, "median", "95%"))
    yield f"{_('queue'):24}{head}{_('now'):>6}{_('overdue'):>9}"
    for queue in found["queues"]:
        now = f"{queue['waiting']:6}{queue['overdue']:9}"
        yield f"{queue['name']:24}{_numbers(queue['numbers'])}{now}"
    yield f"{_('all'):24}{_numbers(found['whole'])}"
    for rule in rates["rules"]:
        if rule["held"]:
            yield f"  {rule['rule']:34} {rule['held']:6}  {rule['held'] / rates['weighed']:6.1%}"


def _numbers(numbers: dict[str, Any]) -> str:
    counts = "".join(f"{numbers['outcomes'][name]:11}" for name in _OUTCOMES)
    return counts + "".join(f"{_took(numbers['seconds'][name]):>11}" for name in ("median", "p95"))


def _took(seconds: float | None) -> str:
    from assistant.pages.numbers import compact_seconds

    return "–" if seconds is None else compact_seconds(seconds)


def _caller(data: Path | None, login: str | None, token_file: Path | None) -> Caller:
    return Caller(Appliance.running(data), login, token_file)


def _print_json(value: Any) -> None:
    print(json.dumps(value, ensure_ascii=False, indent=2))
