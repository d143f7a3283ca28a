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
from .events import ApprovalEvent
from .holding import RESUME, cancel, expire_due, hold
from .payload import HeldFact, HeldSentence, HeldSource, Payload, joined, sentence_offsets
from .policy import Policy, load_policy
from .queue import (
    Place,
    QueueEntry,
    QueueView,
    claim,
    get_item,
    officers_on_duty,
    open_item,
    pending_count,
    place_of,
    pseudonym,
    queue,
    release_claim,
    votes_on,
)
from .risk import RuleHit, Tier, Weighing
from .tables import HeldItem, ItemState, Verdict, Vote
from .weighing import weigh_question, weigh_sentence

__all__ = [
    "RESUME",
    "AlreadyDecided",
    "ApprovalEvent",
    "ClaimedByAnother",
    "DeadlinePassed",
    "Decision",
    "Effect",
    "HeldFact",
    "HeldItem",
    "HeldSentence",
    "HeldSource",
    "ItemState",
    "NeedsConfirmation",
    "NoEffect",
    "OwnRequest",
    "Payload",
    "PayloadChanged",
    "Place",
    "Policy",
    "PolicyFaults",
    "QueueEntry",
    "QueueView",
    "RejectionReason",
    "RuleHit",
    "Tier",
    "TooLateToUndo",
    "Verdict",
    "Vote",
    "Weighing",
    "approve",
    "cancel",
    "claim",
    "decide",
    "due_effects",
    "edit",
    "expire_due",
    "get_item",
    "hold",
    "joined",
    "load_policy",
    "officers_on_duty",
    "open_item",
    "pending_count",
    "place_of",
    "pseudonym",
    "queue",
    "reject",
    "release_claim",
    "send_back",
    "sentence_offsets",
    "take_effect",
    "undo",
    "votes_on",
    "weigh_question",
    "weigh_sentence",
]
