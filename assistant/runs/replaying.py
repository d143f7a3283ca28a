"""An answer replayed for an auditor: the same question to the same model, and what is different.

The auditor reads tokens, and never more: nothing is restored. The question and both drafts are shown, the
records that they rest on are not. The door is asked in the name of whoever asked then, so that no text counts
as typed by the auditor; both names are in the record. Nothing is added to the run but its event.
"""

import uuid
from collections.abc import Sequence
from dataclasses import asdict, dataclass
from datetime import datetime
from enum import StrEnum
from typing import Any, Final

from sqlmodel import col, select

from approvals import Policy, joined, word_diff
from assistant.answer import PROMPT_VERSION, EventKind, Generation, Replay, Replayer, RunAudit, Scale
from assistant.conversations import Conversation
from gateway import (
    AUDITING,
    Account,
    Conflict,
    Database,
    DoorClient,
    NotFound,
    Principal,
    Role,
    as_code,
    is_same_prompt,
    record,
    require,
)

from .errors import AnotherVersion
from .service import events_of
from .tables import Run, RunEvent, RunGeneration

_UNKNOWN: Final = "There is no answer of this id: the run is unknown, or an item or conversation was named."
_DELETED: Final = "The conversation of this answer was deleted, so it can no longer be replayed."
_NOT_KEPT: Final = (
    "Of this answer no draft is kept, so there is nothing to replay: it was refused, found nothing, failed "
    "before its end, is from before drafts were kept, or their time was over."
)
_UNNAMED: Final = "an unnamed version"


class Became(StrEnum):
    """What whoever asked got of a draft: it as it was written, at once or when it was released; an officer's
    text; nothing, or nothing yet; so much of it as was shown when it broke off, which may be nothing."""

    SHOWN = "shown"
    RELEASED = "released"
    EDITED = "edited"
    WAITS = "waits"
    SENT_BACK = "sent_back"
    NOT_RELEASED = "not_released"
    BROKE_OFF = "broke_off"


_DECIDED: Final = {
    EventKind.RELEASED: Became.RELEASED,
    EventKind.SENT_BACK: Became.SENT_BACK,
    EventKind.REJECTED: Became.NOT_RELEASED,
    EventKind.EXPIRED: Became.NOT_RELEASED,
    EventKind.CANCELLED: Became.NOT_RELEASED,
}


@dataclass(frozen=True)
class Told:
    """A draft: its text, the version that wrote it, and what it weighs by which policy."""

    version: str
    text: str
    weighs: Scale


@dataclass(frozen=True)
class ReplayReport:
    """A recorded answer beside the same question asked again.

    `today` is what the recorded draft would weigh by today's policy. `changes` are the words of both texts:
    kept, removed, added. `same_prompt` says whether the model read the same, byte for byte; None where the
    record no longer has it, or no model was asked. `became` is what whoever asked got of the recorded draft,
    `shown` how many of its sentences they read without an officer, and `given` the text that an officer gave
    them in its place.
    """

    run: uuid.UUID
    conversation: uuid.UUID
    attempt: int
    attempts: int
    at: datetime | None
    question: str
    model: str
    prompt: str
    prompt_now: str
    asked_a_model: bool
    then: Told
    now: Told
    today: Scale
    same_prompt: bool | None
    changes: Sequence[tuple[str, str]]
    became: Became
    shown: int
    given: str | None

    @property
    def same_text(self) -> bool:
        """Whether the model wrote the same words."""
        return self.then.text == self.now.text

    @property
    def same_version(self) -> bool:
        """Whether the version that answered then has answered now."""
        return self.then.version == self.now.version

    @property
    def same_weighing(self) -> bool:
        """Whether the new draft weighs by today's policy what the recorded one weighed then."""
        then, now = self.then.weighs, self.now.weighs
        return (set(then.rules), set(then.shadow), then.tier) == (set(now.rules), set(now.shadow), now.tier)

    def as_json(self) -> dict[str, Any]:
        """JSON members."""
        return {
            **asdict(self),
            "run": str(self.run),
            "conversation": str(self.conversation),
            "at": self.at.isoformat() if self.at else None,
            "same_text": self.same_text,
            "same_version": self.same_version,
            "same_weighing": self.same_weighing,
        }


@dataclass(frozen=True)
class _Kept:
    run: Run
    asker: Principal
    attempt: int
    attempts: int
    at: datetime | None
    made: Generation
    became: Became
    shown: int
    given: str | None


