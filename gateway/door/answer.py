"""An answer on its way out: scanned for identities the model should not know, restored, rid of links."""

import re
from collections.abc import Callable, Iterator, Mapping
from dataclasses import dataclass, field
from functools import partial
from typing import Any, Final, NamedTuple

from gateway.errors import PartUnavailable
from redaction import (
    DetectorFailed,
    Redactor,
    Restorer,
    Source,
    Span,
    StreamRestorer,
    find_tokens,
    parse_token,
)

from .calls import CalledTools
from .destinations import Hosts
from .outgoing import OutgoingText
from .strangers import WITHHELD

_CONTEXT: Final = 160
_OPEN_NUMBER: Final = re.compile(
    r"(?:[+(]{0,2}\d[\d().\-/]{0,20}[ ]?){0,8}(?:[+(]{1,2}|[+(]{0,2}\d[\d().\-/]{0,20} ?)\Z"
)
_OPEN_WORD: Final = re.compile(r"[^\s]{0,80}(?:[\d@]|[._/:+][^\s.:!?,;)\"'])[^\s]{0,80}\Z")
_WAY_OUT: Final = re.compile(r"(?i)(?:[a-z]+:)?//|www\.")
_ENDED: Final = frozenset({"stop", "tool_calls", "function_call"})


class StreamScanner:
    """Replaces identities in a model's own words by `[withheld]`; the model was given none.

    Looks for known customers and for the shapes of mails, numbers and addresses. Only the end that could
    still become one is held back. People whom the CRM does not know are `StrangerScreen`'s. What `restorer`
    will put a value in place of is left to it.
    """

    def __init__(self, redactor: Redactor, restorer: Restorer | None = None) -> None:
        self._redactor = redactor
        self._restorer = restorer or Restorer({})
        self._before = ""
        self._pending = ""
        self.withheld = 0

    def feed(self, chunk: str) -> str:
        """Take the next piece, give what is certain. Raises `PartUnavailable` when a detector fails."""
        self._pending += chunk
        return self._advance(self._open_from())

    def finish(self, *, cut: bool = False) -> str:
        """Give the rest; of a text that was `cut` off, not what could still have become an identity."""
        return self._advance(self._open_from() if cut else len(self._pending))

    def _advance(self, limit: int) -> str:
        if limit == 0:
            return ""
        text = self._before + self._pending
        offset = len(self._before)
        limit += offset
        kept = [*self._restorer.find(text), *_plain_tokens(text)]
        pieces: list[str] = []
        position = offset
        for span in self._spans(text):
            if span.end <= position or any(start < span.end and span.start < end for start, end, _ in kept):
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
        text = self._before + self._pending
        opened = [
            self._redactor.gazetteer.open_from(self._pending),
            self._restorer.open_from(text, len(self._before)) - len(self._before),
        ]
        for form in (_OPEN_NUMBER, _OPEN_WORD):
            found = form.search(self._pending[-200:])
            if found is not None:
                opened.append(len(self._pending) - len(found.group()))
        return min(opened)


def _plain_tokens(text: str) -> Iterator[tuple[int, int, str]]:
    """Tokens that hold no words of the model's own."""
    for start, end, written in find_tokens(text):
        token = parse_token(written)
        if token is not None and token.facet is None:
            yield start, end, written


@dataclass(frozen=True)
class Restoring:
    """What tokens become for the one who reads the answer: the value, or the token in its proper form.

    `values` has the tokens that the model was given, and no others: it can mean no others. What looks like
    a token and is none of them stays as it is written, or `[withheld]` takes its place when the answer is
    `kept`: in a conversation it could be somebody's token later.
    """

    values: Mapping[str, str]
    kept: bool = False


class ChoiceDelta(NamedTuple):
    """A delta of one of the answers that a model gives at once."""

    choice: int
    delta: dict[str, Any]


