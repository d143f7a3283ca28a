"""`cloister token`: a person's own API tokens, made over HTTP after a sign-in with their password."""

import json
from gettext import gettext as _
from pathlib import Path
from typing import Annotated
from uuid import UUID

import typer

from assistant.appliance import write_private

from .exits import Exit, leave
from .options import Data, Json
from .passwords import PasswordFile, PasswordStdin, read_password
from .remote import Appliance, SignedIn

app = typer.Typer(help="Your own API tokens, for programs and for this command line.", no_args_is_help=True)

Login = Annotated[str, typer.Argument(help="Your login; your password is asked for.")]
_TOKENS = "/api/v1/tokens"


@app.command()
def create(
    login: Login,
    label: Annotated[str, typer.Option(help="What it is for, for example the program's name.")],
    days: Annotated[int, typer.Option(min=1, max=365, help="How long it holds.")] = 90,
    out: Annotated[
        Path | None,
        typer.Option(
            dir_okay=False, help="Write it into this file, which only you may read, not to the screen."
        ),
    ] = None,
    password_file: PasswordFile = None,
    password_stdin: PasswordStdin = False,
    data: Data = None,
) -> None:
    """Make an API token with your rights. It is given this once: on standard output, or in --out FILE."""
    with _signed_in(login, password_file, password_stdin, data) as caller:
        made = caller.post(_TOKENS, {"label": label, "days": days})
        if out is None:
            print(made["token"])
            return
        try:
            write_private(out.expanduser(), made["token"] + "\n")
        except OSError as error:
            caller.delete(f"{_TOKENS}/{made['id']}")
            sentence = _("{file} cannot be written: {reason}. The token was revoked again.")
            leave(Exit.FAILED, sentence.format(file=out, reason=error.strerror))
    print(_("The token is in {file} and holds until {day}.").format(file=out, day=made["expires_at"][:10]))


@app.command(name="list")
def list_(
    login: Login,
    as_json: Json = False,
    password_file: PasswordFile = None,
    password_stdin: PasswordStdin = False,
    data: Data = None,
) -> None:
    """Show your API tokens that hold; never their secrets."""
    with _signed_in(login, password_file, password_stdin, data) as caller:
        found = caller.get(_TOKENS)
    if as_json:
        print(json.dumps(found, indent=2))
        return
    for token in found:
        made, ends = (str(token[name])[:10] for name in ("created_at", "expires_at"))
        print(
            _("{id}  {made} to {ends}  {label}").format(
                id=token["id"], made=made, ends=ends, label=token["label"]
            )
        )
    if not found:
        print(_("You have no API token that holds."))


@app.command()
def revoke(
    login: Login,
    token_id: Annotated[UUID, typer.Argument(metavar="ID", help="Which one: the id that `list` shows.")],
    password_file: PasswordFile = None,
    password_stdin: PasswordStdin = False,
    data: Data = None,
) -> None:
    """End one of your API tokens at once."""
    with _signed_in(login, password_file, password_stdin, data) as caller:
        caller.delete(f"{_TOKENS}/{token_id}")
    print(_("The token is revoked."))


def _signed_in(login: str, password_file: Path | None, password_stdin: bool, data: Path | None) -> SignedIn:
    appliance = Appliance.running(data)
    return SignedIn(appliance, login, read_password(password_file, password_stdin))