async def replay_run(
    database: Database,
    door: DoorClient,
    policy: Policy,
    auditor: Principal,
    run_id: uuid.UUID,
    *,
    attempt: int | None = None,
    other_version: bool = False,
) -> ReplayReport:
    """Ask a run's question once more, the last draft's or that of an `attempt`, and record that it was.

    The version that answered then must be served still, or `other_version` is said: then what is served
    answers. Raises `NotFound`, `Conflict` for what cannot be replayed, and the door's errors.
    """
    require(auditor, Role.AUDITOR)
    kept = await _kept(database, auditor, run_id, attempt)
    version = await _version(door, kept, other_version=other_version)
    replayed = await Replayer(door, policy).replay(kept.made, kept.asker, kept.run.conversation_id, version)
    report = await _report(database, kept, replayed)
    async with database.transaction() as session:
        record(
            session,
            RunAudit.REPLAYED,
            auditor,
            conversation=kept.run.conversation_id,
            run=run_id,
            attempt=kept.attempt,
            served_then=as_code(report.then.version),
            served=as_code(report.now.version),
            policy=as_code(report.now.weighs.policy),
            prompt=report.prompt_now,
            same_text=report.same_text,
            same_prompt=report.same_prompt,
            same_weighing=report.same_weighing,
        )
    return report


async def _kept(database: Database, auditor: Principal, run_id: uuid.UUID, attempt: int | None) -> _Kept:
    async with database.transaction() as session:
        run = await session.get(Run, run_id)
        if run is None:
            raise NotFound(_UNKNOWN)
        conversation = await session.get(Conversation, run.conversation_id)
        if conversation is None or conversation.deleted_at is not None:
            raise Conflict(_DELETED)
        wanted = select(RunGeneration).where(RunGeneration.run_id == run_id)
        rows = (await session.exec(wanted.order_by(col(RunGeneration.attempt)))).all()
        if not rows:
            raise Conflict(_NOT_KEPT)
        row = next((one for one in rows if one.attempt == attempt), None) if attempt else rows[-1]
        if row is None:
            numbers = ", ".join(str(one.attempt) for one in rows)
            raise NotFound(f"This answer has no draft of that number; it has: {numbers}.")
        account = await session.get(Account, run.principal_id)
        made = Generation.from_json(row.made_of)
        asker = Principal(
            str(run.principal_id),
            account.login if account else "",
            frozenset(map(Role, made.roles)),
            by=f"{AUDITING}{auditor.id}",
        )
        events = _around(row.weighed, await events_of(session, [run_id]))
        shown = sum(event.kind == EventKind.SENTENCE for event in events)
        became, given = _became(events, all_shown=shown == len(made.drafted))
        return _Kept(run, asker, row.attempt, len(rows), row.at, made, became, shown, given)


def _around(weighed: int, events: Sequence[RunEvent]) -> Sequence[RunEvent]:
    """What happened to the draft that was weighed at this number: its sentences came since the stage before,
    and whatever follows the next stage is of another draft."""
    stages = [event.seq for event in events if event.kind == EventKind.STAGE]
    begin = max((seq for seq in stages if seq < weighed), default=0)
    end = min((seq for seq in stages if seq > weighed), default=len(events) + 1)
    return [event for event in events if begin < event.seq < end]


def _became(events: Sequence[RunEvent], *, all_shown: bool) -> tuple[Became, str | None]:
    """What became of the draft to which this happened, and an officer's text where there is one.

    Only a held one can be decided on, and only once: what comes after is about the run.
    """
    if not any(event.kind == EventKind.HELD for event in events):
        return Became.SHOWN if all_shown else Became.BROKE_OFF, None
    decided = next((event for event in events if event.kind in _DECIDED), None)
    if decided is None:
        return Became.WAITS, None
    if decided.data.get("edited"):
        return Became.EDITED, str(decided.data["text"])
    return _DECIDED[EventKind(decided.kind)], None


async def _version(door: DoorClient, kept: _Kept, *, other_version: bool) -> str:
    """The version that is to answer. Raises `Conflict` when it is not served, unless another may answer."""
    made = kept.made
    if not made.asked_a_model:
        return ""
    served = await door.versions(kept.asker, made.model)
    if made.version in served:
        return made.version
    if not (other_version and served):
        now = ", ".join(served) or "none"
        raise AnotherVersion(made.version or _UNNAMED, now)
    return served[0]


async def _report(database: Database, kept: _Kept, replayed: Replay) -> ReplayReport:
    made = kept.made
    async with database.transaction() as session:
        same_prompt = await is_same_prompt(session, kept.run.id, kept.run.conversation_id)
    then = joined([one.text for one in made.drafted])
    now = joined([one.text for one in replayed.drafted])
    return ReplayReport(
        run=kept.run.id,
        conversation=kept.run.conversation_id,
        attempt=kept.attempt,
        attempts=kept.attempts,
        at=kept.at,
        question=made.question,
        model=made.model,
        prompt=made.prompt,
        prompt_now=PROMPT_VERSION,
        asked_a_model=made.asked_a_model,
        then=Told(made.version, then, made.scale),
        now=Told(replayed.version, now, replayed.weighs),
        today=replayed.recorded_weighs,
        same_prompt=same_prompt if made.asked_a_model else None,
        changes=word_diff(then, now),
        became=kept.became,
        shown=kept.shown,
        given=kept.given,
    )
