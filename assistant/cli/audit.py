"""`cloister audit`: verify the record, export it, prove one event, follow one answer."""

import gzip
import json
import os
import sys
import uuid
from collections.abc import Iterator
from contextlib import contextmanager
from datetime import UTC, datetime
from enum import StrEnum
from gettext import gettext as _
from pathlib import Path
from typing import Annotated, Any

import typer

from gateway import verifier_source

from .exits import Exit, leave
from .options import As, Data, Json, TokenFile
from .remote import Appliance, Caller, Writable

app = typer.Typer(help="The record of what happened.", no_args_is_help=True)


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
    found = _caller(login, token_file, data).post("/api/v1/audit/verify")
    if as_json:
        print(json.dumps(found, indent=2))
    else:
        sentence = _(
            "{sealed:,} sealed events, {checkpoints:,} signed checkpoints and {anchors:,} anchors checked; "
            "{unsealed:,} not sealed yet."
        )
        print(sentence.format(**found))
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
        datetime | None, typer.Option("--from", help="Nothing that was recorded before (UTC).")
    ] = None,
    until: Annotated[
        datetime | None,
        typer.Option("--to", help="Nothing recorded at or after (UTC); native goes on to a checkpoint."),
    ] = None,
    out: Out = None,
    login: As = None,
    token_file: TokenFile = None,
    data: Data = None,
) -> None:
    """Write the sealed record, or a time of it, to be kept and checked elsewhere (role auditor)."""
    caller = _caller(login, token_file, data)
    asked = {
        name: at.replace(tzinfo=UTC).isoformat() for name, at in (("since", since), ("until", until)) if at
    }
    with _opened(out) as file:
        lines = caller.save("/api/v1/audit/export", file, form=form.value, **asked)
    if out:
        sys.stderr.write(_("{lines:,} lines in {file}.\n").format(lines=lines, file=out))


@app.command()
def prove(
    event: Annotated[uuid.UUID, typer.Argument(metavar="EVENT", help="The event's id.")],
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
    run: Annotated[uuid.UUID, typer.Argument(metavar="RUN", help="The id of the run that made the answer.")],
    login: As = None,
    as_json: Json = False,
    token_file: TokenFile = None,
    data: Data = None,
) -> None:
    """Tell what happened to one answer: asked, redacted, searched, generated, scored, decided, shown."""
    found = _caller(login, token_file, data).get(f"/api/v1/audit/runs/{run}")
    if as_json:
        print(json.dumps(found, indent=2))
        return
    for step in found["steps"]:
        print(_line(step))
    for name, versions in found["versions"].items():
        print(_("{name} in force: {versions}").format(name=name, versions=", ".join(versions)))


@app.command()
def verifier(out: Out = None) -> None:
    """Print the stand-alone verifier: one file that needs Python and `cryptography`, and nothing of ours."""
    with _opened(out) as file:
        file.write(verifier_source().encode())


@app.command()
def hold(
    scope: Annotated[str, typer.Argument(help="actor, subject, conversation, run or all.")],
    value: Annotated[str, typer.Argument(help="Whose or which; none with all.")] = "",
    reason: Annotated[str, typer.Option(help="The case, by number or name.")] = "",
    login: As = None,
    token_file: TokenFile = None,
    data: Data = None,
) -> None:
    """Place a legal hold: keep events from being erased until it is lifted (role auditor)."""
    asked = {"scope": scope, "value": value, "reason": reason}
    print(_caller(login, token_file, data).post("/api/v1/audit/holds", asked)["id"])


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


def _line(step: dict[str, Any]) -> str:
    number = f"{step['sequence']:>8}" if step["sequence"] else _("unsealed")
    detail = ", ".join(f"{name} {_short(value)}" for name, value in step["detail"].items())
    return f"{step['at'][:23]}  {number}  {step['step']:<9}  {step['event']:<20}  {detail}".rstrip()


def _short(value: object) -> str:
    if isinstance(value, list):
        return f"[{len(value)}]"
    text = json.dumps(value) if isinstance(value, dict) else str(value)
    return text if len(text) <= 40 else f"{text[:39]}…"


def _for_its_owner_alone(path: str, flags: int) -> int:
    return os.open(path, flags, 0o600)


@contextmanager
def _opened(out: Path | None) -> Iterator[Writable]:
    if out is None:
        yield sys.stdout.buffer
        sys.stdout.flush()
        return
    try:
        with open(out, "wb", opener=_for_its_owner_alone) as file:
            if out.suffix == ".gz":
                with gzip.GzipFile(fileobj=file, mode="wb") as packed:
                    yield packed
            else:
                yield file
    except OSError as error:
        leave(Exit.FAILED, _("{file} cannot be written: {reason}.").format(file=out, reason=error.strerror))
