"""Text in, redacted text out, and back again. A pure library: no network, no database."""

from .anonymised import Mode, anonymise
from .cache import MemorySpanCache, SpanCache, pack_spans, span_digest, unpack_spans
from .canaries import CANARIES, CANARY_CUSTOMERS, CanaryFailed, check_canaries, describe_failures
from .detectors.presidio import PresidioDetector, load_recognizers
from .entities import EntityType, GazetteerEntry, Redacted, Source, Span
from .errors import (
    BadLabels,
    BadLine,
    BadTokenMap,
    DetectorFailed,
    InvalidSpan,
    ModelMissing,
    RecognizerMissing,
    RedactionError,
    TokenConflict,
)
from .evaluation.labelled import LabelledSpan, LabelledText, lowered, read_labelled
from .evaluation.report import Report, measure
from .evaluation.stock import stock_presidio
from .evaluation.token_forms import FORMS, FormRow, TokenForm, measure_forms, sample_texts
from .gazetteer.entry_table import EntryTable
from .gazetteer.gazetteer import Gazetteer
from .lines import RedactedLine, SpanLine, redact_lines
from .loading import load_redactor, ner_spans_in_worker, ner_version_in_worker, start_ner_worker
from .normalise import MapBuilder, Mapped, Reading
from .policy import Level, Policy
from .redactor import Detector, Redactor
from .rows import ColumnRule, RedactedRow, TableRules, Treatment, redact_rows
from .tokens.disguise import disguised
from .tokens.form import Token, find_tokens, is_token, parse_token
from .tokens.replacement import Redaction, durable, redact
from .tokens.restoration import Restoration, Restorer, StreamRestorer, restore
from .tokens.token_map import TokenMap, TokenRecord

__all__ = [
    "CANARIES",
    "CANARY_CUSTOMERS",
    "FORMS",
    "BadLabels",
    "BadLine",
    "BadTokenMap",
    "CanaryFailed",
    "ColumnRule",
    "Detector",
    "DetectorFailed",
    "EntityType",
    "EntryTable",
    "FormRow",
    "Gazetteer",
    "GazetteerEntry",
    "InvalidSpan",
    "LabelledSpan",
    "LabelledText",
    "Level",
    "MapBuilder",
    "Mapped",
    "MemorySpanCache",
    "Mode",
    "ModelMissing",
    "Policy",
    "PresidioDetector",
    "Reading",
    "RecognizerMissing",
    "Redacted",
    "RedactedLine",
    "RedactedRow",
    "Redaction",
    "RedactionError",
    "Redactor",
    "Report",
    "Restoration",
    "Restorer",
    "Source",
    "Span",
    "SpanCache",
    "SpanLine",
    "StreamRestorer",
    "TableRules",
    "Token",
    "TokenConflict",
    "TokenForm",
    "TokenMap",
    "TokenRecord",
    "Treatment",
    "anonymise",
    "check_canaries",
    "describe_failures",
    "disguised",
    "durable",
    "find_tokens",
    "is_token",
    "load_recognizers",
    "load_redactor",
    "lowered",
    "measure",
    "measure_forms",
    "ner_spans_in_worker",
    "ner_version_in_worker",
    "pack_spans",
    "parse_token",
    "read_labelled",
    "redact",
    "redact_lines",
    "redact_rows",
    "restore",
    "sample_texts",
    "span_digest",
    "start_ner_worker",
    "stock_presidio",
    "unpack_spans",
]
