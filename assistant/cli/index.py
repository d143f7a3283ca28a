"""`cloister index`: the engine that holds the index."""

import asyncio
import json
import sys
from dataclasses import asdict
from gettext import gettext as _
from pathlib import Path
from typing import TYPE_CHECKING, Annotated, Any

import typer

from assistant.appliance import default_folder
from gateway import CloisterError, SettingsError, load_settings

from .exits import Exit, leave
from .options import Data, Json

if TYPE_CHECKING:
    from retrieval import CheckOutcome, IndexSettings, ServerSettings

app = typer.Typer(help="The engine that holds the index.", no_args_is_help=True)


@app.callback()
def _index() -> None:
    """Keep the commands a group, however few there are."""


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
