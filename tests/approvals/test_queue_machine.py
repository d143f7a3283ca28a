"""Whatever officers, requesters and clocks do: the queue does as its reference model, step by step."""

import asyncio
import os
import uuid
from collections.abc import Awaitable, Callable
from typing import Any, ClassVar

import pytest
from hypothesis import HealthCheck, settings
from hypothesis import strategies as st
from hypothesis.stateful import (
    Bundle,
    RuleBasedStateMachine,
    invariant,
    rule,
    run_state_machine_as_test,
)
from sqlmodel.ext.asyncio.session import AsyncSession

from approvals import (
    Decision,
    Effect,
    Move,
    NoEffect,
    Payload,
    Tier,
    Verdict,
    cancel,
    claim,
    decide,
    hold_again,
    release_claim,
    sweep,
    take_effect,
    undo,
)
from gateway import CloisterError, Database, DatabaseSettings, Principal, Role

from .queues import POLICY, answer, employ, held, let_pass, open_item, person, risky, run_sql
from .reference import Item, Model

OFFICERS = [person(name, Role.OFFICER) for name in ("olga", "otto", "olivia")]
REPS = [person("alice", Role.REP), OFFICERS[2]]  # one officer asks questions too
EVERYBODY = [*OFFICERS, REPS[0], person("ada", Role.ADMIN)]
WAITS = POLICY.deadline_minutes(risky()) * 60
DRAFTS = {"draft": answer(), "better": answer("We look into it, <PERSON_1>. [1]")}
WORDS = ("Shorter.", "Longer, <PERSON_1>.")
NIGHTLY = os.environ.get("CLOISTER_NIGHTLY") == "1"
EXAMPLES, STEPS = (300, 40) if NIGHTLY else (25, 40)
LEAST_STEPS = 10_000 if NIGHTLY else 0

officers, everybody = st.sampled_from(OFFICERS), st.sampled_from(EVERYBODY)
fences = st.sampled_from(["none", "newest", "older"])
_DISABLED = "UPDATE gateway.account SET disabled = :gone WHERE id = :id"
_STATES = "SELECT * FROM approvals.held_item"
_VOTES = "SELECT reviewer, verdict FROM approvals.vote JOIN approvals.held_item i ON i.id = item"
_STANDING = f"{_VOTES} WHERE item = :item AND undone_at IS NULL AND vote.round = i.round"


