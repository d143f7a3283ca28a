"""The project's own labelled texts: what redaction is measured with."""

from .build import build_corpus
from .files import write_jsonl
from .groups import is_negative
from .known import gazetteer_entries
from .templates import is_held_out

__all__ = ["build_corpus", "gazetteer_entries", "is_held_out", "is_negative", "write_jsonl"]
