"""Role by action by person, every cell: who may do what with an item, and how the others are refused."""

import uuid
from collections.abc import Awaitable, Callable, Mapping
from datetime import UTC, datetime, timedelta
from typing import Any, Final

import pytest
from sqlmodel.ext.asyncio.session import AsyncSession

from approvals import (
    Decision,
    HeldItem,
    Move,
    OwnRequest,
    QueuePlans,
    SamePerson,
    TooLateToUndo,
    Verdict,
    answer_reviewer,
    cancel,
    claim,
    configure_queues,
    decide,
    decide_many,
    get_item,
    queue,
    release_claim,
    set_absence,
    undo,
)
from gateway import CloisterError, Database, NotAllowed, NotFound, Principal, Role

from .queues import ADMIN, POLICY, held, known_by, open_item, person, run_sql

ASKER = person("asker@example.org", Role.REP)
COLLEAGUE = person("colleague@example.org", Role.OFFICER)
AWAY = person("away@example.org", Role.OFFICER)
_LEFT: Final = ("former member", "left after voting", "left after taking the vote back")
RELATIONS: Final = ("requester", "second account", "member", "outsider", "stands in", *_LEFT)
BELONGING: Final = frozenset(RELATIONS) - {"outsider", *_LEFT}
STANDINGS: Final[Mapping[str, tuple[Role, ...]]] = {
    **{role.value: (role,) for role in Role},
    "rep-and-officer": (Role.REP, Role.OFFICER),
}
PERSONS: Final = {
    (standing, relation): person(f"{standing}.{relation.replace(' ', '-')}@example.org", *roles)
    for standing, roles in STANDINGS.items()
    for relation in RELATIONS
}
QUEUES = QueuePlans.model_validate(
    {
        "version": "1",
        "queues": [
            {
                "name": "front",
                "title": "Front",
                "rules": ["refund_or_credit_above_limit"],
                "members": [{"login": COLLEAGUE.login}, {"login": AWAY.login}],
                "escalates_to": "general",
            },
        ],
    }
)
Action = Callable[[AsyncSession, Principal, HeldItem], Awaitable[object]]
Expected = type[CloisterError] | None


def _decides(verdict: Verdict | Move, **values: str) -> Action:
    async def act(session: AsyncSession, by: Principal, item: HeldItem) -> object:
        decision = Decision(verdict, **values)  # type: ignore[arg-type]
        return await decide(session, POLICY, by, item.id, item.current_hash, decision)

    return act


async def _decide_many(session: AsyncSession, by: Principal, item: HeldItem) -> object:
    pairs = [(item.id, item.current_hash)]
    (outcome,) = await decide_many(session, POLICY, by, pairs, Decision(Verdict.APPROVE))
    if outcome.refusal is not None:
        raise outcome.refusal
    return outcome


async def _absence(session: AsyncSession, by: Principal, _item: HeldItem) -> object:
    now = datetime.now(UTC)
    return await set_absence(session, by, starts=now, ends=now + timedelta(hours=1), cover=None)


DECIDING: Final[Mapping[str, Action]] = {
    "approve": _decides(Verdict.APPROVE),
    "false alarm": _decides(Verdict.FALSE_ALARM),
    "edit": _decides(Verdict.EDIT, text="Other."),
    "reject": _decides(Verdict.REJECT, reason="tone"),
    "send back": _decides(Verdict.SEND_BACK, note="Again."),
    "reassign": _decides(Move.REASSIGN, to=COLLEAGUE.id),
    "escalate": _decides(Move.ESCALATE),
    "ask": _decides(Move.ASK, note="Which order?"),
    "claim": lambda session, by, item: claim(session, POLICY, by, item.id),
    "decide many": _decide_many,
}
ACTIONS: Final[Mapping[str, Action]] = {
    **DECIDING,
    "see": lambda session, by, item: get_item(session, by, item.id),
    "open": lambda session, by, item: open_item(session, by, item.id),
    "list": lambda session, by, _item: queue(session, by),
    "give back": lambda session, by, item: release_claim(session, by, item.id),
    "undo": lambda session, by, item: undo(session, by, item.id),
    "cancel": lambda session, by, item: cancel(session, by, item.id),
    "answer": lambda session, by, item: answer_reviewer(session, by, item.id, "Order 7."),
    "describe queues": lambda session, by, _item: configure_queues(session, by, QUEUES),
    "be away": _absence,
}


