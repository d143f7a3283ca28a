"""Options that several commands share."""

from gettext import gettext as _
from pathlib import Path
from typing import Annotated, Any

import typer


def _login(login: str | None) -> str | None:
    if login is not None and not login.strip():
        raise typer.BadParameter(_("The login is empty: give one, such as maya@halden.example."))
    return login


def as_option(metavar: str, help_: str) -> Any:
    """`--as`, which takes no empty login."""
    return typer.Option("--as", metavar=metavar, help=help_, callback=_login)


As = Annotated[
    str | None, as_option("LOGIN", "Who asks. A demo appliance takes a name; others want a token.")
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
