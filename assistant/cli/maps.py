"""Finding the CRM map that a command is given."""

from gettext import gettext as _
from pathlib import Path

from .exits import Exit, leave


def map_file(name: str) -> Path:
    """The file, or the shipped map of that name; leaves with a sentence when there is neither."""
    from retrieval import shipped_map

    path = Path(name).expanduser()
    if path.is_file():
        return path
    try:
        return shipped_map(name)
    except FileNotFoundError as error:
        shipped = sorted(each.stem for each in Path(error.args[0]).parent.glob("*.yaml"))
        sentence = _("There is no map {map}: give the file of a map, or one of {shipped}.")
        leave(Exit.FAILED, sentence.format(map=name, shipped=", ".join(shipped)))