def expected(standing: str, relation: str, action: str) -> Expected:
    """The refusal of one cell, None where it is allowed."""
    officer, belongs = Role.OFFICER in STANDINGS[standing], relation in BELONGING
    reads = officer and (belongs or relation == "left after voting")
    if action in {"cancel", "answer"}:
        return None if relation == "requester" else NotFound
    if action == "describe queues":
        return None if Role.ADMIN in STANDINGS[standing] else NotAllowed
    if action == "see":
        return None if relation == "requester" or reads else NotFound
    if action == "open":
        return None if reads else NotFound
    if not officer:
        return NotAllowed
    if action in {"list", "be away"}:
        return None
    if not belongs:
        return None if reads and action == "give back" else NotFound
    if action == "undo":
        return TooLateToUndo
    if action in DECIDING:
        return {"requester": OwnRequest, "second account": SamePerson}.get(relation)
    return None


_VOTE: Final = (
    "INSERT INTO approvals.vote (id, item, round, reviewer, verdict, payload_hash, undone_at) "
    "VALUES (gen_random_uuid(), :item, 1, :who, 'approve', :hash, {})"
)
_VOTED: Final = {
    "left after voting": _VOTE.format("NULL"),
    "left after taking the vote back": _VOTE.format("now()"),
}


async def _arranged(session: AsyncSession, who: Principal, relation: str) -> HeldItem:
    """An item to which this person stands in this relation."""
    await configure_queues(session, ADMIN, QUEUES)
    if relation in {"requester", "second account", "member", *_LEFT}:
        until = "now()" if relation in _LEFT else "NULL"
        await run_sql(
            session,
            "INSERT INTO approvals.member (id, queue, account, until) "
            f"VALUES (gen_random_uuid(), 'front', :account, {until})",
            account=who.id,
        )
    if relation == "stands in":
        now = (await run_sql(session, "SELECT now()")).scalar_one()
        await set_absence(session, AWAY, starts=now, ends=now + timedelta(days=1), cover=None)
        await run_sql(session, "UPDATE approvals.absence SET cover = :who", who=who.id)
    if relation == "second account":
        await known_by(session, who, ASKER)
    item = await held(session, requester=who if relation == "requester" else ASKER)
    await run_sql(session, "UPDATE approvals.held_item SET awaiting_rep = true WHERE id = :id", id=item.id)
    if relation in _VOTED:
        await run_sql(session, _VOTED[relation], item=item.id, who=who.id, hash=item.current_hash)
    return item


def _named(item: uuid.UUID, current_hash: str) -> HeldItem:
    """What an action needs of an item."""
    named: Any = HeldItem
    return named(id=item, current_hash=current_hash)  # type: ignore[no-any-return]


class _Undone(Exception):
    """Takes back what a cell did."""


@pytest.mark.parametrize("relation", RELATIONS)
@pytest.mark.parametrize("standing", STANDINGS)
async def test_every_cell(database: Database, standing: str, relation: str) -> None:
    who = PERSONS[standing, relation]
    found: dict[str, Expected] = {}
    async with database.transaction() as session:
        made = await _arranged(session, who, relation)
        item = _named(made.id, made.current_hash)  # as it was, whatever a cell makes of it
        for name, act in ACTIONS.items():
            try:
                async with session.begin_nested():
                    await act(session, who, item)
                    found[name] = None
                    raise _Undone
            except _Undone:
                pass
            except CloisterError as refusal:
                found[name] = type(refusal)
    assert found == {name: expected(standing, relation, name) for name in ACTIONS}


@pytest.mark.parametrize("action", ACTIONS)
async def test_an_item_that_is_not_there_is_refused_as_one_that_is_not_theirs(
    database: Database, action: str
) -> None:
    officer = PERSONS["officer", "outsider"]
    ghost = _named(uuid.uuid4(), "0" * 64)
    async with database.transaction() as session:
        wanted = expected("officer", "outsider", action)
        if wanted is None:
            await ACTIONS[action](session, officer, ghost)
            return
        with pytest.raises(wanted):
            await ACTIONS[action](session, officer, ghost)
