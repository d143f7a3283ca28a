"""`cloister index`: the engine that holds the index."""

import asyncio
import json
import shutil
import sys
import time
from dataclasses import asdict
from gettext import gettext as _
from gettext import ngettext
from pathlib import Path
from typing import TYPE_CHECKING, Annotated, Any

import typer

from assistant.appliance import default_folder
from gateway import CloisterError, SettingsError, load_settings

from .exits import Exit, leave
from .options import As, Data, Json, TokenFile
from .remote import Appliance, Caller

if TYPE_CHECKING:
    from retrieval import CheckOutcome, IndexSettings, ServerSettings

app = typer.Typer(help="The engine that holds the index.", no_args_is_help=True)


@app.command()
def status(login: As = None, as_json: Json = False, token_file: TokenFile = None, data: Data = None) -> None:
    """Show how large the index is, generation by generation, and its backups (role admin)."""
    found = _caller(data, login, token_file).get("/api/v1/index")
    if as_json:
        print(json.dumps(found, indent=2))
        return
    for one in found["generations"]:
        print(_generation(one))
    for one in found["backups"]:
        print(_("backup {path}: {size:,.0f} MB").format(path=one["path"], size=one["bytes"] / 1e6))
    if found["doing"] or found["error"]:
        print(found["doing"] or found["error"])


def _generation(one: dict[str, Any]) -> str:
    """A generation in a line."""
    kind = _("is asked") if one["serving"] else _("is being filled")
    size = "" if one["bytes"] is None else f", {one['bytes'] / 1e6:,.0f} MB"
    built = one["optimised"] or _("never")
    points = ngettext("{n:,} point", "{n:,} points", one["points"]).format(n=one["points"])
    segments = ngettext("{n:,} segment", "{n:,} segments", one["segments"]).format(n=one["segments"])
    sentence = _("{name}: {kind}; {points} in {segments}{size}; optimised: {built}")
    return sentence.format(
        name=one["name"], kind=kind, points=points, segments=segments, size=size, built=built
    )


@app.command()
def optimise(login: As = None, token_file: TokenFile = None, data: Data = None) -> None:
    """Build anew what makes searching quick, beside the running searches, and wait (role admin)."""
    caller = _caller(data, login, token_file)
    caller.post("/api/v1/index/optimise")
    _wait(caller)


@app.command()
def backup(
    path: Annotated[Path, typer.Argument(help="The file to write; it must not be there.")],
    login: As = None,
    token_file: TokenFile = None,
    data: Data = None,
) -> None:
    """Write the index into a file while it is in use (role admin). Run it where the index is."""
    if path.exists():
        leave(Exit.FAILED, _("{path} is there already.").format(path=path))
    caller = _caller(data, login, token_file)
    before = {one["name"] for one in caller.get("/api/v1/index")["backups"]}
    caller.post("/api/v1/index/backup")
    made = [one["path"] for one in _wait(caller)["backups"] if one["name"] not in before]
    if not made or not Path(made[0]).exists():
        leave(Exit.FAILED, _("The backup is on the machine of the index: {path}").format(path=made))
    shutil.move(made[0], path)
    print(path)


@app.command()
def restore(
    path: Annotated[Path, typer.Argument(help="A file that `backup` wrote.", exists=True, dir_okay=False)],
    stopped: Annotated[bool, typer.Option("--stopped", help="The appliance does not run.")] = False,
    login: As = None,
    token_file: TokenFile = None,
    data: Data = None,
) -> None:
    """Take a backup in place of the index (role admin). Run it where the index is.

    Searching goes on; the backup is asked as soon as it has been brought up to the CRM.
    """
    from retrieval import IndexSettings, restore_index

    settings = _engine(None, None, None, None, None, data)
    assert isinstance(settings, IndexSettings)  # noqa: S101 - those of a retrieval process
    if stopped:
        try:
            print(_("Restored as {name}.").format(name=asyncio.run(restore_index(settings, path))))
        except CloisterError as error:
            leave(Exit.FAILED, error.sentence)
        return
    caller = _caller(data, login, token_file)
    name = f"restored-{int(time.time())}.gz"
    backups = settings.folder / "backups"
    backups.mkdir(mode=0o700, exist_ok=True)
    shutil.copyfile(path, backups / name)
    try:
        caller.post("/api/v1/index/restore", {"name": name})
        _wait(caller)
    finally:
        (backups / name).unlink(missing_ok=True)
    print(_("Restored; it is asked when it has been brought up to the CRM: see `cloister index status`."))


