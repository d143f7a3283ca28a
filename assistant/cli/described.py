"""A description that somebody wrote as YAML, as the API takes it."""

import json
from gettext import gettext as _
from pathlib import Path
from typing import Any

import yaml

from .exits import Exit, leave


class _Loader(yaml.SafeLoader):
    """YAML whose dates and times stay the text that was written, as JSON has them."""


_Loader.add_constructor("tag:yaml.org,2002:timestamp", lambda _loader, node: str(node.value))


def read_description(file: Path) -> dict[str, Any]:
    """The mapping of a YAML file, of texts, numbers, lists and mappings. Ends with 1 for anything else."""
    try:
        content = yaml.load(file.read_text("utf-8"), _Loader)  # noqa: S506 - a safe loader with less
        json.dumps(content, allow_nan=False)
    except OSError as error:
        leave(Exit.FAILED, _("{file} cannot be read: {reason}.").format(file=file, reason=error.strerror))
    except yaml.MarkedYAMLError as error:
        mark = error.problem_mark or error.context_mark
        place = f"{file}:{mark.line + 1}" if mark else str(file)
        leave(
            Exit.FAILED, _("{place}: this is not YAML: {reason}.").format(place=place, reason=error.problem)
        )
    except (yaml.YAMLError, UnicodeDecodeError):
        leave(Exit.FAILED, _("{file}: this is not YAML, but something that is no text.").format(file=file))
    except (TypeError, ValueError, RecursionError):
        sentence = _("{file}: only texts, numbers, dates, lists and mappings can stand there.")
        leave(Exit.FAILED, sentence.format(file=file))
    if not isinstance(content, dict):
        leave(Exit.FAILED, _("{file}: names with values are expected (`name: value`).").format(file=file))
    return content


def as_yaml(content: dict[str, Any]) -> str:
    """The same as somebody would write it, in the order in which it came."""
    return yaml.safe_dump(content, sort_keys=False, allow_unicode=True, width=110)
