"""What people say to suggestions. The policy does not change by it, but by a file that IT puts in place.

An accepted change waits until a policy that has it is in force; one that was put aside is not suggested again
while the policy is the same. Either can be taken back.
"""

import uuid
from collections.abc import Sequence
from dataclasses import dataclass

from sqlalchemy import func, update
from sqlalchemy.dialects.postgresql import insert
from sqlmodel import col, select
from sqlmodel.ext.asyncio.session import AsyncSession

from approvals.items.events import ApprovalEvent
from approvals.risk.policy import Policy
from gateway import Conflict, NotFound, Principal, Role, as_code, record, require

from .counted import Reply, SuggestionReply
from .learning import Report, Suggestion, is_in_force, suggest

_EVENT = {
    Reply.ACCEPTED: ApprovalEvent.CHANGE_ACCEPTED,
    Reply.PUT_ASIDE: ApprovalEvent.CHANGE_PUT_ASIDE,
}


@dataclass(frozen=True)
class Learned:
    """What follows from the decisions: what is suggested, and what was said to earlier suggestions.

    `accepted` waits for a policy that has it, `in_force` has one, `put_aside` is not suggested again.
    """

    suggestions: tuple[Suggestion, ...] = ()
    accepted: tuple[SuggestionReply, ...] = ()
    in_force: tuple[SuggestionReply, ...] = ()
    put_aside: tuple[SuggestionReply, ...] = ()


async def learn(session: AsyncSession, policy: Policy, report: Report) -> Learned:
    """What a report suggests for this policy, without what somebody has answered."""
    standing = await _standing(session)
    done = [one for one in standing if one.reply == Reply.ACCEPTED]
    aside = [one for one in standing if one.reply == Reply.PUT_ASIDE and one.policy_version == policy.version]
    answered = {Suggestion(one.rule, one.change, "").id for one in (*done, *aside)}
    return Learned(
        suggestions=tuple(one for one in suggest(report, policy) if one.id not in answered),
        accepted=tuple(one for one in done if not is_in_force(policy, one)),
        in_force=tuple(one for one in done if is_in_force(policy, one)),
        put_aside=tuple(aside),
    )


async def answer_suggestion(
    session: AsyncSession, actor: Principal | str, policy: Policy, suggestion: Suggestion, reply: Reply
) -> SuggestionReply:
    """Accept a suggestion or put it aside, in an officer's name, or in that of the appliance's owner (`cli`).

    Raises `NotAllowed` without the role officer, `Conflict` when it was answered before.
    """
    if isinstance(actor, Principal):
        require(actor, Role.OFFICER)
    by = actor.id if isinstance(actor, Principal) else actor
    standing = col(SuggestionReply.withdrawn_at).is_(None)
    await session.exec(
        update(SuggestionReply)  # put aside under an earlier policy: that no longer counts
        .where(standing, col(SuggestionReply.rule) == suggestion.rule)
        .where(col(SuggestionReply.change) == dict(suggestion.change))
        .where(col(SuggestionReply.reply) == Reply.PUT_ASIDE)
        .where(col(SuggestionReply.policy_version) != policy.version)
        .values(withdrawn_by=by, withdrawn_at=func.now())
    )
    fresh = insert(SuggestionReply).values(
        id=uuid.uuid4(),
        rule=suggestion.rule,
        change=dict(suggestion.change),
        reply=reply,
        policy_version=policy.version,
        count=suggestion.count,
        decided=suggestion.decided,
        by=by,
    )
    once = fresh.on_conflict_do_nothing(index_elements=["rule", "change"], index_where=standing)
    made: SuggestionReply | None = (await session.exec(once.returning(SuggestionReply))).scalar_one_or_none()
    if made is None:
        raise Conflict("Somebody has answered this suggestion already.")
    _record(session, _EVENT[reply], actor, made)
    return made


async def withdraw_reply(session: AsyncSession, actor: Principal, reply_id: uuid.UUID) -> SuggestionReply:
    """Take back what was said to a suggestion, by any officer. Raises `NotAllowed`, `NotFound`."""
    require(actor, Role.OFFICER)
    taken = (
        update(SuggestionReply)
        .where(col(SuggestionReply.id) == reply_id, col(SuggestionReply.withdrawn_at).is_(None))
        .values(withdrawn_by=actor.id, withdrawn_at=func.now())
        .returning(SuggestionReply)
    )
    found: SuggestionReply | None = (await session.exec(taken)).scalar_one_or_none()
    if found is None:
        raise NotFound("There is no such answer to a suggestion.")
    _record(session, ApprovalEvent.REPLY_WITHDRAWN, actor, found)
    return found


async def _standing(session: AsyncSession) -> Sequence[SuggestionReply]:
    found = select(SuggestionReply).where(col(SuggestionReply.withdrawn_at).is_(None))
    ordered = found.order_by(col(SuggestionReply.at), col(SuggestionReply.id))
    return (await session.exec(ordered, execution_options={"populate_existing": True})).all()


def _record(
    session: AsyncSession, event: ApprovalEvent, actor: Principal | str, reply: SuggestionReply
) -> None:
    record(
        session,
        event,
        actor,
        subject=reply.rule,
        reply=str(reply.id),
        change=dict(reply.change),
        policy=as_code(reply.policy_version),
        count=reply.count,
        decided=reply.decided,
    )