class QueueMachine(RuleBasedStateMachine):
    """Each step is one transaction, and its outcome is the model's."""

    database: ClassVar[Database]
    runner: ClassVar[asyncio.Runner]
    taken: ClassVar[int] = 0
    items = Bundle("items")

    def __init__(self) -> None:
        super().__init__()
        QueueMachine.taken -= 1  # the invariant is looked at once before the first step
        self.model = Model({one.id for one in OFFICERS}, WAITS)
        self.effects: dict[tuple[uuid.UUID, int], Effect] = {}
        self._step(lambda session: run_sql(session, "TRUNCATE approvals.held_item CASCADE"))
        self._step(employ)

    def _step(self, work: Callable[[AsyncSession], Awaitable[Any]]) -> Any:
        async def transaction() -> Any:
            async with self.database.transaction() as session:
                return await work(session)

        try:
            return self.runner.run(transaction())
        except CloisterError as refusal:
            return refusal

    def _agrees(self, outcome: Any, expected: str) -> None:
        said = type(outcome).__name__ if isinstance(outcome, CloisterError) else "ok"
        assert said == expected

    def _fence(self, item: uuid.UUID, choice: str) -> int | None:
        newest = self.model.items[item].fence
        return {"none": None, "newest": newest, "older": newest - 1}[choice]

    def _payload(self, item: Item) -> Payload:
        payload = DRAFTS[item.draft]
        return payload if item.text == item.draft else payload.with_edit(item.text)

    @rule(target=items, requester=st.sampled_from(REPS), tier=st.sampled_from([Tier.NORMAL, Tier.TOP]))
    def put(self, requester: Principal, tier: Tier) -> uuid.UUID:
        made = self._step(lambda session: held(session, requester=requester, tier=tier, read=False))
        self.model.put(made.id, requester.id, tier.reviewers, "draft")
        return made.id  # type: ignore[no-any-return]

    @rule(item=items, by=everybody, fence=fences)
    def claim(self, item: uuid.UUID, by: Principal, fence: str) -> None:
        number = self._fence(item, fence)
        outcome = self._step(lambda session: claim(session, POLICY, by, item, fence=number))
        self._agrees(outcome, self.model.claim(item, by.id, number))

    @rule(item=items, by=officers, fence=fences)
    def give_back(self, item: uuid.UUID, by: Principal, fence: str) -> None:
        number = self._fence(item, fence)
        outcome = self._step(lambda session: release_claim(session, by, item, fence=number))
        self._agrees(outcome, self.model.give_back(item, by.id, number))

    @rule(item=items, by=officers)
    def open(self, item: uuid.UUID, by: Principal) -> None:
        self._agrees(self._step(lambda session: open_item(session, by, item)), self.model.open(item, by.id))

    @rule(
        item=items,
        by=everybody,
        fence=fences,
        verdict=st.sampled_from(Verdict),
        words=st.sampled_from(WORDS),
        reads=st.sampled_from([True, True, True, False]),
    )
    def decide(
        self, item: uuid.UUID, by: Principal, fence: str, verdict: Verdict, words: str, reads: bool
    ) -> None:
        if reads and by in OFFICERS:
            self.open(item, by)
        number, text = self._fence(item, fence), words if verdict is Verdict.EDIT else None
        decision = Decision(verdict, text=text, reason="other", note="Ask.", fence=number)
        outcome = self._decided(item, by, decision)
        self._agrees(outcome, self.model.decide(item, by.id, verdict, text, number))

    @rule(
        item=items,
        first=officers,
        second=officers,
        said=st.sampled_from([Verdict.APPROVE, Verdict.EDIT]),
        gone=st.booleans(),
    )
    def agree_in_turn(
        self, item: uuid.UUID, first: Principal, second: Principal, said: Verdict, gone: bool
    ) -> None:
        """Chance alone seldom lets somebody leave between two votes for one text."""
        self.decide(item, first, "none", said, WORDS[0], reads=True)
        self.leave_or_return(first, gone)
        self.decide(item, second, "none", Verdict.APPROVE, WORDS[0], reads=True)

    @rule(item=items, by=everybody, fence=fences, to=officers)
    def reassign(self, item: uuid.UUID, by: Principal, fence: str, to: Principal) -> None:
        number = self._fence(item, fence)
        outcome = self._decided(item, by, Decision(Move.REASSIGN, to=to.id, fence=number))
        self._agrees(outcome, self.model.reassign(item, by.id, to.id, number))

    def _decided(self, item: uuid.UUID, by: Principal, decision: Decision) -> Any:
        current = self._payload(self.model.items[item]).digest()
        return self._step(lambda session: decide(session, POLICY, by, item, current, decision))

    @rule(item=items, by=officers)
    def undo(self, item: uuid.UUID, by: Principal) -> None:
        self._agrees(self._step(lambda session: undo(session, by, item)), self.model.undo(item, by.id))

    @rule(item=items, by=everybody)
    def cancel(self, item: uuid.UUID, by: Principal) -> None:
        self._agrees(self._step(lambda session: cancel(session, by, item)), self.model.cancel(item, by.id))

    @rule()
    def expire(self) -> None:
        assert set(self._step(sweep).expired) == self.model.expire()

    @rule(seconds=st.sampled_from([3, 10, 701, 20_001]))
    def wait(self, seconds: int) -> None:
        self._step(lambda session: let_pass(session, seconds))
        self.model.clock += seconds

    @rule(who=officers, gone=st.booleans())
    def leave_or_return(self, who: Principal, gone: bool) -> None:
        self._step(lambda session: run_sql(session, _DISABLED, gone=gone, id=uuid.UUID(who.id)))
        (self.model.gone.add if gone else self.model.gone.discard)(who.id)

    @rule(item=items)
    def take_effect(self, item: uuid.UUID) -> None:
        current = self._payload(self.model.items[item])
        outcome = self._step(lambda session: take_effect(session, item, current.digest()))
        expected = self.model.take_effect(item)
        if isinstance(outcome, Effect):
            assert expected == "effect"
            assert outcome.payload == current
            assert (item, outcome.round) not in self.effects, "a round takes effect once"
            self.effects[item, outcome.round] = outcome
        else:
            assert isinstance(outcome, NoEffect)
            assert outcome == expected

    @rule(item=items)
    def hold_again(self, item: uuid.UUID) -> None:
        wanted = self.model.items[item]
        by = next(one for one in EVERYBODY if one.id == wanted.requester)
        weighing = risky(Tier.TOP if wanted.tier == 2 else Tier.NORMAL)
        outcome = self._step(
            lambda session: hold_again(
                session, POLICY, item, requester=by, payload=DRAFTS["better"], weighing=weighing
            )
        )
        self._agrees(outcome, self.model.hold_again(item, "better"))

    @invariant()
    def rows_are_as_the_model_has_them(self) -> None:
        QueueMachine.taken += 1
        rows = {row.id: row for row in self._step(lambda session: run_sql(session, _STATES)).all()}
        assert rows.keys() == self.model.items.keys()
        for key, item in self.model.items.items():
            row = rows[uuid.UUID(str(key))]
            have = (row.state, row.round, row.fence, row.decided_by, row.needed, row.assigned_to)
            want = (item.state, item.round, item.fence, item.decided_by, item.needed, item.assigned)
            assert have == want
            assert row.claimed_by == item.holder
            assert row.current_hash == self._payload(item).digest()
            assert (row.effect_at is not None) == item.effect
            assert row.decided_by != row.requester
            assert self._voters(row.id) == set(item.votes)

    def _voters(self, item: uuid.UUID) -> set[str]:
        votes = self._step(lambda session: run_sql(session, _STANDING, item=item)).all()
        return {vote.reviewer for vote in votes}


@pytest.fixture
def machine_database(queue_settings: DatabaseSettings) -> Database:
    return Database(queue_settings)


@pytest.mark.timeout(1_800 if NIGHTLY else 300)
def test_the_queue_does_as_its_model(machine_database: Database) -> None:
    with asyncio.Runner() as runner:
        QueueMachine.database, QueueMachine.runner = machine_database, runner
        run_state_machine_as_test(
            QueueMachine,
            settings=settings(
                max_examples=EXAMPLES,
                stateful_step_count=STEPS,
                deadline=None,
                suppress_health_check=list(HealthCheck),
            ),
        )
        runner.run(machine_database.close())
    print(f"{QueueMachine.taken} steps of people and clocks")
    assert QueueMachine.taken >= LEAST_STEPS
