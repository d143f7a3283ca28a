"""The queue as its officers' pages list it: no text, no identity, and a rep under a pseudonym."""

import uuid
from collections.abc import Mapping, Sequence
from datetime import UTC, datetime, timedelta
from gettext import gettext as _
from typing import Final

from sqlalchemy.dialects.postgresql import distinct_on
from sqlmodel import col, select
from sqlmodel.ext.asyncio.session import AsyncSession

from approvals import (
    PAGE,
    ItemState,
    Policy,
    QueueEntry,
    QueueView,
    RejectionReason,
    Remark,
    RemarkKind,
    attendance,
    counts,
    mark_seen,
    may_review,
    notices_for,
    queue,
    queue_names,
    rules_in,
    waiting_by_queue,
)
from assistant.pages import (
    NoticeLine,
    QueueLine,
    QueueQuery,
    ReviewLine,
    ReviewList,
    ReviewRule,
    ReviewState,
)
from gateway import NotFound, Principal, principal_of_account

from .filters import filter_of, ordering, saved_filters

OPEN: Final = frozenset({ItemState.PENDING})
NEAR: Final = timedelta(minutes=30)
"""A deadline that is nearer is marked."""


async def list_reviews(
    session: AsyncSession, policy: Policy, viewer: Principal, query: QueueQuery
) -> ReviewList:
    """One tab of the queue. Raises `NotAllowed` unless the viewer is an officer, `BadInput`."""
    view = QueueView(query.state)
    entries = await queue(session, viewer, view, wanted=filter_of(query), order=ordering(query))
    holders = {entry.claimed_by or entry.assigned_to for entry in entries}
    names, titles = await colleague_names(session, holders), await queue_names(session)
    answered = await _answered(session, [entry.id for entry in entries])
    lines = [_line(entry, policy, viewer, names, titles, answered) for entry in entries]
    numbers = await counts(session, viewer)
    return ReviewList(
        lines,
        {ReviewState(one): number for one, number in numbers.items()},
        queues=await _queues(session, viewer, titles),
        rules=await _rules(session, policy, viewer, view),
        saved=await saved_filters(session, viewer),
        notices=await _notices(session, viewer),
        reject_reasons=reject_reasons(),
        cut=len(lines) == PAGE,
    )


async def _queues(session: AsyncSession, viewer: Principal, titles: Mapping[str, str]) -> Sequence[QueueLine]:
    """The viewer's queues in the order of routing, and who is on duty for each."""
    waiting = await waiting_by_queue(session, viewer)
    mine = {name: title for name, title in titles.items() if await may_review(session, name, viewer.id)}
    present = {name: await attendance(session, name) for name in mine}
    seen = {account for one in present.values() for account in (*one.here, *one.elsewhere)}
    names = await colleague_names(session, set(seen))
    return [
        QueueLine(
            name,
            title,
            waiting.get(name, 0),
            [names[one] for one in present[name].here if one in names],
            [names[one] for one in present[name].elsewhere if one in names],
        )
        for name, title in mine.items()
    ]


async def _rules(
    session: AsyncSession, policy: Policy, viewer: Principal, view: QueueView
) -> Mapping[str, str]:
    """Rules to filter by: those that hold what waits now, and of what is over, where much is, all."""
    if view in (QueueView.PENDING, QueueView.MINE):
        names = await rules_in(session, viewer, view)
    else:
        names = [rule.id for rule in policy.rules]
    return {name: policy.title(name) for name in names}


async def _notices(session: AsyncSession, viewer: Principal) -> Sequence[NoticeLine]:
    found = await notices_for(session, viewer)
    return [NoticeLine(one.id, one.item, one.event, one.at) for one in found if one.at is not None]


async def see_notices(session: AsyncSession, viewer: Principal, item_id: uuid.UUID) -> None:
    """The viewer looks at an item: what told them of it is seen."""
    told = [one.id for one in await notices_for(session, viewer) if one.item == item_id]
    if told:
        await mark_seen(session, viewer, told)


async def _answered(session: AsyncSession, items: Sequence[uuid.UUID]) -> Mapping[uuid.UUID, RemarkKind]:
    """Of each item about which the rep was asked: whether the question or the answer came last."""
    last = (
        select(Remark.item, Remark.kind)
        .where(col(Remark.item).in_(items))
        .where(col(Remark.kind).in_([RemarkKind.QUESTION, RemarkKind.ANSWER]))
        .ext(distinct_on(col(Remark.item)))
        .order_by(col(Remark.item), col(Remark.at).desc(), col(Remark.id))
    )
    return {item: RemarkKind(kind) for item, kind in await session.exec(last)}


def reject_reasons() -> Mapping[str, str]:
    """The reasons for a rejection, in words."""
    return {
        RejectionReason.WRONG_FACT: _("Wrong fact"),
        RejectionReason.NOT_SUPPORTED: _("Not supported by the sources"),
        RejectionReason.AGAINST_POLICY: _("Against our policy"),
        RejectionReason.LEGAL: _("Legal risk"),
        RejectionReason.PERSONAL_DATA: _("Personal data"),
        RejectionReason.TONE: _("Tone"),
        RejectionReason.OTHER: _("Other"),
    }


def _line(
    entry: QueueEntry,
    policy: Policy,
    viewer: Principal,
    names: Mapping[str, str],
    titles: Mapping[str, str],
    answered: Mapping[uuid.UUID, RemarkKind],
) -> ReviewLine:
    return ReviewLine(
        id=entry.id,
        risk=entry.tier,
        rules=[ReviewRule(rule, policy.title(rule), sentence) for rule, sentence in entry.reasons],
        created_at=entry.created_at,
        deadline=entry.deadline,
        rep=entry.requester,
        state=entry.state,
        customer=entry.customer,
        assignee=names.get(entry.claimed_by or entry.assigned_to or "") if entry.state in OPEN else None,
        mine=viewer.id in (entry.claimed_by, entry.assigned_to),
        own=entry.own,
        outcome=None if entry.state in OPEN else entry.state,
        decided_at=entry.decided_at,
        approvals=entry.approvals,
        reviewers=entry.needed,
        voted=entry.voted,
        hash=entry.hash,
        bulk=_fits_bulk(entry, viewer),
        read=entry.read,
        kind=entry.kind,
        queue=entry.queue,
        queue_title=titles.get(entry.queue, entry.queue),
        round=entry.round,
        awaiting_rep=entry.awaiting_rep,
        answered=answered.get(entry.id) is RemarkKind.ANSWER,
        claimed_until=entry.claimed_until if entry.state in OPEN else None,
        customer_waits_since=entry.customer_waits_since,
        near=entry.state in OPEN and entry.deadline - datetime.now(UTC) < NEAR,
    )


def _fits_bulk(entry: QueueEntry, viewer: Principal) -> bool:
    """Whether it can be decided together with others: the lowest tier, and in nobody's hands."""
    free = entry.claimed_by is None and entry.assigned_to in (None, viewer.id)
    return entry.state in OPEN and entry.needed == 1 and free and not entry.own and not entry.voted


async def colleague_names(session: AsyncSession, ids: set[str | None]) -> dict[str, str]:
    """Names of colleagues; one whose account is gone has none."""
    names: dict[str, str] = {}
    for account in sorted(one for one in ids if one):
        try:
            principal = await principal_of_account(session, account_id=account)
        except NotFound:
            continue
        names[account] = principal.name or principal.login
    return names
