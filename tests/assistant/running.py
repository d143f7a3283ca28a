"""Parts that the tests of runs share: a run with its conversation, and a pipeline that does as it is told."""

import asyncio
import uuid
from collections.abc import AsyncGenerator

from sqlmodel import col, select

from approvals import RuleHit, Tier, Weighing
from assistant.answer import AnswerPipeline, Asked, EventKind, Hold, Step
from assistant.answer.support import Checked
from assistant.conversations import start_conversation
from assistant.runs.service import Question, events_of, open_run
from assistant.runs.tables import Run
from gateway import AuditRow, Database, Principal

QUESTION = Question("What about <PERSON_1>?", [{"token": "<PERSON_1>", "type": "PERSON"}], "allowed", ())
RISKY = Weighing((RuleHit("refund_or_credit_above_limit", Tier.NORMAL, "Above the limit.", 8, 14, 0),))
PASSAGE = {
    "n": 1,
    "id": "note:1/body/0",
    "entity": "note:1",
    "field": "body",
    "title": "Note",
    "text": "The order of <PERSON_1> was late.",
    "url": None,
    "internal": False,
    "open": False,
    "as_of": "2026-01-01T00:00:00+00:00",
}


def sentence(index: int, text: str = "All is well. [1]") -> Step:
    """A sentence that may be shown."""
    return Step(EventKind.SENTENCE, {"index": index, "text": text, "citations": [1], "supported": True})


def risky_answer(*, shown: int = 0) -> Hold:
    """An answer that must wait, of which `shown` sentences were shown before."""
    harmless = [Checked("All is well. [1]", (1,), supported=True)] * shown
    sentences = (*harmless, Checked("We refund EUR 900. [1]", (1,), supported=True))
    return Hold(sentences, (PASSAGE,), (), RISKY, shown)


class Pause:
    """A place where a pipeline waits: `reached` when what stands before it has been written."""

    def __init__(self) -> None:
        self.reached = asyncio.Event()
        self.go_on = asyncio.Event()


class ToldPipeline(AnswerPipeline):
    """Gives the steps it was told, raises what it was told, or waits where it was told to."""

    def __init__(self, *steps: Step | Hold | Exception | Pause) -> None:
        self._steps = steps
        self.asked: list[Asked] = []
        self.left = asyncio.Event()

    async def answer(self, asked: Asked) -> AsyncGenerator[Step | Hold, None]:
        self.asked.append(asked)
        try:
            for step in self._steps:
                if isinstance(step, Exception):
                    raise step
                if isinstance(step, Pause):
                    step.reached.set()
                    await step.go_on.wait()
                    continue
                yield step
        finally:
            self.left.set()


async def opened(database: Database, rep: Principal, question: Question = QUESTION) -> Run:
    """A run that waits for a worker."""
    async with database.transaction() as session:
        conversation = await start_conversation(
            session, rep, conversation_id=uuid.uuid4(), title=question.text, scope=None
        )
        return await open_run(session, rep, conversation.id, question, scope=None)


async def now(database: Database, run: Run) -> Run:
    """The run as it stands."""
    async with database.transaction() as session:
        return await session.get_one(Run, run.id)


async def kinds(database: Database, run: Run) -> list[str]:
    """What happened in a run, in order."""
    async with database.transaction() as session:
        return [event.kind for event in await events_of(session, [run.id])]


async def recorded(database: Database, run: Run) -> list[str]:
    """What the record holds of a run, in order."""
    async with database.transaction() as session:
        found = select(AuditRow.event).where(AuditRow.run == str(run.id)).order_by(col(AuditRow.at))
        return [str(event) for event in (await session.exec(found)).all()]
