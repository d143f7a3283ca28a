"""A person says yes or no before a risky answer goes out."""

from .decisions import Decision, RejectionReason, approve, decide, edit, reject, send_back, undo
from .effects import Effect, NoEffect, due_effects, take_effect
from .errors import (
    AlreadyDecided,
    ClaimedByAnother,
    DeadlinePassed,
    NeedsConfirmation,
    OwnRequest,
    PayloadChanged,
    PolicyFaults,
    TooLateToUndo,
)
from .evaluate import Evaluation
from .evaluate import evaluate as evaluate_risk
from .events import ApprovalEvent
from .examples import check_examples
from .holding import RESUME, cancel, expire_due, hold
from .labelled import Labelled
from .labelled import read as read_labelled
from .labelled import shipped as shipped_examples
from .learning import Report, RuleReport, Suggestion, accepted, report_rules, suggest
from .likeness import Embed, Vector
from .payload import HeldFact, HeldPart, HeldSentence, HeldSource, Part, Payload, joined, sentence_offsets
from .policy import Policy, load_policy
from .queue import (
    Place,
    QueueEntry,
    QueueView,
    claim,
    counts,
    get_item,
    next_item,
    officers_on_duty,
    open_item,
    pending_count,
    place_of,
    pseudonym,
    queue,
    release_claim,
    standing_approvals,
    votes_on,
)
from .risk import By, RuleHit, Tier, Weighing
from .sampling import is_sampled
from .tables import HeldItem, ItemState, Verdict, Vote
from .training import Trained
from .training import train as train_likeness
from .trying import PastAnswer, PastSentence, Tried, try_policy
from .weighing import to_embed, weigh_question, weigh_sentence

__all__ = [
    "RESUME",
    "AlreadyDecided",
    "ApprovalEvent",
    "By",
    "ClaimedByAnother",
    "DeadlinePassed",
    "Decision",
    "Effect",
    "Embed",
    "Evaluation",
    "HeldFact",
    "HeldItem",
    "HeldPart",
    "HeldSentence",
    "HeldSource",
    "ItemState",
    "Labelled",
    "NeedsConfirmation",
    "NoEffect",
    "OwnRequest",
    "Part",
    "PastAnswer",
    "PastSentence",
    "Payload",
    "PayloadChanged",
    "Place",
    "Policy",
    "PolicyFaults",
    "QueueEntry",
    "QueueView",
    "RejectionReason",
    "Report",
    "RuleHit",
    "RuleReport",
    "Suggestion",
    "Tier",
    "TooLateToUndo",
    "Trained",
    "Tried",
    "Vector",
    "Verdict",
    "Vote",
    "Weighing",
    "accepted",
    "approve",
    "cancel",
    "check_examples",
    "claim",
    "counts",
    "decide",
    "due_effects",
    "edit",
    "evaluate_risk",
    "expire_due",
    "get_item",
    "hold",
    "is_sampled",
    "joined",
    "load_policy",
    "next_item",
    "officers_on_duty",
    "open_item",
    "pending_count",
    "place_of",
    "pseudonym",
    "queue",
    "read_labelled",
    "reject",
    "release_claim",
    "report_rules",
    "send_back",
    "sentence_offsets",
    "shipped_examples",
    "standing_approvals",
    "suggest",
    "take_effect",
    "to_embed",
    "train_likeness",
    "try_policy",
    "undo",
    "votes_on",
    "weigh_question",
    "weigh_sentence",
]
