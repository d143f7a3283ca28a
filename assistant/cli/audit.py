"""`cloister audit`: verify the record, export it, prove one event, follow one answer."""

import gzip
import json
import sys
import uuid
from collections.abc import Iterator
from contextlib import contextmanager
from datetime import UTC, datetime
from enum import StrEnum
from gettext import gettext as _
from gettext import ngettext
from pathlib import Path
from typing import Annotated, Any

import typer
from rich.console import Console
from rich.progress import Progress

from assistant.pages.numbers import exact_seconds
from assistant.telling import became_sentence, ending_title, gap_sentence, step_title, version_title
from gateway import verifier_source

from .exits import Exit, leave
from .files import written_whole
from .options import As, Data, Json, TokenFile
from .remote import Appliance, Caller, Writable

app = typer.Typer(help="The record of what happened.", no_args_is_help=True)


def _event(given: str) -> str:
    if given.isascii() and given.isdecimal():
        return given
    try:
        return str(uuid.UUID(given))
    except ValueError as error:
        raise typer.BadParameter(_("This is neither an event's id nor its number.")) from error


class Form(StrEnum):
    """How the record is written."""

    NATIVE = "native"
    OCSF = "ocsf"
    CSV = "csv"


Out = Annotated[
    Path | None,
    typer.Option("--out", help="File to write; standard output without it. Packed when it ends in .gz."),
]


@app.command()
def verify(login: As = None, as_json: Json = False, token_file: TokenFile = None, data: Data = None) -> None:
    """Recompute the record and check signatures and anchors (role auditor). Ends with 5 on any fault."""
    found = _verified(_caller(login, token_file, data).lines("/api/v1/audit/verify"))
    if as_json:
        print(json.dumps(found, indent=2))
    else:
        sentence = _(
            "{sealed:,} sealed events, {checkpoints:,} signed checkpoints and {anchors:,} anchors checked in "
            "{seconds} s; {unsealed:,} not sealed yet."
        )
        print(sentence.format(**found))
        for key in found["keys"]:
            print(_("  with the key {key}").format(key=key))
        for fault in found["faults"]:
            print(f"  {fault}")
        print(_("The record holds.") if found["holds"] else _("The record does NOT hold."))
    if not found["holds"]:
        raise typer.Exit(Exit.FAULTS)


@app.command()
def export(
    form: Annotated[
        Form, typer.Option(help="native: for the stand-alone verifier; ocsf: for a SIEM; csv: for a table.")
    ] = Form.NATIVE,
    since: Annotated[
        datetime | None,
        typer.Option("--from", help="Nothing recorded before (UTC); native has the one entry before."),
    ] = None,
    until: Annotated[
        datetime | None,
        typer.Option("--to", help="Nothing recorded at or after (UTC); native goes on to a checkpoint."),
    ] = None,
    without: Annotated[
        list[str] | None,
        typer.Option("--except", help="Leave these events out, by name or its beginning (csv alone)."),
    ] = None,
    out: Out = None,
    login: As = None,
    token_file: TokenFile = None,
    data: Data = None,
) -> None:
    """Write the record, or a time of it, to be kept and checked elsewhere (role auditor).

    native and ocsf are what is sealed, oldest first; csv has also what is not sealed yet, newest first.
    """
    if without and form is not Form.CSV:
        raise typer.BadParameter(_("Only csv can leave events out."), param_hint="--except")
    caller = _caller(login, token_file, data)
    asked: dict[str, Any] = {"except": without} if without else {}
    asked |= {
        name: at.replace(tzinfo=UTC).isoformat() for name, at in (("since", since), ("until", until)) if at
    }
    with _opened(out) as file:
        lines = caller.save("/api/v1/audit/export", file, form=form.value, **asked)
    if out:
        told = ngettext("{lines:,} line in {file}.\n", "{lines:,} lines in {file}.\n", lines)
        sys.stderr.write(told.format(lines=lines, file=out))


@app.command()
def prove(
    event: Annotated[
        str,
        typer.Argument(
            metavar="EVENT",
            help="The event's id, or its number in the record as `timeline` prints it.",
            callback=_event,
        ),
    ],
    out: Out = None,
    login: As = None,
    token_file: TokenFile = None,
    data: Data = None,
) -> None:
    """Write a proof that an event is in the record, which the stand-alone verifier checks (role auditor)."""
    proof = _caller(login, token_file, data).text(f"/api/v1/audit/proofs/{event}")
    with _opened(out) as file:
        file.write(proof.encode())


