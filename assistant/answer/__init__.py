"""Answers: from a tokenised question to checked sentences, or a draft that must wait."""

from .context import Turn
from .events import EventKind, RunAudit
from .generation import PROMPT_VERSION, Generation, Scale
from .pipeline import AnswerPipeline
from .prompting import AnsweringSettings
from .receipt import hidden_in
from .references import MAX_SEARCHED, Searched, durable_text, entity_refs, named_records, of_nobody, searched
from .replay import Replay, Replayer
from .steps import Asked, Hold, Step
from .strangers import Strangers, strangers_among

__all__ = [
    "MAX_SEARCHED",
    "PROMPT_VERSION",
    "AnswerPipeline",
    "AnsweringSettings",
    "Asked",
    "EventKind",
    "Generation",
    "Hold",
    "Replay",
    "Replayer",
    "RunAudit",
    "Scale",
    "Searched",
    "Step",
    "Strangers",
    "Turn",
    "durable_text",
    "entity_refs",
    "hidden_in",
    "named_records",
    "of_nobody",
    "searched",
    "strangers_among",
]
