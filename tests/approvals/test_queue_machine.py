"""Whatever officers, requesters and clocks do, an item is decided once and takes effect once."""

import asyncio
import uuid
from collections.abc import Awaitable, Callable
from pathlib import Path
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
    Effect,
    HeldItem,
    ItemState,
    RejectionReason,
    Tier,
    approve,
    cancel,
    claim,
    edit,
    expire_due,
    open_item,
    reject,
    release_claim,
    send_back,
    take_effect,
    undo,
)
from gateway import CloisterError, Database, DatabaseSettings, Principal, Role

from .queues import POLICY, held, let_pass, person, run_sql

OFFICERS = [person(name, Role.OFFICER) for name in ("olga", "otto", "olivia")]
REPS = [person("alice", Role.REP), OFFICERS[2]]  # one officer asks questions too
DECIDED = {ItemState.APPROVED, ItemState.EDITED, ItemState.REJECTED, ItemState.SENT_BACK}

officers = st.sampled_from(OFFICERS)
everybody = st.sampled_from([*OFFICERS, *REPS, person("ada", Role.ADMIN)])


class QueueMachine(RuleBasedStateMachine):
    """Each step is one transaction; refusals are part of the game, invariants are not."""

    database: ClassVar[Database]
    runner: ClassVar[asyncio.Runner]
    items = Bundle("items")

    def __init__(self) -> None:
        super().__init__()
        self.requester: dict[uuid.UUID, str] = {}
        self.hashes: dict[uuid.UUID, str] = {}
        self.effects: dict[uuid.UUID, list[Effect]] = {}
        self.ended: dict[uuid.UUID, tuple[ItemState, str | None, str]] = {}
        self._step(lambda session: run_sql(session, "TRUNCATE approvals.held_item CASCADE"))

    def _step(self, work: Callable[[AsyncSession], Awaitable[Any]]) -> Any:
        async def transaction() -> Any:
            async with self.database.transaction() as session:
                return await work(session)

        try:
            return self.runner.run(transaction())
        except CloisterError as refusal:
            return refusal

    @rule(target=items, requester=st.sampled_from(REPS), tier=st.sampled_from(Tier))
    def put(self, requester: Principal, tier: Tier) -> uuid.UUID:
        item = self._step(lambda session: held(session, requester=requester, tier=tier))
        self.requester[item.id] = requester.id
        self.hashes[item.id] = item.current_hash
        return item.id  # type: ignore[no-any-return]

    @rule(item=items, by=everybody)
    def claim(self, item: uuid.UUID, by: Principal) -> None:
        self._step(lambda session: claim(session, POLICY, by, item))

    @rule(item=items, by=officers)
    def give_back(self, item: uuid.UUID, by: Principal) -> None:
        self._step(lambda session: release_claim(session, by, item))

    @rule(item=items, by=everybody)
    def open(self, item: uuid.UUID, by: Principal) -> None:
        self._step(lambda session: open_item(session, by, item))

    @rule(item=items, by=everybody)
    def approve(self, item: uuid.UUID, by: Principal) -> None:
        self._decided(item, by, lambda session: approve(session, POLICY, by, item, self.hashes[item]))

    @rule(item=items, by=everybody, words=st.sampled_from(["Shorter.", "Longer, <PERSON_1>."]))
    def edit(self, item: uuid.UUID, by: Principal, words: str) -> None:
        self._decided(item, by, lambda session: edit(session, POLICY, by, item, self.hashes[item], words))

    @rule(item=items, by=everybody)
    def reject(self, item: uuid.UUID, by: Principal) -> None:
        why = RejectionReason.OTHER
        self._decided(
            item, by, lambda session: reject(session, POLICY, by, item, self.hashes[item], reason=why)
        )

    @rule(item=items, by=everybody)
    def send_back(self, item: uuid.UUID, by: Principal) -> None:
        self._decided(
            item,
            by,
            lambda session: send_back(session, POLICY, by, item, self.hashes[item], instruction="Ask."),
        )

    def _decided(
        self, item: uuid.UUID, by: Principal, work: Callable[[AsyncSession], Awaitable[HeldItem]]
    ) -> None:
        outcome = self._step(work)
        if isinstance(outcome, HeldItem):
            assert by.id != self.requester[item]
            assert by.has(Role.OFFICER)
            self.hashes[item] = outcome.current_hash

    @rule(item=items, by=officers)
    def undo(self, item: uuid.UUID, by: Principal) -> None:
        outcome = self._step(lambda session: undo(session, by, item))
        if isinstance(outcome, HeldItem):
            assert item not in self.effects
            self.hashes[item] = outcome.current_hash

    @rule(item=items, by=everybody)
    def cancel(self, item: uuid.UUID, by: Principal) -> None:
        outcome = self._step(lambda session: cancel(session, by, item))
        assert not isinstance(outcome, HeldItem) or by.id == self.requester[item]

    @rule()
    def expire(self) -> None:
        self._step(expire_due)

    @rule(seconds=st.sampled_from([4, 10, 700, 4_000]))
    def wait(self, seconds: int) -> None:
        self._step(lambda session: let_pass(session, seconds))

    @rule(item=items)
    def take_effect(self, item: uuid.UUID) -> None:
        outcome = self._step(lambda session: take_effect(session, item, self.hashes[item]))
        if isinstance(outcome, Effect):
            self.effects.setdefault(item, []).append(outcome)

    @invariant()
    def one_effect_of_one_decision_and_never_by_the_requester(self) -> None:
        rows = self._step(lambda session: run_sql(session, _STATES)).all()
        for row in rows:
            effects = self.effects.get(row.id, [])
            assert len(effects) <= 1
            assert row.decided_by != self.requester[row.id]
            assert (row.state in DECIDED) == (row.decided_by is not None)
            if effects:
                assert effects[0].state == row.state
                released = row.state in {ItemState.APPROVED, ItemState.EDITED}
                assert effects[0].released == released
                assert not released or row.agreeing >= Tier(row.tier).reviewers
                final = (row.state, row.decided_by, row.current_hash)
                assert self.ended.setdefault(row.id, final) == final


_STATES = """
    SELECT id, state, tier, decided_by, current_hash, (
        SELECT count(DISTINCT reviewer) FROM approvals.vote
        WHERE item = held_item.id AND undone_at IS NULL AND payload_hash = current_hash
          AND verdict IN ('approve', 'edit') AND reviewer <> requester
    ) AS agreeing
    FROM approvals.held_item
"""


@pytest.fixture
def machine_database(queue_settings: DatabaseSettings, tmp_path: Path) -> Database:
    del tmp_path
    return Database(queue_settings)


def test_the_queue_keeps_its_promises(machine_database: Database) -> None:
    with asyncio.Runner() as runner:
        QueueMachine.database, QueueMachine.runner = machine_database, runner
        run_state_machine_as_test(
            QueueMachine,
            settings=settings(
                max_examples=25,
                stateful_step_count=30,
                deadline=None,
                suppress_health_check=list(HealthCheck),
            ),
        )
        runner.run(machine_database.close())
