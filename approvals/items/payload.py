"""What is held: the exact tokenised question, draft and sources, known by their hash."""

import json
from collections.abc import Mapping
from dataclasses import asdict, dataclass, replace
from enum import StrEnum
from hashlib import sha256
from typing import Any


@dataclass(frozen=True)
class HeldSentence:
    """One sentence of the draft, markdown with `[n]` citations."""

    text: str
    citations: tuple[int, ...] = ()
    supported: bool = True


@dataclass(frozen=True)
class HeldSource:
    """A passage that was in the prompt; `n` is what citations name."""

    n: int
    id: str
    entity: str
    title: str
    text: str
    field: str = ""
    url: str | None = None
    internal: bool = False
    as_of: str | None = None


@dataclass(frozen=True)
class HeldFact:
    """A live fact that was in the prompt."""

    label: str
    value: str
    title: str = ""
    kind: str = ""
    as_of: str | None = None
    n: int = 0
    entity: str = ""


class Part(StrEnum):
    """What a text in the prompt is."""

    INSTRUCTIONS = "instructions"
    QUESTION = "question"
    ANSWER = "answer"
    SOURCE = "source"


@dataclass(frozen=True)
class HeldPart:
    """A text as it stood in the prompt; the last question is the one that was answered."""

    part: Part
    text: str


@dataclass(frozen=True)
class MailDraft:
    """Whom a draft would be sent to, and its subject; tokenised."""

    to: str
    subject: str


@dataclass(frozen=True)
class Handover:
    """What the CRM's webhook would be told: about which record, and what to do with the text there."""

    record: str
    action: str


@dataclass(frozen=True)
class Payload:
    """A held answer: `shown_count` sentences were on the page before; `edited` replaces the draft.

    `prompt` is what the model read, in that order, and `hidden` how many identities of which type stood in it
    as tokens; None where nobody kept it.
    """

    question: str
    sentences: tuple[HeldSentence, ...]
    shown_count: int = 0
    sources: tuple[HeldSource, ...] = ()
    facts: tuple[HeldFact, ...] = ()
    edited: str | None = None
    prompt: tuple[HeldPart, ...] | None = None
    mail: MailDraft | None = None
    handover: Handover | None = None
    hidden: Mapping[str, int] | None = None

    @property
    def draft(self) -> str:
        """The sentences as one text, whatever an officer made of it."""
        return joined([sentence.text for sentence in self.sentences])

    @property
    def text(self) -> str:
        """What would be shown: the edited text, else the draft."""
        return self.draft if self.edited is None else self.edited

    def with_edit(self, text: str) -> "Payload":
        """The same item with an officer's text in place of the draft."""
        return replace(self, edited=text)

    def digest(self) -> str:
        """SHA-256 (hex) of the canonical JSON: sorted keys, no spaces, UTF-8."""
        return digest_of(self.as_json())

    def as_json(self) -> dict[str, Any]:
        """JSON members, as they are stored and hashed."""
        members: dict[str, Any] = json.loads(json.dumps(asdict(self)))
        for name in (
            "prompt",
            "mail",
            "handover",
            "hidden",
        ):  # what was held before there were these has the same hash
            if members[name] is None:
                del members[name]
        return members

    @classmethod
    def from_json(cls, members: Mapping[str, Any]) -> "Payload":
        """The payload as it was stored."""
        sentences = (
            HeldSentence(s["text"], tuple(s["citations"]), s["supported"]) for s in members["sentences"]
        )
        return cls(
            question=members["question"],
            sentences=tuple(sentences),
            shown_count=members["shown_count"],
            sources=tuple(HeldSource(**source) for source in members["sources"]),
            facts=tuple(HeldFact(**fact) for fact in members["facts"]),
            edited=members["edited"],
            prompt=_prompt(members.get("prompt")),
            mail=MailDraft(**members["mail"]) if members.get("mail") else None,
            handover=Handover(**members["handover"]) if members.get("handover") else None,
            hidden=members.get("hidden"),
        )


def digest_of(members: Mapping[str, Any]) -> str:
    """SHA-256 (hex) of a payload's members as they are stored; any other member or value gives another."""
    canonical = json.dumps(members, sort_keys=True, separators=(",", ":"), ensure_ascii=False)
    return sha256(canonical.encode()).hexdigest()


def _prompt(parts: list[dict[str, str]] | None) -> tuple[HeldPart, ...] | None:
    return None if parts is None else tuple(HeldPart(Part(one["part"]), one["text"]) for one in parts)


def joined(sentences: list[str]) -> str:
    """Sentences put together as a page shows them; a sentence's own line breaks are kept."""
    return "".join(_parts(sentences))


def sentence_offsets(sentences: list[str]) -> list[int]:
    """Where each sentence begins in `joined`."""
    offsets, length = [], 0
    parts = _parts(sentences)
    for gap, sentence in zip(parts[::2], parts[1::2], strict=True):
        offsets.append(length + len(gap))
        length += len(gap) + len(sentence)
    return offsets


def _parts(sentences: list[str]) -> list[str]:
    """Gap and sentence, in turn; the first gap is empty."""
    parts: list[str] = []
    for number, sentence in enumerate(sentences):
        spaced = number == 0 or sentences[number - 1][-1:].isspace() or sentence[:1].isspace()
        parts += ["" if spaced else " ", sentence]
    return parts
