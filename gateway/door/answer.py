"""An answer on its way out: scanned for identities the model should not know, restored, rid of links."""

import re
from collections.abc import Iterator, Mapping
from dataclasses import dataclass, field
from typing import Any, Final

from gateway.errors import PartUnavailable
from redaction import DetectorFailed, Redactor, Source, Span, StreamRestorer, find_tokens

from .calls import CalledTools
from .destinations import Hosts
from .outgoing import OutgoingText

WITHHELD: Final = "[withheld]"
_CONTEXT: Final = 160
_OPEN_NUMBER: Final = re.compile(
    r"(?:[+(]{0,2}\d[\d().\-/]{0,20}[ ]?){0,8}(?:\d|[+(]{1,2}|\d[\d().\-/]{0,20} ?)\Z"
)
_OPEN_WORD: Final = re.compile(r"[^\s]{0,80}(?:[\d@]|[._/:+][^\s.:!?,;)\"'])[^\s]{0,80}\Z")
_WAY_OUT: Final = re.compile(r"(?i)(?:[a-z]+:)?//|www\.")
_OPEN_TOKEN: Final = re.compile(r"<[A-Z0-9_]{0,60}\Z")


class StreamScanner:
    """Replaces identities in a model's own words by `[withheld]`; the model was given none.

    Looks for known customers and for the shapes of mails, numbers and addresses. Only the end that could
    still become one is held back. It does not find people whom the CRM does not know.
    """

    def __init__(self, redactor: Redactor) -> None:
        self._redactor = redactor
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
            if span.source is Source.PATTERN and _WAY_OUT.match(text, span.start):
                continue  # taken out to its end by the filter of what leads out, unless its host is allowed
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
            return self._redactor.detect(text)
        except DetectorFailed as error:
            raise PartUnavailable(error.detector, str(error)) from error

    def _open_from(self) -> int:
        opened = [self._redactor.gazetteer.open_from(self._pending)]
        for form in (_OPEN_NUMBER, _OPEN_WORD, _OPEN_TOKEN):
            found = form.search(self._pending[-200:])
            if found is not None:
                opened.append(len(self._pending) - len(found.group()))
        return min(opened)


@dataclass(frozen=True)
class Restoring:
    """What tokens become for the one who reads the answer: the value, or the token in its proper form."""

    values: Mapping[str, str]


class _Text:
    """One strand of text in an answer: its scanner, its restorer, and the filter of what leads out."""

    def __init__(self, redactor: Redactor, values: Mapping[str, str], hosts: Hosts) -> None:
        self.scanner = StreamScanner(redactor)
        self._restorer = StreamRestorer(values)
        self._outgoing = OutgoingText(hosts)

    def feed(self, chunk: str) -> str:
        return self._outgoing.feed(self._restorer.feed(self.scanner.feed(chunk)))

    def finish(self) -> str:
        restored = self._restorer.feed(self.scanner.finish()) + self._restorer.finish()
        return self._outgoing.feed(restored) + self._outgoing.finish()


@dataclass
class AnswerStream:
    """Turns a model server's deltas into ours. The arguments of a call are given when they are whole.

    `functions` are the caller's names of the functions, by the names that the model was given.
    """

    redactor: Redactor
    restoring: Restoring
    hosts: Hosts = field(default_factory=Hosts)
    functions: Mapping[str, str] = field(default_factory=dict)
    usage: Mapping[str, Any] | None = None
    finish_reason: str | None = None
    words: int = 0
    withheld: int = 0
    _content: _Text | None = None
    _calls: CalledTools | None = None

    def deltas(self, chunk: Mapping[str, Any]) -> Iterator[dict[str, Any]]:
        """Our deltas for one chunk of the server; empty ones are left out."""
        if chunk.get("usage"):
            self.usage = chunk["usage"]
        for choice in chunk["choices"]:
            delta = choice.get("delta") or {}
            if delta.get("content"):
                self.words += 1
                yield from _content(self._fed(delta["content"]))
            if delta.get("tool_calls"):
                self._calls = self._calls or CalledTools(self.functions)
                yield from self._calls.deltas(delta["tool_calls"])
            if choice.get("finish_reason"):
                self.finish_reason = str(choice["finish_reason"])

    def rest(self) -> Iterator[dict[str, Any]]:
        """What was held back, when the server has ended."""
        if self._content is not None:
            yield from _content(self._content.finish())
            self.withheld += self._content.scanner.withheld
        if self._calls is not None:
            yield from self._calls.rest(self._cleaned)

    def _fed(self, chunk: str) -> str:
        self._content = self._content or _Text(self.redactor, self.restoring.values, self.hosts)
        return self._content.feed(chunk)

    def _cleaned(self, text: str) -> str:
        strand = _Text(self.redactor, self.restoring.values, self.hosts)
        cleaned = strand.feed(text) + strand.finish()
        self.withheld += strand.scanner.withheld
        return cleaned


def _content(text: str) -> Iterator[dict[str, Any]]:
    if text:
        yield {"content": text}