class _Text:
    """One strand of text in an answer: its scanner, its restorer, and the filter of what leads out."""

    def __init__(self, redactor: Redactor, restorer: Restorer, kept: bool, hosts: Hosts) -> None:
        self._scanner = StreamScanner(redactor, restorer)
        self._restorer = StreamRestorer(restorer, unresolved=WITHHELD if kept else None)
        self._outgoing = OutgoingText(hosts)

    @property
    def withheld(self) -> int:
        return self._scanner.withheld

    @property
    def unresolved(self) -> int:
        return self._restorer.unresolved

    def feed(self, chunk: str) -> str:
        return self._outgoing.feed(self._restorer.feed(self._scanner.feed(chunk)))

    def finish(self, *, cut: bool = False) -> str:
        restored = self._restorer.feed(self._scanner.finish(cut=cut)) + self._restorer.finish(cut=cut)
        return self._outgoing.feed(restored) + self._outgoing.finish()


@dataclass
class _Choice:
    """One of the answers that a model gives at once."""

    content: _Text | None = None
    calls: CalledTools | None = None


@dataclass
class AnswerStream:
    """Turns a model server's deltas into ours. The arguments of a call are given when they are whole.

    `functions` are the caller's names of the functions, by the names that the model was given. An answer
    that breaks off gives no half token and no half value: what was held back is dropped with `rest` never
    asked for, or given as far as it is certain when the server says that it has cut the answer.
    """

    redactor: Redactor
    restoring: Restoring
    hosts: Hosts = field(default_factory=Hosts)
    functions: Mapping[str, str] = field(default_factory=dict)
    usage: Mapping[str, Any] | None = None
    finish_reasons: dict[int, str] = field(default_factory=dict)
    _restorer: Restorer = field(init=False)
    _choices: dict[int, _Choice] = field(default_factory=dict)
    _arguments: list[_Text] = field(default_factory=list)

    def __post_init__(self) -> None:
        self._restorer = Restorer(self.restoring.values)

    @property
    def finish_reason(self) -> str | None:
        """Why the first answer ended."""
        return self.finish_reasons.get(0)

    @property
    def withheld(self) -> int:
        """How many identities of the model's own have been taken out."""
        return sum(strand.withheld for strand in self._strands())

    @property
    def unresolved(self) -> int:
        """How many pieces look like tokens and are nobody's, or nobody can say whose."""
        return sum(strand.unresolved for strand in self._strands())

    def deltas(self, chunk: Mapping[str, Any]) -> Iterator[ChoiceDelta]:
        """Our deltas for one chunk of the server; empty ones are left out."""
        if chunk.get("usage"):
            self.usage = chunk["usage"]
        for choice in chunk["choices"]:
            index = int(choice.get("index", 0))
            delta = choice.get("delta") or {}
            own = self._choices.setdefault(index, _Choice())
            if delta.get("content"):
                own.content = own.content or self._strand()
                yield from _content(index, own.content.feed(delta["content"]))
            if delta.get("tool_calls"):
                own.calls = own.calls or CalledTools(self.functions)
                yield from (ChoiceDelta(index, each) for each in own.calls.deltas(delta["tool_calls"]))
            if choice.get("finish_reason"):
                self.finish_reasons[index] = str(choice["finish_reason"])

    def rest(self, screened: Callable[[str], str] = str) -> Iterator[ChoiceDelta]:
        """What was held back, when the server has ended; `screened` takes people out of arguments."""
        for index, choice in self._choices.items():
            if choice.content is not None:
                cut = self.finish_reasons.get(index) not in _ENDED
                yield from _content(index, choice.content.finish(cut=cut))
            if choice.calls is not None:
                yield from (
                    ChoiceDelta(index, each) for each in choice.calls.rest(partial(self._cleaned, screened))
                )

    def _strand(self) -> _Text:
        return _Text(self.redactor, self._restorer, self.restoring.kept, self.hosts)

    def _strands(self) -> Iterator[_Text]:
        yield from self._arguments
        yield from (choice.content for choice in self._choices.values() if choice.content is not None)

    def _cleaned(self, screened: Callable[[str], str], text: str, *, cut: bool) -> str:
        strand = self._strand()
        self._arguments.append(strand)
        return strand.feed(screened(text)) + strand.finish(cut=cut)


def _content(choice: int, text: str) -> Iterator[ChoiceDelta]:
    if text:
        yield ChoiceDelta(choice, {"content": text})
