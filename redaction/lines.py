"""JSON Lines in, spans and redacted text out."""

from __future__ import annotations

import json
from collections.abc import Iterable, Iterator
from typing import TypedDict

from .errors import BadLine
from .redactor import Redactor
from .tokens.token_map import TokenMap


class SpanLine(TypedDict):
    """One span of the original text: code points, half open."""

    start: int
    end: int
    type: str
    score: float
    source: str


class RedactedLine(TypedDict):
    """What one input line gives."""

    id: object
    spans: list[SpanLine]
    redacted: str


def redact_lines(lines: Iterable[str], redactor: Redactor) -> Iterator[RedactedLine]:
    """Redact each line `{"id": …, "text": …}` by itself: tokens count anew in each. Empty lines give nothing.

    Lazy: what came before a bad line has been yielded when BadLine (with the line's number) or
    DetectorFailed is raised.
    """
    for number, line in enumerate(lines, start=1):
        if line.strip():
            yield _redacted(number, line, redactor)


def _redacted(number: int, line: str, redactor: Redactor) -> RedactedLine:
    identifier, text = _parsed(number, line)
    redaction = redactor.redact(text, TokenMap())
    spans: list[SpanLine] = [
        {
            "start": span.start,
            "end": span.end,
            "type": span.type.value,
            "score": span.score,
            "source": span.source.value,
        }
        for span in redaction.spans
    ]
    return {"id": identifier, "spans": spans, "redacted": redaction.text}


def _parsed(number: int, line: str) -> tuple[object, str]:
    try:
        parsed = json.loads(line)
    except json.JSONDecodeError as error:
        raise BadLine(number, f"this is not JSON ({error.msg}, column {error.colno})") from None
    except RecursionError:
        raise BadLine(number, "this is nested too deeply") from None
    if not isinstance(parsed, dict) or "id" not in parsed or not isinstance(parsed.get("text"), str):
        raise BadLine(number, "an object with “id” and a string “text” is needed")
    return parsed["id"], parsed["text"]
