"""Answers: from a tokenised question to checked sentences, or a draft that must wait."""

from .context import Turn
from .events import EventKind, RunAudit
from .pipeline import MAX_SEARCHED, AnsweringSettings, AnswerPipeline, Asked, Hold, Step
from .receipt import hidden_in
from .references import durable_text, entity_refs, named_records
from .strangers import strangers_among

__all__ = [
    "MAX_SEARCHED",
    "AnswerPipeline",
    "AnsweringSettings",
    "Asked",
    "EventKind",
    "Hold",
    "RunAudit",
    "Step",
    "Turn",
    "durable_text",
    "entity_refs",
    "hidden_in",
    "named_records",
    "strangers_among",
]
