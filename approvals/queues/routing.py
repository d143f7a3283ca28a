"""Several queues: what goes into which, who belongs to it, who is there now. Described by data, kept in rows.

Membership is read in SQL at the moment that counts, so that leaving a queue holds at once.
"""

import uuid
from collections.abc import Mapping, Sequence
from datetime import datetime, timedelta
from typing import Any, Final

from pydantic import ValidationError
from sqlalchemy import ColumnElement, String, and_, any_, cast, exists, func, or_, update
from sqlalchemy.dialects.postgresql import insert
from sqlalchemy.orm import aliased
from sqlmodel import col
from sqlmodel import select as choose
from sqlmodel.ext.asyncio.session import AsyncSession

from approvals.items.events import ApprovalEvent
from approvals.items.payload import Payload
from approvals.items.persons import shares_person, voted_on
from approvals.items.tables import GENERAL, HeldItem, ItemKind, ItemState
from approvals.risk.value import Weighing
from gateway import Account, BadInput, NotFound, Principal, Role, principal_of_account, record, require

from .calendars import Calendar
from .plans import NamedQueue, QueuePlan, QueuePlans, read_plan
from .tables import Absence, Member, ReviewQueue

_SHIPPED: Final = QueuePlan(title="General")


async def configure_queues(session: AsyncSession, actor: Principal, plans: QueuePlans) -> None:
    """Put these queues in place of those that are there; what waits in one that goes waits in `general`.

    Raises `NotAllowed` without the role admin, `BadInput` for a login that is no officer's.
    """
    require(actor, Role.ADMIN)
    members = {queue.name: await _accounts(session, queue) for queue in plans.queues}
    names = [queue.name for queue in plans.queues]
    before = await _members(session)
    for place, queue in enumerate(plans.queues):
        last = len(names) if queue.name == GENERAL else place
        values = {
            "name": queue.name,
            "place": last,
            "everyone": queue.members == "everyone",
            "plan": queue.plan().model_dump(mode="json"),
            "retired_at": None,
        }
        fresh = insert(ReviewQueue).values(values)
        await session.exec(fresh.on_conflict_do_update(index_elements=["name"], set_=values))
        await _set_members(session, queue.name, members[queue.name])
    gone = col(ReviewQueue.name).not_in([*names, GENERAL])
    await session.exec(update(ReviewQueue).where(gone).values(retired_at=func.now()))
    stands = col(ReviewQueue.retired_at).is_(None)
    await session.exec(update(ReviewQueue).where(stands).values(version=plans.version))
    left = col(HeldItem.queue).not_in([*names, GENERAL]) & (col(HeldItem.state) == ItemState.PENDING)
    await session.exec(update(HeldItem).where(left).values(queue=GENERAL, assigned_to=None))
    after = await _members(session)
    record(
        session,
        ApprovalEvent.QUEUES_CHANGED,
        actor,
        version=plans.version,
        queues={name: len(listed) for name, listed in members.items()},
        joined=[f"{queue}:{account}" for queue, account in sorted(after - before)],
        left=[f"{queue}:{account}" for queue, account in sorted(before - after)],
    )


async def _members(session: AsyncSession) -> set[tuple[str, str]]:
    """Queue and account of everybody who belongs to one by name."""
    found = choose(Member.queue, Member.account).join(ReviewQueue, col(ReviewQueue.name) == col(Member.queue))
    standing = col(Member.until).is_(None), col(ReviewQueue.retired_at).is_(None)
    return set((await session.exec(found.where(*standing))).all())


async def _accounts(session: AsyncSession, queue: NamedQueue) -> dict[str, dict[str, Any] | None]:
    if queue.members == "everyone":
        return {}
    found: dict[str, dict[str, Any] | None] = {}
    for member in queue.members:
        try:
            principal = await principal_of_account(session, login=member.login)
        except NotFound as error:
            raise BadInput(f"{queue.name}: there is no account {member.login}.") from error
        if not principal.has(Role.OFFICER):
            raise BadInput(f"{queue.name}: {member.login} has not the role officer.")
        found[principal.id] = member.duty.model_dump(mode="json") if member.duty else None
    return found


