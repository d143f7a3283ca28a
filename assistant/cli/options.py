"""Options that several commands share."""

from pathlib import Path
from typing import Annotated

import typer

As = Annotated[
    str | None,
    typer.Option(
        "--as", metavar="LOGIN", help="Who asks. A demo appliance takes a name; others want a token."
    ),
]
TokenFile = Annotated[
    Path | None,
    typer.Option("--token-file", help="File with that person's API token (or the variable CLOISTER_TOKEN)."),
]
Data = Annotated[
    Path | None, typer.Option("--data", help="State folder of the appliance.", show_default="the usual one")
]
Json = Annotated[bool, typer.Option("--json", help="JSON on standard output, for machines.")]
SettingsFile = Annotated[Path, typer.Option("--settings", help="Settings file of this process.")]
