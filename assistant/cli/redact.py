"""`cloister redact`: the redaction pipeline on standard input, without a running appliance."""

import sys
from gettext import gettext as _
from pathlib import Path
from typing import Annotated

import typer

from .exits import Exit, leave


def redact(
    gazetteer: Annotated[
        Path | None,
        typer.Option(help='Known identities: JSON Lines {"value", "type", "entity", "field"}.'),
    ] = None,
    ner: Annotated[bool, typer.Option("--ner/--no-ner", help="Look for names with spaCy.")] = True,
) -> None:
    """Read JSON Lines {"id", "text"}; write {"id", "spans", "redacted"} (code points, half open)."""
    from redaction import Gazetteer, RedactionError, load_analyzer, read_gazetteer, redact_lines

    try:
        known = read_gazetteer(gazetteer.read_text("utf-8")) if gazetteer else Gazetteer.build(())
        if gazetteer is None:
            sys.stderr.write(
                _("No gazetteer is loaded: known customers are found by patterns and names only.\n")
            )
        for line in redact_lines(sys.stdin, load_analyzer(known, ner=ner)):
            sys.stdout.write(line + "\n")
            sys.stdout.flush()
    except OSError as error:
        leave(Exit.FAILED, _("{file} cannot be read: {why}").format(file=gazetteer, why=error.strerror))
    except RedactionError as error:
        leave(Exit.FAILED, str(error))
