"""Calls of functions that a model asks for: the caller's names, and arguments read as JSON."""

import json
import re
from collections.abc import Iterator, Mapping, Sequence
from typing import Any, Final, Protocol

from gateway.errors import BadInput, UpstreamFailed

from .prompt import walk_json

_LONGEST: Final = 200_000
_ESCAPED: Final = re.compile(r"\\u([0-9a-fA-F]{4})|\\(/)")
UNKNOWN: Final = "unknown_function"


class Clean(Protocol):
    """Takes identities of the model's own out of a text, and puts values in place of tokens."""

    def __call__(self, text: str, *, cut: bool) -> str:
        """The text; of one that was `cut` off, without half a token at its end."""
        ...


class CalledTools:
    """The calls of one answer. Their arguments are kept back until they are whole.

    Half a JSON text could hide a name behind an escape, a number is none before its last digit, and nobody
    calls a function with half its arguments: given in pieces they would be no sooner of use. Given whole they
    are JSON whatever the values are, because they are written anew.
    """

    def __init__(self, functions: Mapping[str, str]) -> None:
        self._functions = functions
        self._arguments: dict[int, list[str]] = {}
        self._size = 0

    def deltas(self, calls: Sequence[Mapping[str, Any]]) -> Iterator[dict[str, Any]]:
        """A delta for each call that begins. Raises `UpstreamFailed` when the arguments grow too long."""
        for call in calls:
            index = int(call.get("index", 0))
            function = call.get("function") or {}
            if index not in self._arguments:
                self._arguments[index] = []
                name = self._functions.get(str(function.get("name")), UNKNOWN)
                begun = {"index": index, "id": call.get("id"), "type": "function"}
                yield {"tool_calls": [{**begun, "function": {"name": name, "arguments": ""}}]}
            written = str(function.get("arguments") or "")
            self._size += len(written)
            if self._size > _LONGEST:
                raise UpstreamFailed("The model wrote a function's arguments without end.", part="model")
            self._arguments[index].append(written)

    def rest(self, clean: Clean) -> Iterator[dict[str, Any]]:
        """The arguments of every call, each text in them passed through `clean`."""
        for index, written in self._arguments.items():
            text = _cleaned("".join(written), clean)
            if text:
                yield {"tool_calls": [{"index": index, "function": {"arguments": text}}]}


def _cleaned(arguments: str, clean: Clean) -> str:
    """What is no JSON (it broke off) is read as text without its escapes."""
    try:
        parsed = json.loads(arguments)
        walked = walk_json(parsed, lambda part: clean(part.text, cut=False))
        written = json.dumps(walked, ensure_ascii=False, allow_nan=False)
    except (ValueError, RecursionError, BadInput):
        text = _ESCAPED.sub(lambda found: found[2] or chr(int(found[1], 16)), arguments)
        written = clean(text, cut=True)
    return written.encode("utf-8", "replace").decode()  # half a pair has no bytes