@app.command()
def timeline(
    run: Annotated[
        uuid.UUID,
        typer.Argument(metavar="RUN", help="The id of a run, of its held item, or of a conversation."),
    ],
    login: As = None,
    as_json: Json = False,
    token_file: TokenFile = None,
    data: Data = None,
) -> None:
    """Tell what happened to one answer: asked, redacted, searched, generated, scored, decided, shown."""
    caller = _caller(login, token_file, data)
    found = caller.get(f"/api/v1/audit/runs/{_run_of(caller, run)}")
    if as_json:
        print(json.dumps(found, indent=2))
        return
    for phase in found["phases"]:
        title = step_title(phase["step"], _)
        for line in phase["lines"]:
            steps = [found["steps"][place] for place in line["steps"]]
            print(_line(steps, line["times"], title, found["names"]))
            title = ""
    print(_("How it ended: {state}").format(state=ending_title(found["ending"], _)))
    for name, versions in found["versions"].items():
        print(f"{version_title(name, _)}: {', '.join(versions)}")
    for one in found["missing"]:
        print(gap_sentence(one["what"], one["count"], one["name"], _, ngettext))


@app.command()
def replay(
    run: Annotated[
        uuid.UUID,
        typer.Argument(metavar="RUN", help="The id of a run, of its held item, or of a conversation."),
    ],
    attempt: Annotated[
        int | None, typer.Option(help="Which draft, where an officer sent some back; without it the last.")
    ] = None,
    other_version: Annotated[
        bool, typer.Option("--other-version", help="Go on where the model that answered is served no more.")
    ] = False,
    login: As = None,
    as_json: Json = False,
    token_file: TokenFile = None,
    data: Data = None,
) -> None:
    """Ask a run's question again and show what is different, in tokens (role auditor). Recorded."""
    caller = _caller(login, token_file, data)
    asked = {"attempt": attempt, "other_version": other_version}
    found = caller.post_slowly(f"/api/v1/audit/runs/{_run_of(caller, run)}/replay", asked)
    print(json.dumps(found, indent=2) if as_json else "\n".join(_compared(found)))


@app.command()
def verifier(out: Out = None) -> None:
    """Print the stand-alone verifier: one file that needs Python and `cryptography`, and nothing of ours."""
    with _opened(out) as file:
        file.write(verifier_source().encode())


@app.command()
def hold(
    scope: Annotated[str, typer.Argument(help="actor, subject, conversation, run or all.")],
    value: Annotated[str, typer.Argument(help="Whose (sign-in name or id) or which; none with all.")] = "",
    reason: Annotated[str, typer.Option(help="The case, by number or name.")] = "",
    ahead: Annotated[
        bool, typer.Option("--ahead", help="No event has this value yet: keep those that will.")
    ] = False,
    login: As = None,
    token_file: TokenFile = None,
    data: Data = None,
) -> None:
    """Place a legal hold: keep events from being erased until it is lifted (role auditor)."""
    asked = {"scope": scope, "value": value, "reason": reason, "ahead": ahead}
    placed = _caller(login, token_file, data).post("/api/v1/audit/holds", asked)
    print(placed["id"])
    sys.stderr.write(_("It keeps {count:,} events of now.\n").format(count=placed["matches"]))


@app.command()
def lift(
    hold_id: Annotated[uuid.UUID, typer.Argument(metavar="HOLD", help="The hold's id.")],
    login: As = None,
    token_file: TokenFile = None,
    data: Data = None,
) -> None:
    """Lift a legal hold (role auditor)."""
    _caller(login, token_file, data).delete(f"/api/v1/audit/holds/{hold_id}")


@app.command()
def holds(login: As = None, as_json: Json = False, token_file: TokenFile = None, data: Data = None) -> None:
    """List legal holds, the newest first (role auditor)."""
    found = _caller(login, token_file, data).get("/api/v1/audit/holds")
    if as_json:
        print(json.dumps(found, indent=2))
        return
    if not found:
        print(_("There is no legal hold."))
    for each in found:
        state = _("lifted") if each["lifted_at"] else _("stands")
        print(f"{each['id']}  {state}  {each['scope']} {each['value'] or ''}  {each['reason']}")


@app.command()
def key(login: As = None, token_file: TokenFile = None, data: Data = None) -> None:
    """Print the log's verifier keys, by which exports are checked elsewhere (role auditor)."""
    print(_caller(login, token_file, data).text("/api/v1/audit/key").strip())


