"""An answer on its way out: scanned for identities the model should not know, then restored."""

import json
import re
from collections.abc import Iterator, Mapping
from dataclasses import dataclass, field
from typing import Any, Final

from gateway.errors import PartUnavailable
from redaction import Analyzer, DetectorFailed, Span, StreamRestorer, find_tokens

WITHHELD: Final = "[withheld]"
_CONTEXT: Final = 160
_OPEN_NUMBER: Final = re.compile(
    r"(?:[+(]{0,2}\d[\d().\-/]{0,20}[ ]?){0,8}(?:\d|[+(]{1,2}|\d[\d().\-/]{0,20} ?)\Z"
)
_OPEN_WORD: Final = re.compile(r"[^\s]{0,80}(?:[\d@]|[._/:+][^\s.:!?,;)\"'])[^\s]{0,80}\Z")
_OPEN_TOKEN: Final = re.compile(r"<[A-Z0-9_]{0,60}\Z")


class StreamScanner:
    """Replaces identities in a model's own words by `[withheld]`; the model was given none.

    Looks for known customers and for the shapes of mails, numbers and addresses. Only the end that could
    still become one is held back. It does not find people whom the CRM does not know.
    """

    def __init__(self, analyzer: Analyzer) -> None:
        self._analyzer = analyzer
        self._before = ""
        self._pending = ""
        self.withheld = 0

    def feed(self, chunk: str) -> str:
        """Take the next piece, give what is certain. Raises `PartUnavailable` when a detector fails."""
        self._pending += chunk
        return self._advance(self._open_from())

    def finish(self) -> str:
        """Give the rest."""
        return self._advance(len(self._pending))

    def _advance(self, limit: int) -> str:
        if limit == 0:
            return ""
        text = self._before + self._pending
        offset = len(self._before)
        limit += offset
        kept = [(start, end) for start, end, _ in find_tokens(text)]
        pieces: list[str] = []
        position = offset
        for span in self._spans(text):
            if span.end <= position or any(start < span.end and span.start < end for start, end in kept):
                continue
            if span.start >= limit or (span.end > limit and limit < len(text)):
                limit = min(limit, max(span.start, position))
                break
            pieces += text[position : max(span.start, position)], WITHHELD
            position = span.end
            self.withheld += 1
        limit = max(limit, position)
        pieces.append(text[position:limit])
        self._before = text[max(0, limit - _CONTEXT) : limit]
        self._pending = text[limit:]
        return "".join(pieces)

    def _spans(self, text: str) -> list[Span]:
        try:
            return self._analyzer.analyze(text)
        except DetectorFailed as error:
            raise PartUnavailable(error.detector, str(error)) from error

    def _open_from(self) -> int:
        opened = [self._analyzer.gazetteer.open_from(self._pending)]
        for form in (_OPEN_NUMBER, _OPEN_WORD, _OPEN_TOKEN):
            found = form.search(self._pending[-200:])
            if found is not None:
                opened.append(len(self._pending) - len(found.group()))
        return min(opened)


@dataclass(frozen=True)
class Restoring:
    """What tokens become for the one who reads the answer: the value, or the token in its proper form."""

    values: Mapping[str, str]

    @property
    def in_json(self) -> Mapping[str, str]:
        """The same values as they stand inside a JSON string."""
        return {token: json.dumps(value, ensure_ascii=False)[1:-1] for token, value in self.values.items()}


class _Text:
    """One strand of text in an answer: its scanner, then its restorer."""

    def __init__(self, analyzer: Analyzer, values: Mapping[str, str]) -> None:
        self.scanner = StreamScanner(analyzer)
        self._restorer = StreamRestorer(values)

    def feed(self, chunk: str) -> str:
        return self._restorer.feed(self.scanner.feed(chunk))

    def finish(self) -> str:
        return self._restorer.feed(self.scanner.finish()) + self._restorer.finish()


@dataclass
class AnswerStream:
    """Turns a model server's deltas into ours. Each text and each function's arguments is a strand."""

    analyzer: Analyzer
    restoring: Restoring
    usage: Mapping[str, Any] | None = None
    finish_reason: str | None = None
    words: int = 0
    _content: _Text | None = None
    _calls: dict[int, _Text] = field(default_factory=dict)

    def deltas(self, chunk: Mapping[str, Any]) -> Iterator[dict[str, Any]]:
        """Our deltas for one chunk of the server; empty ones are left out."""
        if chunk.get("usage"):
            self.usage = chunk["usage"]
        for choice in chunk["choices"]:
            delta = choice.get("delta") or {}
            if delta.get("content"):
                self.words += 1
                yield from _content(self._strand().feed(delta["content"]))
            for call in delta.get("tool_calls") or []:
                yield from self._call(call)
            if choice.get("finish_reason"):
                self.finish_reason = str(choice["finish_reason"])

    def rest(self) -> Iterator[dict[str, Any]]:
        """What was held back, when the server has ended."""
        if self._content is not None:
            yield from _content(self._content.finish())
        for index, strand in self._calls.items():
            yield from _arguments(index, strand.finish())

    @property
    def withheld(self) -> int:
        """How many identities of the model's own were replaced."""
        strands = [*self._calls.values(), *([self._content] if self._content else [])]
        return sum(strand.scanner.withheld for strand in strands)

    def _strand(self) -> _Text:
        if self._content is None:
            self._content = _Text(self.analyzer, self.restoring.values)
        return self._content

    def _call(self, call: Mapping[str, Any]) -> Iterator[dict[str, Any]]:
        index = int(call.get("index", 0))
        function = call.get("function") or {}
        if index not in self._calls:
            self._calls[index] = _Text(self.analyzer, self.restoring.in_json)
            begun = {"index": index, "id": call.get("id"), "type": "function"}
            yield {"tool_calls": [{**begun, "function": {"name": function.get("name", ""), "arguments": ""}}]}
        if function.get("arguments"):
            yield from _arguments(index, self._calls[index].feed(function["arguments"]))


def _content(text: str) -> Iterator[dict[str, Any]]:
    if text:
        yield {"content": text}


def _arguments(index: int, text: str) -> Iterator[dict[str, Any]]:
    if text:
        yield {"tool_calls": [{"index": index, "function": {"arguments": text}}]}
