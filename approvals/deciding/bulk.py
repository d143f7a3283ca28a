"""Many at a time: only the lowest tier, and each item by the one function that decides."""

import uuid
from collections.abc import Sequence
from dataclasses import dataclass, replace
from typing import Final

from sqlmodel.ext.asyncio.session import AsyncSession

from approvals.items.errors import NeedsConfirmation, NotInBulk, NotRead
from approvals.items.tables import HeldItem, Verdict
from approvals.queues.reading import get_item
from approvals.risk.policy import Policy
from gateway import BadInput, CloisterError, Principal, Role, require

from .decisions import decide
from .verdicts import Decision, Entry

AT_ONCE: Final = 50
_VERDICTS: Final = frozenset({Verdict.APPROVE, Verdict.REJECT, Verdict.FALSE_ALARM})


@dataclass(frozen=True)
class Outcome:
    """What became of one item: as it stands now, or why it was refused."""

    item: uuid.UUID
    decided: HeldItem | None = None
    refusal: CloisterError | None = None


async def decide_many(
    session: AsyncSession,
    policy: Policy,
    reviewer: Principal,
    items: Sequence[tuple[uuid.UUID, str]],
    decision: Decision,
) -> Sequence[Outcome]:
    """Take one decision on each (item, hash); one that is refused leaves the others as they are.

    What the reviewer never opened is not approved here either, and a long text that they have not had open
    for long enough is refused (`NotRead`): no confirmation counts. Raises `NotAllowed`, and `BadInput` for a
    decision that only fits one item or too many items.
    """
    require(reviewer, Role.OFFICER)
    if decision.verdict not in _VERDICTS or decision.confirmed or decision.fence is not None:
        raise BadInput("Many at a time can be approved, rejected or marked as false alarms.")
    if not 0 < len(items) <= AT_ONCE or len({item for item, _ in items}) < len(items):
        raise BadInput(f"Decide 1 to {AT_ONCE} different items at a time.")
    wanted = replace(decision, entry=Entry.BULK)
    # one order for everybody, so that two who decide the same items wait for each other and not both
    order = sorted(items)
    done = {item: await _one(session, policy, reviewer, item, text, wanted) for item, text in order}
    return [done[item] for item, _ in items]


async def _one(
    session: AsyncSession,
    policy: Policy,
    reviewer: Principal,
    item_id: uuid.UUID,
    payload_hash: str,
    decision: Decision,
) -> Outcome:
    try:
        async with session.begin_nested():
            item = await get_item(session, reviewer, item_id)
            if item.needed > 1:
                raise NotInBulk
            return Outcome(item_id, await decide(session, policy, reviewer, item_id, payload_hash, decision))
    except NeedsConfirmation as hasty:
        return Outcome(item_id, refusal=NotRead(hasty.seconds))
    except CloisterError as refusal:
        return Outcome(item_id, refusal=refusal)