def _wait(caller: Caller) -> dict[str, Any]:
    """Wait until nothing is being done; the state then. Ends with 1 when it went wrong."""
    while True:
        found: dict[str, Any] = caller.get("/api/v1/index")
        if not found["doing"]:
            break
        time.sleep(0.5)
    if found["error"]:
        leave(Exit.FAILED, found["error"])
    return found


def _caller(data: Path | None, login: str | None, token_file: Path | None) -> Caller:
    appliance = Appliance.running(data)
    return Caller(appliance, login or appliance.admin, token_file)


@app.command()
def conformance(
    settings: Annotated[
        Path | None, typer.Option("--settings", help="Settings file of the retrieval process.")
    ] = None,
    url: Annotated[str | None, typer.Option("--url", help="Address of a Qdrant server instead.")] = None,
    api_key_file: Annotated[
        Path | None, typer.Option("--api-key-file", help="Its key, of one who may manage collections.")
    ] = None,
    ca_file: Annotated[
        Path | None, typer.Option("--ca-file", help="The authority that certified it.")
    ] = None,
    replicas: Annotated[
        int | None, typer.Option("--replicas", min=1, help="Copies of each shard that there should be.")
    ] = None,
    as_json: Json = False,
    data: Data = None,
) -> None:
    """Hold the engine against everything that the index relies on, in collections that are removed again.

    The engine is that of the settings, of the server at --url, or of the appliance in --data. An installation
    should stop when this fails. Ends with 5 when a check fails, with 3 when the engine does not answer.
    """
    engine = _engine(settings, url, api_key_file, ca_file, replicas, data)
    try:
        outcomes = asyncio.run(_try(engine, show=not as_json))
    except CloisterError as error:
        leave(Exit.NOT_RUNNING, error.sentence)
    failed = [outcome for outcome in outcomes if outcome.passed is False]
    if as_json:
        print(json.dumps([asdict(outcome) for outcome in outcomes], indent=2))
    else:
        done = sum(outcome.passed is True for outcome in outcomes)
        sentence = _("{done} checks passed, {failed} failed, {over} passed over.")
        print(sentence.format(done=done, failed=len(failed), over=len(outcomes) - done - len(failed)))
    if failed:
        raise typer.Exit(Exit.FAULTS)


async def _try(engine: "IndexSettings | ServerSettings", *, show: bool) -> "list[CheckOutcome]":
    from retrieval import try_engine

    outcomes = []
    async for outcome in try_engine(engine):
        outcomes.append(outcome)
        if show:
            _show(outcome)
    return outcomes


def _show(outcome: "CheckOutcome") -> None:
    word = {True: _("passed"), False: _("FAILED"), None: _("passed over")}[outcome.passed]
    why = f": {outcome.why}" if outcome.why else ""
    print(f"{word:<12}{outcome.seconds:6.2f} s  {outcome.check}{why}")
    sys.stdout.flush()


def _engine(
    settings: Path | None,
    url: str | None,
    api_key_file: Path | None,
    ca_file: Path | None,
    replicas: int | None,
    data: Path | None,
) -> "IndexSettings | ServerSettings":
    from pydantic import ValidationError

    from retrieval import RetrievalSettings, ServerSettings

    if url is None:
        file = settings or (data or default_folder()).expanduser() / "etc" / "retrieval.yaml"
        if not file.exists():
            sentence = _(
                "There is no {file}. Name the settings of a retrieval process, or a server with --url."
            )
            leave(Exit.FAILED, sentence.format(file=file))
        return load_settings(file, RetrievalSettings).index
    given: dict[str, Any] = {"api_key_file": api_key_file, "ca_file": ca_file, "replication_factor": replicas}
    try:
        return ServerSettings.model_validate({"url": url, **given})
    except ValidationError as error:
        raise SettingsError("\n".join(fault["msg"] for fault in error.errors())) from error
