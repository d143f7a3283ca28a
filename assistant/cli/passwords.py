"""A password from a person's keyboard, from a file or from standard input; never from the command line."""

import sys
from getpass import getpass
from gettext import gettext as _
from pathlib import Path
from typing import Annotated

import typer

from .exits import Exit, leave

PasswordFile = Annotated[
    Path | None, typer.Option("--password-file", help="File whose first line is the password.")
]
PasswordStdin = Annotated[
    bool, typer.Option("--password-stdin", help="Read the password from the first line of standard input.")
]


def read_password(file: Path | None, stdin: bool, *, twice: bool = False) -> str:
    """The password; a person is asked without echo, `twice` when it is a new one.

    Ends with 2 when nobody can be asked, with 1 when nothing can be read or the two do not agree.
    """
    if file is not None and stdin:
        raise typer.BadParameter(_("Give --password-file or --password-stdin, not both."))
    if file is not None:
        try:
            return _first_line(file.read_bytes())
        except OSError as error:
            sentence = _("The password file {file} cannot be read: {reason}.")
            leave(Exit.FAILED, sentence.format(file=file, reason=error.strerror))
    if stdin:
        return _first_line(sys.stdin.buffer.readline())
    if not sys.stdin.isatty():
        raise typer.BadParameter(
            _("There is no terminal to ask for the password: give --password-file or --password-stdin.")
        )
    password = getpass(_("Password: "))
    if twice and getpass(_("The same again: ")) != password:
        leave(Exit.FAILED, _("The two passwords differ. Nothing was changed."))
    return password


def _first_line(content: bytes) -> str:
    try:
        return content.decode("utf-8").split("\n", 1)[0].rstrip("\r")
    except UnicodeDecodeError:
        leave(Exit.FAILED, _("The password is not UTF-8 text."))
