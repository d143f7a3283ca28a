"""Answers: from a tokenised question to checked sentences, or a draft that must wait."""

from .context import Turn
from .events import EventKind, RunAudit
from .pipeline import (
    AnsweringSettings,
    AnswerPipeline,
    Asked,
    Hold,
    Step,
    durable_text,
    entity_refs,
)

__all__ = [
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
]
