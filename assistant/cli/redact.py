"""`cloister redact`: the redaction pipeline on standard input, without a running appliance."""

import json
import sys
from collections.abc import Callable, Iterable, Sequence
from enum import StrEnum
from functools import partial
from gettext import gettext as _
from pathlib import Path
from typing import TYPE_CHECKING, Annotated

import typer

from redaction import Level

if TYPE_CHECKING:
    from redaction import PresidioDetector, Redacted, Span

    Rewrite = Callable[[str, Sequence[Span]], Redacted]

from .exits import Exit, leave
from .known import read_gazetteer
from .redact_columns import table_rules


class Mode(StrEnum):
    """What stands in place of an identity; all but tokens cannot be restored."""

    TOKENS = "tokens"
    TYPE = "type"
    MASK = "mask"
    HASH = "hash"
    LAST4 = "last4"
    REMOVE = "remove"


def redact(
    gazetteer: Annotated[
        Path | None,
        typer.Option(help='Known identities: JSON Lines {"value", "type", "entity", "field"}.'),
    ] = None,
    ner: Annotated[bool, typer.Option("--ner/--no-ner", help="Look for names with language models.")] = True,
    as_columns: Annotated[
        str | None,
        typer.Option(
            "--as-columns",
            metavar="MAP.ENTITY",
            help="The lines are rows of this entity of a CRM map, by column: identities are masked whole, "
            "texts are read by the detectors, secrets are dropped, facts are left. MAP is the file of a map, "
            "or a shipped one: demo.contact, maps/ours.yaml.client.",
        ),
    ] = None,
    mode: Annotated[
        Mode,
        typer.Option(help="What stands in place of an identity: a token, [TYPE], ****, a hash, ***1234."),
    ] = Mode.TOKENS,
    key_file: Annotated[
        Path | None,
        typer.Option(help="For --mode hash: a file of at least 16 secret bytes."),
    ] = None,
    level: Annotated[
        Level, typer.Option(help="direct, or quasi: dates, ages and nationalities too.")
    ] = Level.DIRECT,
    recognizers: Annotated[
        list[str] | None,
        typer.Option(help="Presidio recognisers of your own: a registry file (.yaml), or module:Class."),
    ] = None,
) -> None:
    """Read JSON Lines {"id", "text"}; write {"id", "spans", "redacted"} (code points, half open).

    With --as-columns each line is a row, and “spans” and “redacted” are by column.
    """
    from redaction import Gazetteer, Policy, RedactionError, load_redactor, redact_lines, redact_rows

    rules = table_rules(as_columns) if as_columns else None
    rewrite = _rewrite(mode, key_file)
    try:
        known = Gazetteer.build(read_gazetteer(gazetteer) if gazetteer else ())
        if gazetteer is None:
            sys.stderr.write(
                _("No gazetteer is loaded: known customers are found by patterns and names only.\n")
            )
        redactor = load_redactor(known, ner=ner, policy=Policy(level=level), more=_own(recognizers or []))
        lines: Iterable[object] = (
            redact_lines(sys.stdin, redactor, rewrite)
            if rules is None
            else redact_rows(sys.stdin, redactor, rules, rewrite)
        )
        for line in lines:
            sys.stdout.write(json.dumps(line, ensure_ascii=False) + "\n")
            sys.stdout.flush()
    except RedactionError as error:
        leave(Exit.FAILED, str(error))


def _own(recognizers: list[str]) -> "list[PresidioDetector]":
    from redaction import load_recognizers

    return [detector for place in recognizers for detector in load_recognizers(place)]


def _rewrite(mode: Mode, key_file: Path | None) -> "Rewrite | None":
    import redaction

    if mode is Mode.TOKENS:
        return None
    key = None
    if mode is Mode.HASH:
        if key_file is None:
            leave(Exit.FAILED, _("--mode hash needs --key-file, a file of at least 16 secret bytes."))
        try:
            key = key_file.read_bytes().strip()
        except OSError as error:
            leave(Exit.FAILED, _("{file} cannot be read: {why}").format(file=key_file, why=error.strerror))
    try:
        redaction.anonymise("", [], redaction.Mode(mode), key)
    except ValueError as error:
        leave(Exit.FAILED, str(error))
    return partial(redaction.anonymise, mode=redaction.Mode(mode), key=key)
