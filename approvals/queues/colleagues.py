"""Who is at a queue now, and to whom one of its items can be handed."""

import uuid
from collections.abc import Sequence
from dataclasses import dataclass

from sqlalchemy import String, any_, cast
from sqlmodel import col, select
from sqlmodel.ext.asyncio.session import AsyncSession

from approvals.items.persons import shares_person, voted_on
from approvals.items.presence import present
from gateway import Account, NotFound, Principal, Role, require

from .reading import get_item
from .routing import belongs, is_for_everyone, may_review, staff


@dataclass(frozen=True)
class Colleague:
    """An officer of the queue: on duty by its hours, and seen at a queue's page within ten minutes."""

    account: str
    login: str
    name: str
    on_duty: bool
    here: bool


@dataclass(frozen=True)
class Attendance:
    """Accounts that are on duty: those seen at a queue within ten minutes, and those not.

    A queue of every officer has no duty times: only who is seen there is named.
    """

    here: Sequence[str]
    elsewhere: Sequence[str]


async def attendance(session: AsyncSession, queue: str) -> Attendance:
    """Who looks at a queue now."""
    seen, on_duty = await present(session), await staff(session, queue)
    here = [one for one in on_duty if one in seen]
    if await is_for_everyone(session, queue):
        return Attendance(here, ())
    return Attendance(here, [one for one in on_duty if one not in seen])


async def colleagues(session: AsyncSession, viewer: Principal, item_id: uuid.UUID) -> Sequence[Colleague]:
    """Officers who could decide an item in the viewer's place, those on duty first.

    Neither who asked nor who has voted on it in this round, through whatever account. Raises `NotAllowed`,
    `NotFound`.
    """
    require(viewer, Role.OFFICER)
    item = await get_item(session, viewer, item_id)
    if not await may_review(session, item.queue, viewer.id):
        raise NotFound("There is no such item.")
    account = cast(col(Account.id), String)
    found = select(Account.id, Account.login, Account.name).where(
        any_(col(Account.roles)) == Role.OFFICER.value,
        col(Account.disabled).is_(False),
        account.not_in([viewer.id, item.requester]),
        belongs(item.queue, account),
        ~shares_person(item.requester, account),
        ~voted_on(item, account),
    )
    on_duty, seen = await staff(session, item.queue), await present(session)
    every = [
        Colleague(str(id), login, name or login, str(id) in on_duty, str(id) in seen)
        for id, login, name in await session.exec(found)
    ]
    return sorted(every, key=lambda one: (not one.on_duty, not one.here, one.name.casefold()))
