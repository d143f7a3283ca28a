"""One command a process; each runs alone from its settings file until SIGTERM."""

import sys
from collections.abc import Callable
from pathlib import Path
from typing import Annotated, Any, TypeVar

import typer

from gateway import ListenSettings, Settings, SettingsError, configure_logging, load_settings

from .exits import Exit, leave
from .options import SettingsFile

S = TypeVar("S", bound=Settings)


def web(settings: SettingsFile) -> None:
    """Serve pages and the API."""
    from assistant.settings import WebSettings
    from assistant.web import create_web_app

    _run("web", settings, WebSettings, create_web_app)


def work(settings: SettingsFile) -> None:
    """Execute runs and jobs, keep deadlines, seal the record."""
    from assistant.settings import WorkSettings
    from assistant.work import create_work_app

    _run("work", settings, WorkSettings, create_work_app)


def door(settings: SettingsFile) -> None:
    """Serve the OpenAI-compatible door to the models."""
    from gateway import DoorSettings, create_door_app

    _run("door", settings, DoorSettings, create_door_app)


def retrieval(settings: SettingsFile) -> None:
    """Follow the CRM, keep the index and answer searches."""
    from retrieval import RetrievalSettings, create_retrieval_app

    _run("retrieval", settings, RetrievalSettings, create_retrieval_app)


def embeddings(
    folder: Annotated[Path, typer.Option(help="Folder of the installed embedding model.")],
    port: Annotated[int, typer.Option(help="Port on this machine.")],
    entry: Annotated[
        str | None,
        typer.Option(help="Which entry of the catalogue it is.", show_default="all-minilm-l6-v2-int8"),
    ] = None,
    key_file: Annotated[Path | None, typer.Option(help="File with the key that callers must show.")] = None,
) -> None:
    """Serve sentence embeddings, where no GPU host does."""
    from assistant.processes import serve
    from gateway import read_secret
    from models import DEFAULT_ENTRY, ModelsError, create_embedding_app, load_catalogue

    configure_logging("embeddings")
    try:
        served = load_catalogue().get(entry or DEFAULT_ENTRY)
    except ModelsError as error:
        leave(Exit.FAILED, str(error))
    key = read_secret(key_file) if key_file else None
    serve(create_embedding_app(folder, entry=served, api_key=key), ListenSettings(port=port))


def _run(process: str, file: Path, kind: type[S], create: Callable[[S], Any]) -> None:
    from assistant.composition import register_all_events
    from assistant.processes import serve

    configure_logging(process)
    try:
        settings = load_settings(file, kind)
        register_all_events()
        app = create(settings)
    except SettingsError as error:
        leave(Exit.FAILED, str(error))
    listen: ListenSettings = settings.listen  # type: ignore[attr-defined]
    serve(app, listen)
    sys.stderr.flush()
    raise typer.Exit
