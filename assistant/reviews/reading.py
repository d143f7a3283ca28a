"""An item as an officer reads it: three readings, why it was held, and what was said about it."""

import uuid
from collections.abc import Mapping, Sequence
from dataclasses import replace
from datetime import datetime

from sqlmodel.ext.asyncio.session import AsyncSession

from approvals import (
    By,
    Draft,
    HeldItem,
    ItemState,
    MailDraft,
    OwnRequest,
    Part,
    Payload,
    Policy,
    RuleHit,
    TextAltered,
    Vote,
    earlier_drafts,
    is_same_person,
    item_to_open,
    next_item,
    note_opened,
    officer_pseudonym,
    plan_of,
    pseudonym,
    queue_names,
    refused_person,
    remarks_on,
    votes_on,
)
from assistant.pages import (
    EarlierDraft,
    Fact,
    FoundBy,
    Passage,
    QueueQuery,
    ReviewDecision,
    ReviewLine,
    ReviewRule,
    ReviewView,
    Sources,
)
from gateway import DoorClient, Principal
from retrieval import RetrievalClient

from .filters import filter_of
from .history import Past, history_of
from .listing import NEAR, OPEN, colleague_names, reject_reasons
from .marking import highlights_of, prompt_of
from .reveal import Revealed, reveal

_RELEASED = frozenset({ItemState.APPROVED, ItemState.EDITED})
EVERYTHING = QueueQuery()


async def read_review(
    session: AsyncSession,
    policy: Policy,
    door: DoorClient,
    retrieval: RetrievalClient,
    viewer: Principal,
    item_id: uuid.UUID,
    query: QueueQuery = EVERYTHING,
) -> ReviewView:
    """Open an item: that an officer sees its identities is recorded. Raises `NotFound`, `TextAltered`,
    `PartUnavailable`.

    Nothing is written before the values are there: sealing waits for whoever writes, and a part may be slow.
    """
    item = await item_to_open(session, viewer, item_id)
    if not item.is_sound():
        raise TextAltered
    past = await _past(session, item)
    own = await is_same_person(session, item.requester, viewer.id)
    revealed = await reveal(door, retrieval, viewer, item, _texts(item, past), own=own)
    await note_opened(session, viewer, item)
    names = await colleague_names(
        session, {item.requester, item.claimed_by, item.assigned_to, item.decided_by, *past.people}
    )
    now, plan, wanted = _now(item), await plan_of(session, item.queue), filter_of(query)
    titles = await queue_names(session)
    payload, final = item.held(), item.to_release()
    opened = ReviewView(
        line=_opened_line(item, policy, viewer, names, titles, past.standing, revealed, own=own),
        hash=item.current_hash,
        asked=revealed[payload.question].shown,
        shown=revealed[final.text].shown,
        saw_question=payload.question,
        saw_draft=payload.draft,
        highlights=highlights_of(item, policy, revealed),
        sources=_sources(item, revealed),
        reject_reasons=reject_reasons(),
        decision=_decision(item, revealed, names),
        claimed_until=item.claimed_until if _is_leased(item) else None,
        next=await next_item(session, viewer, item.id, wanted=wanted),
        previous=await next_item(session, viewer, item.id, wanted=wanted, back=True),
        history=history_of(past, viewer, names, titles, revealed),
        thread=[(who, revealed[text].shown) for who, text in _earlier(item)],
        saw=prompt_of(item),
        policy=item.policy_version,
        shown_before=payload.shown_count,
        effective_after=item.effective_after,
        may_undo=item.effect_at is None and _undoable(item, viewer, past.standing, now),
        draft=revealed[payload.draft].shown,
        fence=item.fence if item.claimed_by == viewer.id and _is_leased(item) else None,
        kind=item.kind,
        queue=item.queue,
        queue_title=titles.get(item.queue, item.queue),
        round=item.round,
        awaiting_rep=item.awaiting_rep,
        remarks=len(past.remarks),
        barred=await _barred(session, item, viewer),
        earlier=[
            EarlierDraft(one.round, revealed[_draft_of(one)].shown, revealed[one.instruction].shown)
            for one in past.drafts
        ],
        mail=_mail(payload.mail, revealed),
        handover=payload.handover,
        escalates_to=titles.get(plan.escalates_to, plan.escalates_to) if plan.escalates_to else None,
        second_for_edits=policy.review.second_for_edits,
        hidden=payload.hidden,
    )
    return opened if may_read_draft(item, own=own) else _without_draft(opened)


