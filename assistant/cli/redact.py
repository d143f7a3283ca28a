"""`cloister redact`: the redaction pipeline on standard input, without a running appliance."""

import json
import sys
from gettext import gettext as _
from pathlib import Path
from typing import TYPE_CHECKING, Annotated

import typer

if TYPE_CHECKING:
    from collections.abc import Iterator

    from redaction import GazetteerEntry

from .exits import Exit, leave


def redact(
    gazetteer: Annotated[
        Path | None,
        typer.Option(help='Known identities: JSON Lines {"value", "type", "entity", "field"}.'),
    ] = None,
    ner: Annotated[bool, typer.Option("--ner/--no-ner", help="Look for names with spaCy.")] = True,
) -> None:
    """Read JSON Lines {"id", "text"}; write {"id", "spans", "redacted"} (code points, half open)."""
    from redaction import Gazetteer, RedactionError, load_redactor, redact_lines

    try:
        known = Gazetteer.build(_entries(gazetteer) if gazetteer else ())
        if gazetteer is None:
            sys.stderr.write(
                _("No gazetteer is loaded: known customers are found by patterns and names only.\n")
            )
        for line in redact_lines(sys.stdin, load_redactor(known, ner=ner)):
            sys.stdout.write(json.dumps(line, ensure_ascii=False) + "\n")
            sys.stdout.flush()
    except OSError as error:
        leave(Exit.FAILED, _("{file} cannot be read: {why}").format(file=gazetteer, why=error.strerror))
    except RedactionError as error:
        leave(Exit.FAILED, str(error))


def _entries(path: Path) -> "Iterator[GazetteerEntry]":
    from redaction import EntityType, GazetteerEntry

    for number, line in enumerate(path.read_text("utf-8").splitlines(), 1):
        try:
            entry = json.loads(line)
            yield GazetteerEntry(entry["value"], EntityType(entry["type"]), entry["entity"], entry["field"])
        except (ValueError, KeyError, TypeError) as error:
            sentence = _("{file}, line {number}: not a gazetteer entry ({why}).")
            leave(Exit.FAILED, sentence.format(file=path, number=number, why=error))
