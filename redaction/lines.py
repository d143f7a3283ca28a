"""JSON Lines in, spans and redacted text out."""

from __future__ import annotations

import json
from collections.abc import Callable, Iterable, Iterator, Sequence
from typing import Any, TypedDict

from .entities import Redacted, Span
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


def redact_lines(
    lines: Iterable[str],
    redactor: Redactor,
    rewrite: Callable[[str, Sequence[Span]], Redacted] | None = None,
) -> Iterator[RedactedLine]:
    """Redact each line `{"id": …, "text": …}` by itself: tokens count anew in each. Empty lines give nothing.

    `rewrite` puts something else than tokens in place of spans. Lazy: what came before a bad line has been
    yielded when BadLine (with the line's number) or DetectorFailed is raised.
    """
    for number, line in enumerate(lines, start=1):
        if not line.strip():
            continue
        identifier, text = _parsed(number, line)
        if rewrite is None:
            redaction = redactor.redact(text, TokenMap())
            spans, redacted = list(redaction.spans), redaction.text
        else:
            spans = redactor.detect(text)
            redacted = rewrite(text, spans)
        yield {"id": identifier, "spans": [as_line(span) for span in spans], "redacted": redacted}


def as_line(span: Span) -> SpanLine:
    """What is written of a span: nothing that names a record."""
    return {
        "start": span.start,
        "end": span.end,
        "type": span.type.value,
        "score": span.score,
        "source": span.source.value,
    }


def parsed_object(number: int, line: str) -> dict[str, Any]:
    """The JSON object in line `number`. Raises BadLine."""
    try:
        parsed = json.loads(line)
    except json.JSONDecodeError as error:
        raise BadLine(number, f"this is not JSON ({error.msg}, column {error.colno})") from None
    except RecursionError:
        raise BadLine(number, "this is nested too deeply") from None
    if not isinstance(parsed, dict):
        raise BadLine(number, "a JSON object is needed")
    return parsed


def _parsed(number: int, line: str) -> tuple[object, str]:
    parsed = parsed_object(number, line)
    if "id" not in parsed or not isinstance(parsed.get("text"), str):
        raise BadLine(number, "an object with “id” and a string “text” is needed")
    return parsed["id"], parsed["text"]