def may_read_draft(item: HeldItem, *, own: bool) -> bool:
    """Whether a reviewer may read what is held: nobody reads the answer to their own question unreleased."""
    return not own or (item.state in _RELEASED and item.effect_at is not None)


def _without_draft(opened: ReviewView) -> ReviewView:
    kept = {name: marks for name, marks in opened.highlights.items() if name in {"asked", "saw_question"}}
    hidden = replace(opened, shown="", saw_draft="", draft="", highlights=kept)
    return replace(hidden, history=(), earlier=(), decision=None)


async def _past(session: AsyncSession, item: HeldItem) -> Past:
    votes = await votes_on(session, item.id)
    standing = [
        vote
        for vote in votes
        if vote.undone_at is None
        and (vote.round, vote.payload_hash) == (item.round, item.current_hash)
        and not (
            item.state == ItemState.PENDING and await is_same_person(session, item.requester, vote.reviewer)
        )
    ]
    return Past(
        votes=votes,
        remarks=await remarks_on(session, item.id),
        drafts=await earlier_drafts(session, item.id),
        standing=standing,
    )


async def _barred(session: AsyncSession, item: HeldItem, viewer: Principal) -> str:
    """Why the viewer may not decide, whatever they do: as the page has it, empty where they may."""
    refusal = await refused_person(session, item, viewer)
    if refusal is None:
        return ""
    return "own" if isinstance(refusal, OwnRequest) else "other_account"


def _texts(item: HeldItem, past: Past) -> list[str]:
    """Every stored text of an item that its viewer reads restored."""
    payload = item.held()
    texts = [payload.question, payload.draft, item.to_release().text]
    texts += [text for source in payload.sources for text in (source.title, source.text)]
    texts += [text for fact in payload.facts for text in (fact.title, fact.value)]
    texts += [payload.mail.to, payload.mail.subject] if payload.mail else []
    texts += [text for _, text in _earlier(item)]
    texts += [item.note] if item.note else []
    texts += [text for one in past.drafts for text in (_draft_of(one), one.instruction)]
    return texts + past.texts


def _mail(mail: MailDraft | None, revealed: Mapping[str, Revealed]) -> MailDraft | None:
    return MailDraft(revealed[mail.to].shown, revealed[mail.subject].shown) if mail else None


def _draft_of(draft: Draft) -> str:
    return Payload.from_json(draft.payload).draft


def _earlier(item: HeldItem) -> list[tuple[str, str]]:
    """Earlier questions and answers that stood in the prompt."""
    who = {Part.QUESTION: "rep", Part.ANSWER: "assistant"}
    said = [(who[one.part], one.text) for one in item.held().prompt or () if one.part in who]
    return said[:-1]


def _sources(item: HeldItem, revealed: Mapping[str, Revealed]) -> Sources:
    payload = item.held()
    passages = [
        Passage(
            n=source.n,
            id=source.id,
            entity=source.entity,
            field=source.field,
            title=revealed[source.title].shown,
            text=revealed[source.text].shown,
            url=source.url,
            internal=source.internal,
            as_of=source.as_of,
        )
        for source in payload.sources
    ]
    facts = [
        Fact(
            label=fact.label,
            value=revealed[fact.value].shown,
            kind=fact.kind,
            title=revealed[fact.title].shown,
            as_of=fact.as_of,
            n=fact.n or None,
            entity=fact.entity,
        )
        for fact in payload.facts
    ]
    return Sources(passages, facts)


