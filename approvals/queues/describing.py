"""The description of the queues as it stands, and whether one holds against the policy in force."""

from collections import defaultdict
from collections.abc import Collection, Iterable, Sequence

from sqlalchemy import String, cast
from sqlmodel import col, select
from sqlmodel.ext.asyncio.session import AsyncSession

from approvals.items.persons import is_same_person
from approvals.items.tables import GENERAL
from approvals.risk.described import no_such
from approvals.risk.policy import Policy
from approvals.risk.weighing import RULE_UNREAD, SAMPLED, UNREAD
from gateway import Account, BadInput, Principal, Role, as_sentence, require

from .plans import MemberPlan, NamedQueue, QueuePlans
from .routing import members_of, plan_of, queue_names, standing_queues
from .tables import Member


async def queue_plans(session: AsyncSession, viewer: Principal) -> QueuePlans:
    """All queues as `configure_queues` would take them again.

    `general` is among them though nobody has described it. A member whose account is no more is left out.
    Raises `NotAllowed` for who is neither officer nor admin.
    """
    require(viewer, Role.OFFICER, Role.ADMIN)
    members = await _members(session)
    rows = {row.name: row for row in await standing_queues(session)}
    queues = []
    for name in dict.fromkeys((*rows, GENERAL)):
        everyone = name not in rows or rows[name].everyone
        if everyone or members[name]:
            plan = (await plan_of(session, name)).model_dump()
            queues.append(
                NamedQueue(**plan, name=name, members="everyone" if everyone else tuple(members[name]))
            )
    version = next((row.version for row in rows.values()), "1")
    return QueuePlans(version=version, queues=tuple(queues))


async def queues_short_of_two(session: AsyncSession) -> Sequence[str]:
    """Names of the queues that have not two persons: what two officers must agree on is never released there.

    That is everything of the top tier, and every edit where the policy wants a second officer for it. Whoever
    stands in for somebody for a while makes no second person.
    """
    queues = dict.fromkeys((*await queue_names(session), GENERAL))
    return [one for one in queues if not await _has_two(session, list(await members_of(session, one)))]


async def _has_two(session: AsyncSession, accounts: Sequence[str]) -> bool:
    for other in accounts[1:]:
        if not await is_same_person(session, accounts[0], other):
            return True
    return False


def check_rules(plans: QueuePlans, policy: Policy) -> None:
    """Raises `BadInput` for a rule by which a queue takes items and that the policy does not have."""
    known = [*(rule.id for rule in policy.rules), SAMPLED, UNREAD, RULE_UNREAD]
    unknown = [(queue.name, rule) for queue in plans.queues for rule in queue.rules if rule not in known]
    if unknown:
        said = "; ".join(f"{queue}: {rule}: {no_such('rule', rule, known)}" for queue, rule in unknown[:5])
        raise BadInput(as_sentence(said), rules=[rule for _queue, rule in unknown])


def unknown_facts(wanted: Iterable[str], known: Collection[str]) -> list[str]:
    """Of the facts by which a queue would take items, those that no record has: by those it takes nothing.

    `known` are the labels of all facts; case does not count.
    """
    folded = {label.casefold() for label in known}
    return [label for label in wanted if label.casefold() not in folded]


async def _members(session: AsyncSession) -> dict[str, list[MemberPlan]]:
    """Queue to who belongs to it by name, by their sign-in."""
    found = (
        select(Member.queue, Member.duty, Account.login)
        .join(Account, cast(col(Account.id), String) == col(Member.account))
        .where(col(Member.until).is_(None))
        .order_by(col(Account.login))
    )
    listed: dict[str, list[MemberPlan]] = defaultdict(list)
    for queue, duty, login in await session.exec(found):
        listed[queue].append(MemberPlan.model_validate({"login": login, "duty": duty}))
    return listed
