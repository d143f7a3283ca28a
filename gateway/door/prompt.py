"""What is sent to a model: built from redacted texts alone.

A request is walked twice in the same order: once to collect its texts, once to put redacted ones in
their places. Nothing of the caller's own text is carried over besides.
"""

import json
import re
from collections.abc import Callable, Iterator, Mapping, Sequence
from dataclasses import dataclass, field
from typing import Any, Final

from gateway.errors import BadInput
from redaction import Redacted

from .redactor import Part
from .schemas import ChatRequest, ContentPart, Message, ToolCall
from .values import Form

Visit = Callable[[Part], str]
_NAME: Final = re.compile(r"[A-Za-z0-9_-]{1,64}")
_DEEPEST: Final = 40


@dataclass(frozen=True)
class ModelPrompt:
    """The body for a model server, without the server's own name of the model."""

    body: Mapping[str, object]
    characters: int
    functions: Mapping[str, str] = field(default_factory=dict)
    """The caller's names of functions, by the names that the model is given."""


def parts_of(request: ChatRequest) -> list[Part]:
    """Every text of the request, in a fixed order. Raises `BadInput` for what cannot be redacted."""
    parts: list[Part] = []

    def collect(part: Part) -> str:
        parts.append(part)
        return part.text

    _walk(request, collect, _Renamed())
    return parts


def build_prompt(request: ChatRequest, texts: Sequence[Redacted]) -> ModelPrompt:
    """The same request with `texts` in place of the parts. Raises `BadInput`."""
    remaining: Iterator[Redacted] = iter(texts)
    renamed = _Renamed()
    body = _walk(request, lambda _part: next(remaining), renamed)
    bound = (
        request.cloister.quotes if request.cloister else ()
    )  # a grammar, which takes no room in the window
    functions = {given: own for own, given in renamed.functions.items()}
    return ModelPrompt(body, max(0, sum(map(len, texts)) - sum(map(len, bound))), functions)


def questions_of(request: ChatRequest) -> list[str]:
    """What a person typed: user messages, but not the parts that a process has marked as data."""
    marked = data_is_marked(request)
    typed: list[str] = []
    for message in request.messages:
        if message.role != "user":
            continue
        if isinstance(message.content, str):
            typed.append(message.content)
        for part in message.content or [] if not isinstance(message.content, str) else []:
            if not (marked and part.data):
                typed.append(part.text)
    return typed


def data_is_marked(request: ChatRequest) -> bool:
    """Whether the request says what is data: in a conversation, which only our own processes open."""
    return request.cloister is not None and request.cloister.conversation is not None


def texts_in(node: object) -> Iterator[str]:
    """Every text of a built prompt."""
    if isinstance(node, str):
        yield node
    elif isinstance(node, Mapping):
        for value in node.values():
            yield from texts_in(value)
    elif isinstance(node, list):
        for item in node:
            yield from texts_in(item)


class _Renamed:
    """Names that callers choose freely: the model gets others, whatever they are.

    If only some were changed, or refused, that would tell which names the CRM knows.
    """

    def __init__(self) -> None:
        self.functions: dict[str, str] = {}
        self._identifiers: dict[str, str] = {}

    def function(self, name: str) -> str:
        if not _NAME.fullmatch(name):
            raise BadInput("A function's name may hold letters, digits, _ and - only, 64 at most.")
        return self.functions.setdefault(name, f"tool_{len(self.functions) + 1}")

    def identifier(self, given: str) -> str:
        return self._identifiers.setdefault(given, f"call_{len(self._identifiers) + 1}")


def _walk(request: ChatRequest, visit: Visit, renamed: _Renamed) -> dict[str, object]:
    form: Form = request.cloister.form if request.cloister else "raw"
    body: dict[str, object] = dict(request.options())
    body["messages"] = [
        _message(message, form, renamed, visit, ours=data_is_marked(request)) for message in request.messages
    ]
    if request.stop is not None:
        stops = [request.stop] if isinstance(request.stop, str) else request.stop
        body["stop"] = [visit(Part(stop, form)) for stop in stops]
    if request.tools:
        body["tools"] = [_tool(tool.function, renamed, visit) for tool in request.tools]
    if request.tool_choice is not None:
        body["tool_choice"] = _tool_choice(request.tool_choice, renamed)
    if request.cloister and request.cloister.quotes:
        quotes = [visit(Part(quote, form)) for quote in request.cloister.quotes]
        body["structured_outputs"] = {"regex": _quoting(quotes, request.cloister.quotes_at_most)}
    if request.response_format is not None:
        body["response_format"] = walk_json(request.response_format, visit)
    return body