def _caller(login: str | None, token_file: Path | None, data: Path | None) -> Caller:
    appliance = Appliance.running(data)
    return Caller(appliance, login or appliance.auditor, token_file)


def _run_of(caller: Caller, wanted: uuid.UUID) -> str:
    """The run that an id is of. Ends with 1 where there is none, or more than one."""
    found = caller.get("/api/v1/audit/runs", of=str(wanted))
    if not found:
        leave(Exit.REFUSED, _("The record has no event of this run."))
    if len(found) > 1:
        runs = "\n".join(f"  {one['run']}  {one['at'][:19]}" for one in found)
        leave(Exit.FAILED, _("There are several answers of this id; name one:\n{runs}").format(runs=runs))
    return str(found[0]["run"])


def _verified(lines: Iterator[Any]) -> Any:
    """What was found; meanwhile a terminal is shown how far it is."""
    with Progress(console=Console(stderr=True), transient=True) as bar:
        task = bar.add_task(_("Verifying"), total=None)
        for line in lines:
            if "found" in line:
                return line["found"]
            if "problem" in line:
                leave(Exit.FAILED, line["problem"])
            bar.update(task, completed=line["checked"], total=line["of"] or None)
    return leave(Exit.FAILED, _("The verification broke off. Try again."))


def _compared(found: dict[str, Any]) -> Iterator[str]:
    yield _("Question: {text}").format(text=found["question"])
    yield _("Recorded answer: {text}").format(text=found["then"]["text"])
    yield became_sentence(found["became"], found["shown"], _, ngettext)
    if found["given"]:
        yield _("Officer's text: {text}").format(text=found["given"])
    if not found["asked_a_model"]:
        yield _("No model wrote it: the CRM's own count was told. It was weighed again.")
    elif found["same_text"]:
        yield _("The model wrote the same words.")
    else:
        yield _("New answer: {text}").format(text=found["now"]["text"])
        marks = {"kept": "{}", "removed": "[-{}-]", "added": "{{+{}+}}"}
        yield _("Difference: {text}").format(
            text="".join(marks[kind].format(text) for kind, text in found["changes"])
        )
    same = found["same_prompt"]
    if same is not None:
        yield _("The prompt was the same, byte for byte.") if same else _("The prompt was not the same.")
    for title, version, weighs in (
        (_("recorded"), found["then"]["version"], found["then"]["weighs"]),
        (_("recorded, today"), found["then"]["version"], found["today"]),
        (_("new, today"), found["now"]["version"], found["now"]["weighs"]),
    ):
        state = _("held") if weighs["held"] else _("released")
        rules = ", ".join(weighs["rules"]) or "–"
        line = _("{title}: {state} by policy {policy}, model {version}, rules {rules}")
        yield line.format(
            title=title, state=state, policy=weighs["policy"], version=version or "–", rules=rules
        )


def _line(steps: list[dict[str, Any]], times: int, title: str, logins: dict[str, str]) -> str:
    step, last = steps[0], steps[-1]
    number = f"{step['sequence']:>8}" if step["sequence"] else _("unsealed")
    who = step["login"] or step["actor"]
    names = " + ".join(dict.fromkeys(one["event"] for one in steps)) if times > 1 else step["event"]
    detail = ", ".join(f"{name} {_short(name, value, logins)}" for name, value in step["detail"].items())
    if times > 1:
        detail = _("{times:,} times, until {at}").format(times=times, at=last["at"][:23])
    time = f"{step['at'][:23]} {exact_seconds(step['after_s']):>8}"
    return f"{time}  {number}  {title:<12}  {names:<20}  {who}  {detail}".rstrip()


def _short(name: str, value: object, logins: dict[str, str]) -> str:
    if isinstance(value, list):
        return f"[{', '.join(map(str, value))}]" if name == "rules" else f"[{len(value)}]"
    text = json.dumps(value) if isinstance(value, dict) else logins.get(str(value), str(value))
    return text if len(text) <= 40 else f"{text[:39]}…"


@contextmanager
def _opened(out: Path | None) -> Iterator[Writable]:
    if out is None:
        yield sys.stdout.buffer
        sys.stdout.flush()
        return
    with written_whole(out) as file:
        if out.suffix == ".gz":
            with gzip.GzipFile(out.name, mode="wb", fileobj=file) as packed:
                yield packed
        else:
            yield file
