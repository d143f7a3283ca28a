"""Known identities from a file, for commands that work without an appliance."""

import json
from collections.abc import Iterator
from gettext import gettext as _
from pathlib import Path

from redaction import EntityType, GazetteerEntry

from .exits import Exit, leave


def read_gazetteer(path: Path) -> Iterator[GazetteerEntry]:
    """Entries of a file of JSON Lines {"value", "type", "entity", "field"}; a bad line ends the command."""
    try:
        lines = path.read_text("utf-8").splitlines()
    except (OSError, UnicodeDecodeError) as error:
        leave(Exit.FAILED, _("{file} cannot be read: {why}").format(file=path, why=error))
    for number, line in enumerate(lines, 1):
        try:
            entry = json.loads(line)
            yield GazetteerEntry(entry["value"], EntityType(entry["type"]), entry["entity"], entry["field"])
        except (ValueError, KeyError, TypeError) as error:
            sentence = _("{file}, line {number}: not a gazetteer entry ({why}).")
            leave(Exit.FAILED, sentence.format(file=path, number=number, why=error))