def _message(
    message: Message, form: Form, renamed: _Renamed, visit: Visit, *, ours: bool
) -> dict[str, object]:
    """In a conversation of `ours` it is known who typed a text and which record it was read in."""
    walked: dict[str, object] = {"role": message.role}
    typed = ours and message.role == "user"
    if isinstance(message.content, str):
        walked["content"] = visit(Part(message.content, form, typed=typed))
    elif message.content is not None:
        walked["content"] = [
            {"type": "text", "text": visit(_content(part, form, ours=ours, typed=typed))}
            for part in message.content
        ]
    if message.name is not None:
        walked["name"] = visit(Part(message.name, form))
    if message.tool_calls:
        walked["tool_calls"] = [_tool_call(call, renamed, visit) for call in message.tool_calls]
    if message.tool_call_id is not None:
        walked["tool_call_id"] = renamed.identifier(message.tool_call_id)
    return walked


def _content(part: ContentPart, form: Form, *, ours: bool, typed: bool) -> Part:
    form = part.form or form
    if not ours:
        return Part(part.text, form)
    return Part(part.text, form, part.entity, part.field, typed=typed and not part.data and not part.entity)


def _quoting(quotes: Sequence[str], at_most: int) -> str:
    """What binds a model to these texts, word for word: the first, then up to `at_most` - 1 of the others."""
    first, *others = map(re.escape, quotes)
    if not others or at_most == 1:
        return first
    return f"{first}(\\n({'|'.join(others)})){{0,{at_most - 1}}}"


def _tool_call(call: ToolCall, renamed: _Renamed, visit: Visit) -> dict[str, object]:
    function = {
        "name": renamed.function(call.function.name),
        "arguments": _arguments(call.function.arguments, visit),
    }
    return {"id": renamed.identifier(call.id), "type": "function", "function": function}


def _tool(function: Mapping[str, Any], renamed: _Renamed, visit: Visit) -> dict[str, object]:
    """The name is read out in the description, redacted: a model chooses a function by its sense."""
    name = str(function.get("name", ""))
    walked: dict[str, object] = {"name": renamed.function(name)}
    spoken = visit(Part(re.sub(r"[_-]+", " ", name)))
    described = visit(Part(str(function.get("description", ""))))
    walked["description"] = f"{spoken}: {described}" if described else spoken
    if "parameters" in function:
        walked["parameters"] = walk_json(function["parameters"], visit)
    if isinstance(function.get("strict"), bool):
        walked["strict"] = function["strict"]
    return {"type": "function", "function": walked}


def _tool_choice(choice: str | Mapping[str, Any], renamed: _Renamed) -> object:
    if choice in ("none", "auto", "required"):
        return choice
    if isinstance(choice, Mapping) and isinstance(choice.get("function"), Mapping):
        name = renamed.function(str(choice["function"].get("name")))
        return {"type": "function", "function": {"name": name}}
    raise BadInput("tool_choice must be none, auto, required or name a function.")


def _arguments(text: str, visit: Visit) -> str:
    """Strings inside JSON are read decoded: an escaped letter must not hide a name."""
    try:
        parsed = json.loads(text)
    except ValueError:
        return visit(Part(text))
    return json.dumps(walk_json(parsed, visit), ensure_ascii=False)


def walk_json(node: Any, visit: Visit, depth: int = 0) -> Any:
    """The same JSON with every text, key and number visited. Raises `BadInput` when it is nested too deep."""
    if depth > _DEEPEST:
        raise BadInput(f"JSON may be nested {_DEEPEST} levels deep at most.")
    if isinstance(node, str):
        return visit(Part(node))
    if isinstance(node, dict):
        return {visit(Part(str(key))): walk_json(value, visit, depth + 1) for key, value in node.items()}
    if isinstance(node, list):
        return [walk_json(item, visit, depth + 1) for item in node]
    if isinstance(node, bool) or node is None:
        return node
    written = str(node)
    masked = visit(Part(written))
    return node if masked == written else masked