async def _set_members(
    session: AsyncSession, queue: str, members: Mapping[str, dict[str, Any] | None]
) -> None:
    standing = (col(Member.queue) == queue, col(Member.until).is_(None))
    gone = update(Member).where(*standing, col(Member.account).not_in(list(members) or [""]))
    await session.exec(gone.values(until=func.now()))
    for account, duty in members.items():
        fresh = insert(Member).values(queue=queue, account=account, duty=duty)
        await session.exec(
            fresh.on_conflict_do_update(
                index_elements=["queue", "account"],
                index_where=col(Member.until).is_(None),
                set_={"duty": duty},
            )
        )


async def queue_names(session: AsyncSession) -> Mapping[str, str]:
    """Name to title of every queue, in the order of routing."""
    rows = await standing_queues(session)
    return {row.name: _plan(row).title for row in rows}


async def route(
    session: AsyncSession, payload: Payload, weighing: Weighing, kind: ItemKind
) -> tuple[str, QueuePlan]:
    """The first queue that takes an item, with its plan; `general` when none does."""
    general = _SHIPPED
    for row in await standing_queues(session):
        if row.name == GENERAL:
            general = _plan(row)
        elif _plan(row).takes(payload, weighing, kind):
            return row.name, _plan(row)
    return GENERAL, general


async def plan_of(session: AsyncSession, queue: str) -> QueuePlan:
    """The description of a queue, also of one that is no more. Raises `UnreadablePlan`."""
    row = await session.get(ReviewQueue, queue, populate_existing=True)
    return _plan(row) if row else _SHIPPED


async def is_for_everyone(session: AsyncSession, queue: str) -> bool:
    """Whether every officer reviews for a queue."""
    row = await session.get(ReviewQueue, queue, populate_existing=True)
    return row is None or row.everyone


async def standing_queues(session: AsyncSession) -> Sequence[ReviewQueue]:
    """Queues that are described, in the order of routing."""
    found = choose(ReviewQueue).where(col(ReviewQueue.retired_at).is_(None)).order_by(col(ReviewQueue.place))
    return (await session.exec(found, execution_options={"populate_existing": True})).all()


def _plan(row: ReviewQueue) -> QueuePlan:
    return read_plan(row.name, row.plan)


def belongs(queue: ColumnElement[str] | Any, account: Any) -> ColumnElement[bool]:
    """In SQL: whether an account reviews for a queue now, by itself or for somebody who is away."""
    one = aliased(ReviewQueue)  # `queue` may be a column of the table itself
    for_all = exists().where(col(one.name) == queue, col(one.everyone).is_(True))
    standing = (col(Member.queue) == queue, col(Member.until).is_(None))
    itself = exists().where(*standing, col(Member.account) == account)
    covers = exists().where(
        *standing,
        col(Absence.account) == col(Member.account),
        col(Absence.cover) == account,
        col(Absence.starts) <= func.now(),
        col(Absence.ends) > func.now(),
        _is_officer(col(Member.account)),
    )
    return or_(for_all, itself, covers)


def is_given_away(account: str) -> ColumnElement[bool]:
    """In SQL, of a held item: whether it was given to another, who can still decide it and is not away."""
    given_to = col(HeldItem.assigned_to)
    away = exists().where(
        col(Absence.account) == given_to,
        col(Absence.starts) <= func.now(),
        col(Absence.ends) > func.now(),
    )
    return and_(
        given_to.is_not(None),
        given_to != account,
        belongs(HeldItem.queue, given_to),
        _is_officer(given_to),
        ~away,
        ~shares_person(HeldItem.requester, given_to),
        ~voted_on(HeldItem, given_to),
    )


async def waits_for_another(session: AsyncSession, item: HeldItem, account: str) -> bool:
    """Whether an item was given to somebody else who can still decide it."""
    given = choose(is_given_away(account)).where(HeldItem.id == item.id)
    return item.assigned_to is not None and (await session.exec(given)).one()


def _is_officer(account: Any) -> ColumnElement[bool]:
    found = choose(Account.id).where(  # by name: a worker may not read every column of an account
        cast(col(Account.id), String) == account,
        any_(col(Account.roles)) == Role.OFFICER.value,
        col(Account.disabled).is_(False),
    )
    return found.exists()


