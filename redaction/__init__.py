"""Text in, redacted text out, and back again. A pure library: no network, no database."""

from .analyzer import Analyzer, Detector
from .book import MemoryTokenBook, TokenBook, TokenRecord
from .cache import MemorySpanCache, SpanCache
from .entities import EntityType, GazetteerEntry, Redacted, Source, Span
from .errors import BadLine, DetectorFailed, InvalidSpan, ModelMissing, RedactionError, TokenConflict
from .gazetteer import Gazetteer
from .lines import RedactedLine, SpanLine, redact_lines
from .loading import load_analyzer, ner_spans_in_worker, start_ner_worker
from .replacement import Redaction, durable, redact
from .restoration import StreamRestorer, restore
from .tokens import Token, find_tokens, is_token, parse_token

__all__ = [
    "Analyzer",
    "BadLine",
    "Detector",
    "DetectorFailed",
    "EntityType",
    "Gazetteer",
    "GazetteerEntry",
    "InvalidSpan",
    "MemorySpanCache",
    "MemoryTokenBook",
    "ModelMissing",
    "Redacted",
    "RedactedLine",
    "Redaction",
    "RedactionError",
    "Source",
    "Span",
    "SpanCache",
    "SpanLine",
    "StreamRestorer",
    "Token",
    "TokenBook",
    "TokenConflict",
    "TokenRecord",
    "durable",
    "find_tokens",
    "is_token",
    "load_analyzer",
    "ner_spans_in_worker",
    "parse_token",
    "redact",
    "redact_lines",
    "restore",
    "start_ner_worker",
]
