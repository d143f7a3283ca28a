"""What an officer wants to see of the queue: as an address has it, as `approvals` asks it, and by a name."""

import re
import uuid
from collections.abc import Sequence
from typing import Annotated, Any, Final, Literal

from fastapi import APIRouter
from pydantic import BaseModel, ConfigDict, Field, StringConstraints
from sqlalchemy import ColumnElement, delete, func
from sqlalchemy.dialects.postgresql import insert
from sqlmodel import col, select
from sqlmodel.ext.asyncio.session import AsyncSession

from approvals import ItemKind, QueueFilter, QueueSort, Tier, order_of
from assistant.pages import QueueQuery, ReviewState, SavedFilter
from assistant.session import SignedIn
from gateway import BadInput, NotFound, Principal, Role, UnitOfWork, require

from .tables import SavedQueueFilter

router = APIRouter(prefix="/api/v1/reviews/filters", tags=["reviews"])
MOST: Final = 30
_WORDS: Final = {"customer": "account"}  # what pages call a kind of record that the CRM calls otherwise


class Wanted(BaseModel):
    """What a line must be; what is empty is not asked."""

    model_config = ConfigDict(extra="forbid")
    state: ReviewState = ReviewState.PENDING
    queue: str = Field("", max_length=40)
    rule: str = Field("", max_length=80)
    risk: Literal["", "normal", "top"] = ""
    kind: Literal["", "answer", "mail", "handover"] = ""
    text: str = Field("", max_length=80)
    sort: str = Field("urgency", pattern="^(urgency|-?(risk|age|deadline|queue))$")
    waiting: Literal["", "yes"] = ""

    def query(self) -> QueueQuery:
        """The same as the pages have it."""
        return QueueQuery(**dict(self))


class Saving(Wanted):
    """A filter and what its officer calls it; one of that name is replaced."""

    name: Annotated[str, StringConstraints(min_length=1, max_length=60, strip_whitespace=True)]


class NamedFilter(BaseModel):
    """A saved filter; `query` goes behind the queue's address."""

    id: uuid.UUID
    name: str
    query: str


def filter_of(query: QueueQuery) -> QueueFilter:
    """What `approvals` is asked for. Raises `BadInput` for a tier or kind that there is not."""
    try:
        return QueueFilter(
            queue=query.queue,
            rule=query.rule,
            tier=Tier(query.risk) if query.risk else None,
            kind=ItemKind(query.kind) if query.kind else None,
            text=_as_stored(query.text),
            customer_waits=query.waiting == "yes",
        )
    except ValueError as error:
        raise BadInput("There is no such filter.") from error


def sorting(query: QueueQuery) -> tuple[QueueSort, bool]:
    """What a list is ordered by, and whether turned round. Raises `BadInput`."""
    try:
        return QueueSort(query.sort.removeprefix("-")), query.sort.startswith("-")
    except ValueError as error:
        raise BadInput("Sort by urgency, deadline, risk, age or queue.") from error


def ordering(query: QueueQuery) -> tuple[ColumnElement[Any], ...] | None:
    """The order in SQL; None for the queue's own, in which those who asked are told their place."""
    if query.sort == "urgency":
        return None
    sort, descending = sorting(query)
    return order_of(sort, descending=descending)


def _as_stored(text: str) -> str:
    """`Customer 12`, as a page shows it, is `account:12`."""
    named = re.fullmatch(r"(\w+)[ :](\d+)", text.strip().casefold())
    if named is None:
        return text.strip()
    kind, number = named.groups()
    return f"{_WORDS.get(kind, kind)}:{number}"


async def saved_filters(session: AsyncSession, owner: Principal) -> Sequence[SavedFilter]:
    """The officer's own, by name."""
    found = select(SavedQueueFilter).where(SavedQueueFilter.account == uuid.UUID(owner.id))
    rows = await session.exec(found.order_by(func.lower(col(SavedQueueFilter.name))))
    return [SavedFilter(row.id, row.name, row.query) for row in rows]


@router.get("")
async def list_filters(principal: SignedIn, session: UnitOfWork) -> list[NamedFilter]:
    """List the caller's saved filters."""
    require(principal, Role.OFFICER)
    found = await saved_filters(session, principal)
    return [NamedFilter(id=one.id, name=one.name, query=one.address) for one in found]


@router.post("", status_code=201)
async def save_filter(saving: Saving, principal: SignedIn, session: UnitOfWork) -> NamedFilter:
    """Keep a filter under a name, in place of one that has it."""
    require(principal, Role.OFFICER)
    owner, query = uuid.UUID(principal.id), saving.model_dump(exclude={"name"})
    others = select(func.count()).select_from(SavedQueueFilter).where(SavedQueueFilter.account == owner)
    if (await session.exec(others.where(SavedQueueFilter.name != saving.name))).one() >= MOST:
        raise BadInput(f"You have {MOST} saved filters, which is the most. Delete one first.")
    values = {"account": owner, "name": saving.name, "query": QueueQuery(**query).address}
    kept = insert(SavedQueueFilter).values(id=uuid.uuid4(), **values)
    row = await session.exec(
        kept.on_conflict_do_update(
            index_elements=["account", "name"], set_={"query": values["query"]}
        ).returning(col(SavedQueueFilter.id))
    )
    return NamedFilter(id=row.scalar_one(), name=saving.name, query=str(values["query"]))


@router.delete("/{filter_id}", status_code=204)
async def delete_filter(filter_id: uuid.UUID, principal: SignedIn, session: UnitOfWork) -> None:
    """Forget a saved filter. Raises `NotFound` for another's."""
    require(principal, Role.OFFICER)
    gone = delete(SavedQueueFilter).where(
        col(SavedQueueFilter.id) == filter_id, col(SavedQueueFilter.account) == uuid.UUID(principal.id)
    )
    if (await session.exec(gone.returning(col(SavedQueueFilter.id)))).scalar_one_or_none() is None:
        raise NotFound("There is no such filter.")