async def may_review(session: AsyncSession, queue: str, account: str) -> bool:
    """Whether an account belongs to a queue now."""
    found: Any = choose(belongs(queue, account))
    return bool((await session.exec(found)).one())


async def staff(session: AsyncSession, queue: str) -> Sequence[str]:
    """Accounts that look at a queue now: on duty, or standing in for who is away; all of them if none is."""
    now = (await session.exec(choose(func.now()))).one()
    hours = await members_of(session, queue)
    away = await _away(session, now)
    here = [one for one, duty in hours.items() if _is_on_duty(duty, now)]
    present = dict.fromkeys(away.get(one, one) for one in here or hours)
    return sorted(one for one in present if one)


def _is_on_duty(duty: Mapping[str, Any] | None, now: datetime) -> bool:
    """Hours that this release cannot read keep nobody from being told."""
    try:
        return duty is None or Calendar.model_validate(duty).is_open(now)
    except ValidationError:
        return True


async def members_of(session: AsyncSession, queue: str) -> Mapping[str, dict[str, Any] | None]:
    """The officers who belong to a queue by themselves, and their hours; None for always."""
    officers = await _officers(session)
    if await is_for_everyone(session, queue):
        return dict.fromkeys(officers)
    found = choose(Member).where(col(Member.queue) == queue, col(Member.until).is_(None))
    return {one.account: one.duty for one in await session.exec(found) if one.account in officers}


async def _officers(session: AsyncSession) -> Sequence[str]:
    officers = choose(Account.id).where(
        any_(col(Account.roles)) == Role.OFFICER.value, col(Account.disabled).is_(False)
    )
    return [str(one) for one in await session.exec(officers)]


async def _away(session: AsyncSession, now: datetime) -> Mapping[str, str | None]:
    """Who is away, and who stands in for them."""
    found = choose(Absence).where(col(Absence.starts) <= now, col(Absence.ends) > now)
    return {one.account: one.cover for one in await session.exec(found)}


async def set_absence(
    session: AsyncSession,
    actor: Principal,
    *,
    starts: datetime,
    ends: datetime,
    cover: str | None,
) -> Absence:
    """An officer says when they are away, and who of their colleagues stands in for them.

    Raises `NotAllowed` without the role officer, `BadInput` for a time that has no length or a cover who is
    no officer.
    """
    require(actor, Role.OFFICER)
    if not starts < ends:
        raise BadInput("An absence ends after it starts.")
    if cover is not None:
        if cover == actor.id:
            raise BadInput("Somebody else has to stand in.")
        try:
            colleague = await principal_of_account(session, account_id=cover)
        except (NotFound, ValueError) as error:
            raise BadInput("There is no such colleague.") from error
        if not colleague.has(Role.OFFICER):
            raise BadInput("Only an officer can stand in for an officer.")
    absence = Absence(account=actor.id, cover=cover, starts=starts, ends=ends)
    session.add(absence)
    await session.flush()
    record(
        session,
        ApprovalEvent.ABSENCE_SET,
        actor,
        subject=str(absence.id),
        starts=starts.isoformat(),
        ends=ends.isoformat(),
        cover=cover,
    )
    return absence


async def end_absence(session: AsyncSession, actor: Principal, absence_id: uuid.UUID) -> Absence:
    """They are back, or do not go: nobody stands in for them from now on.

    Raises `NotAllowed` without the role officer, `NotFound` for another's absence and one that is over.
    """
    require(actor, Role.OFFICER)
    ended = (
        update(Absence)
        .where(col(Absence.id) == absence_id, col(Absence.account) == actor.id)
        .where(col(Absence.ends) > func.now())
        .values(cover=None, ends=func.greatest(func.now(), Absence.starts + timedelta(microseconds=1)))
        .returning(Absence)
        .execution_options(populate_existing=True)
    )
    absence: Absence | None = (await session.exec(ended)).scalar_one_or_none()
    if absence is None:
        raise NotFound("You have no such absence.")
    record(session, ApprovalEvent.ABSENCE_ENDED, actor, subject=str(absence.id))
    return absence
