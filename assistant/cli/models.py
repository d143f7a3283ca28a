"""`cloister models`: the catalogue, and installing from it."""

import json
from gettext import gettext as _
from pathlib import Path
from typing import Annotated

import typer

from .exits import Exit, leave
from .options import Data, Json

app = typer.Typer(help="The model catalogue.", no_args_is_help=True)


@app.command("list")
def list_(as_json: Json = False) -> None:
    """Show the models of the catalogue."""
    from models import load_catalogue

    entries = list(load_catalogue())
    if as_json:
        print(json.dumps([entry.model_dump(mode="json") for entry in entries], indent=2))
        return
    for entry in entries:
        profiles = ", ".join(entry.serving) or entry.task
        print(f"{entry.name:<32}{profiles:<12}{entry.licence:<14}{entry.title}")


@app.command()
def verify(
    name: Annotated[str, typer.Argument(help="Name in the catalogue.")],
    data: Data = None,
) -> None:
    """Check an installed model's files against their checksums. Ends with 5 on any fault."""
    from assistant.appliance import default_folder
    from models import ModelsError, load_catalogue, verify_entry

    folder: Path = (data or default_folder()).expanduser() / "models" / name
    try:
        verify_entry(load_catalogue().get(name), folder)
    except ModelsError as error:
        leave(Exit.FAULTS, str(error))
    print(_("{name}: every file is what it should be.").format(name=name))