def _decision(
    item: HeldItem, revealed: Mapping[str, Revealed], names: Mapping[str, str]
) -> ReviewDecision | None:
    if item.state in OPEN or item.decided_at is None:
        return None
    final = item.to_release()
    return ReviewDecision(
        outcome=item.state,
        role=_decider(item),
        at=item.decided_at,
        reason=item.reason,
        note=revealed[item.note].shown if item.note else None,
        text=revealed[final.text].shown if final.edited is not None else None,
        winner=names.get(item.decided_by, officer_pseudonym(item.decided_by)) if item.decided_by else None,
    )


def _decider(item: HeldItem) -> str:
    if item.decided_by:
        return "officer"
    return "requester" if item.state is ItemState.CANCELLED else "deadline"


def _undoable(item: HeldItem, viewer: Principal, standing: Sequence[Vote], now: datetime) -> bool:
    mine = any(vote.reviewer == viewer.id for vote in standing)
    if item.state is ItemState.PENDING:
        return mine
    return mine and item.decided_by == viewer.id and (item.effective_after or now) > now


def _opened_line(
    item: HeldItem,
    policy: Policy,
    viewer: Principal,
    names: Mapping[str, str],
    titles: Mapping[str, str],
    standing: Sequence[Vote],
    revealed: Mapping[str, Revealed],
    *,
    own: bool,
) -> ReviewLine:
    assert item.created_at is not None  # noqa: S101 - the database sets it
    holder = item.claimed_by if _is_leased(item) else item.assigned_to
    return ReviewLine(
        id=item.id,
        risk=item.tier,
        rules=_rules(item, policy),
        created_at=item.created_at,
        deadline=item.deadline,
        rep=names.get(item.requester, pseudonym(item.requester)),
        state=item.state,
        customer=_customer(item, revealed),
        assignee=names.get(holder or ""),
        mine=holder == viewer.id,
        own=own,
        outcome=None if item.state in OPEN else item.state,
        decided_at=item.decided_at,
        approvals=len(standing),
        reviewers=item.needed,
        voted=any(vote.reviewer == viewer.id for vote in standing),
        hash=item.current_hash,
        kind=item.kind,
        queue=item.queue,
        queue_title=titles.get(item.queue, item.queue),
        round=item.round,
        awaiting_rep=item.awaiting_rep,
        claimed_until=item.claimed_until if _is_leased(item) else None,
        near=item.state in OPEN and item.deadline - _now(item) < NEAR,
        customer_waits_since=item.customer_waits_since,
    )


def _rules(item: HeldItem, policy: Policy) -> list[ReviewRule]:
    """The rules that hold it, and how each found something: by every means once, the likest first."""
    return [
        ReviewRule(
            rule, policy.title(rule), sentence, _found([h for h in item.rule_hits() if h.rule == rule])
        )
        for rule, sentence in item.reasons()
    ]


def _found(hits: Sequence[RuleHit]) -> list[FoundBy]:
    likest = {hit.by: hit for hit in sorted(hits, key=lambda hit: hit.share or 0.0)}
    return [FoundBy(by, likest[by].share, likest[by].example) for by in By if by in likest]


def _customer(item: HeldItem, revealed: Mapping[str, Revealed]) -> str | None:
    """What the sources call the customer; the record's reference where none of them is of it."""
    payload = item.held()
    titles = [fact.title for fact in payload.facts if fact.entity == item.customer]
    titles += [source.title for source in payload.sources if source.entity == item.customer]
    return revealed[titles[0]].shown if titles else item.customer


def _is_leased(item: HeldItem) -> bool:
    return item.claimed_until is not None and item.claimed_until > _now(item)


def _now(item: HeldItem) -> datetime:
    return datetime.now(item.deadline.tzinfo)
