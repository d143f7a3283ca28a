"""A random past of the queue: items with rounds and votes, and what a naive reader counts in it."""

import json
import uuid
from dataclasses import dataclass, field
from datetime import UTC, datetime, timedelta
from random import Random

from sqlmodel.ext.asyncio.session import AsyncSession

from approvals import HeldItem, ItemState, RuleHit, Tier, Verdict, Vote, Weighed
from approvals.items.tables import Draft

from .queues import OFFICER, REP, SECOND, answer, run_sql

RULES = ("medical", "legal_threat", "minors", "sampled")
DECIDED = {ItemState.APPROVED, ItemState.EDITED, ItemState.REJECTED, ItemState.SENT_BACK}
_VERDICTS = {
    ItemState.APPROVED: Verdict.APPROVE,
    ItemState.EDITED: Verdict.EDIT,
    ItemState.REJECTED: Verdict.REJECT,
    ItemState.SENT_BACK: Verdict.SEND_BACK,
}
_STATES = tuple(ItemState)


@dataclass
class PastReview:
    """One draft that waited."""

    queue: str
    began: datetime
    outcome: str
    rules: frozenset[str]
    ended: datetime | None = None
    alarm: bool = False
    verdicts: dict[str, Verdict] = field(default_factory=dict)
    deadline: datetime | None = None

    @property
    def seconds(self) -> float | None:
        """How long a person took; None when no person decided."""
        if self.outcome not in DECIDED or self.ended is None:
            return None
        return (self.ended - self.began).total_seconds()


@dataclass
class Past:
    """Everything that happened, as a list."""

    reviews: list[PastReview] = field(default_factory=list)
    weighed: list[Weighed] = field(default_factory=list)


async def make_past(session: AsyncSession, seed: int, *, items: int, queues: tuple[str, ...]) -> Past:
    """Write a past of so many items into the tables, and give it back."""
    random, past = Random(seed), Past()  # noqa: S311 - the same each time
    now = datetime.now(UTC).replace(microsecond=0)
    await run_sql(session, "SET LOCAL session_replication_role = replica")
    for _number in range(items):
        began = now - timedelta(seconds=random.randrange(60, 60 * 86_400))
        await _make_item(session, random, past, random.choice(queues), began, now)
    await session.flush()
    for _number in range(items * 3):
        past.weighed.append(_weighed(random, now))
    session.add_all(past.weighed)
    await session.flush()
    await run_sql(session, "SET LOCAL session_replication_role = origin")
    return past


async def make_quiet(session: AsyncSession, rule: str) -> None:
    """Make of the past one in which one rule held everything, and all of it went out as it was."""
    await run_sql(session, "SET LOCAL session_replication_role = replica")
    await run_sql(session, "DELETE FROM approvals.suggestion_reply")
    await run_sql(session, "DELETE FROM approvals.draft")
    await run_sql(
        session,
        "UPDATE approvals.held_item SET state = 'approved', decided_by = :who, hits = CAST(:hits AS jsonb)",
        who="somebody",
        hits=json.dumps([{"rule": rule, "by": "words"}]),
    )
    await run_sql(session, "SET LOCAL session_replication_role = origin")


async def _make_item(
    session: AsyncSession, random: Random, past: Past, queue: str, began: datetime, now: datetime
) -> None:
    payload, rounds = answer(), random.choice((1, 1, 1, 2, 3))
    state = random.choice(_STATES)
    item = HeldItem(
        run=uuid.uuid4(),
        conversation=uuid.uuid4(),
        requester=REP.id,
        queue=queue,
        payload=payload.as_json(),
        payload_hash=payload.digest(),
        current_hash=payload.digest(),
        policy_version="p",
        hits=[],
        marks=[],
        tier=random.choice(tuple(Tier)),
        state=state,
        decided_by=OFFICER.id if state in DECIDED else None,
        created_at=began,
        deadline=began,
        round=rounds,
    )
    session.add(item)
    for number in range(1, rounds + 1):
        last = number == rounds
        outcome = state if last else ItemState.SENT_BACK
        rules = frozenset(random.sample(RULES, random.randrange(1, 4)))
        ended = None
        if outcome is not ItemState.PENDING:
            ended = began + timedelta(seconds=random.randrange(1, 200_000))
        item.deadline = began + timedelta(seconds=random.randrange(300, 90 * 86_400))
        one = PastReview(queue, began, outcome, rules, ended, deadline=item.deadline)
        past.reviews.append(one)
        _vote(session, random, item, number, one)
        hits = [RuleHit(rule, Tier.NORMAL, "Because.", 0, 1, 0).as_json() for rule in sorted(rules)]
        if last:
            item.hits, item.decided_at = hits, ended
        else:
            assert ended is not None
            began = ended + timedelta(seconds=random.randrange(1, 600))
            session.add(
                Draft(
                    item=item.id,
                    round=number,
                    payload=payload.as_json(),
                    payload_hash=payload.digest(),
                    policy_version="p",
                    hits=hits,
                    instruction="Say it kindly.",
                    at=began,
                )
            )


def _vote(session: AsyncSession, random: Random, item: HeldItem, number: int, one: PastReview) -> None:
    if one.outcome not in DECIDED:
        return
    verdict = _VERDICTS[ItemState(one.outcome)]
    if verdict is Verdict.APPROVE and random.random() < 0.3:
        verdict, one.alarm = Verdict.FALSE_ALARM, True
    cast = {OFFICER.id: verdict}
    if random.random() < 0.4:
        cast[SECOND.id] = random.choice((Verdict.APPROVE, Verdict.EDIT, Verdict.REJECT))
    one.verdicts = cast
    for reviewer, said in cast.items():
        session.add(
            Vote(
                item=item.id,
                round=number,
                reviewer=reviewer,
                verdict=said,
                payload_hash=item.payload_hash,
                at=one.ended,
            )
        )
    if random.random() < 0.3:  # a vote that was taken back counts for nothing
        session.add(
            Vote(
                item=item.id,
                round=number,
                reviewer=OFFICER.id,
                verdict=Verdict.FALSE_ALARM,
                payload_hash=item.payload_hash,
                at=one.began,
                undone_at=one.ended,
            )
        )


def _weighed(random: Random, now: datetime) -> Weighed:
    hit = random.sample(RULES, random.randrange(0, 4))
    cut = random.randrange(len(hit) + 1)
    held = bool(hit[:cut]) and random.random() < 0.8
    return Weighed(
        run=uuid.uuid4(),
        at=now - timedelta(seconds=random.randrange(60, 60 * 86_400)),
        policy_version="p",
        held=held,
        would_hold=held or (bool(hit[cut:]) and random.random() < 0.7),
        rules=hit[:cut],
        trial=hit[cut:],
    )


def percentile(values: list[float], share: float) -> float | None:
    """Between the two nearest values in proportion, as PostgreSQL's `percentile_cont` is defined."""
    if not values:
        return None
    ordered = sorted(values)
    place = share * (len(ordered) - 1)
    low = int(place)
    high = min(low + 1, len(ordered) - 1)
    return ordered[low] + (ordered[high] - ordered[low]) * (place - low)


def as_plans(*names: str) -> str:
    """Queues for every officer, as rows of SQL."""
    plans = {name: json.dumps({"title": name.title()}) for name in names}
    rows = [f"('{name}', {place}, true, '{plan}')" for place, (name, plan) in enumerate(plans.items())]
    return "INSERT INTO approvals.review_queue (name, place, everyone, plan) VALUES " + ", ".join(rows)
