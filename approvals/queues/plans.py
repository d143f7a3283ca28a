"""How queues are described: what goes into each, how long it may wait there, and who looks at it."""

from collections.abc import Mapping
from datetime import datetime
from enum import StrEnum
from typing import Annotated, Any, Literal, Self

from pydantic import Field, ValidationError, field_validator, model_validator

from approvals.items.payload import Payload
from approvals.items.tables import GENERAL, ItemKind
from approvals.risk.described import Described
from approvals.risk.policy import Policy
from approvals.risk.value import Tier, Weighing
from gateway import CloisterError

from .calendars import Calendar

Minutes = int


class Channel(StrEnum):
    """How somebody is told."""

    PAGE = "page"
    MAIL = "mail"
    WEBHOOK = "webhook"


class QueuePlan(Described):
    """What goes into a queue, and how long it may wait there.

    An item goes into it when each condition that is named holds: one of the rules held it, a live fact of the
    record has one of the values (product line, region), it is of one of the kinds. Deadlines are minutes of
    the calendar; the shorter of the tier's and the rule's counts. Reminders and escalation are shares of it.
    """

    title: str = Field(min_length=1, max_length=80)
    rules: tuple[str, ...] = ()
    facts: Mapping[str, tuple[str, ...]] = Field(default_factory=dict)
    kinds: tuple[ItemKind, ...] = ()
    calendar: Calendar = Calendar()
    deadline_minutes: Mapping[Tier, Minutes] = Field(default_factory=dict)
    remind_share: float | None = Field(default=0.5, gt=0, lt=1)
    escalate_share: float | None = Field(default=0.75, gt=0, lt=1)
    escalates_to: str | None = None
    channels: tuple[Channel, ...] = (Channel.PAGE,)

    @field_validator("deadline_minutes")
    @classmethod
    def _takes_time(cls, minutes: Mapping[Tier, Minutes]) -> Mapping[Tier, Minutes]:
        if any(number < 1 for number in minutes.values()):
            raise ValueError("a deadline is at least a minute")
        return minutes

    def takes(self, payload: Payload, weighing: Weighing, kind: ItemKind) -> bool:
        """Whether an item belongs here."""
        if self.rules and not set(self.rules) & set(weighing.rules):
            return False
        if self.kinds and kind not in self.kinds:
            return False
        known = {(fact.label.casefold(), fact.value.casefold()) for fact in payload.facts}
        return all(
            any((label.casefold(), value.casefold()) in known for value in values)
            for label, values in self.facts.items()
        )

    def times(self, policy: Policy, weighing: Weighing, now: datetime) -> "Times":
        """When an item that is held now is due, and when its waiting is told."""
        minutes: float = policy.deadline_minutes(weighing)
        if weighing.tier in self.deadline_minutes:
            minutes = min(minutes, self.deadline_minutes[weighing.tier])
        after = self.calendar.after
        remind, escalate = self.remind_share, self.escalate_share
        return Times(
            deadline=after(now, minutes),
            remind_at=after(now, minutes * remind) if remind else None,
            escalate_at=after(now, minutes * escalate) if escalate else None,
        )


class Times(Described):
    """The moments of one waiting."""

    deadline: datetime
    remind_at: datetime | None
    escalate_at: datetime | None


class MemberPlan(Described):
    """One officer of a queue; `duty` are their hours, always without."""

    login: str
    duty: Calendar | None = None


class UnreadablePlan(CloisterError):
    """A queue is described in a way that this release does not know, as after a rollback."""

    def __init__(self, queue: str) -> None:
        super().__init__(
            f"This release cannot read how the queue {queue} is described. "
            "Describe the queues anew, or go back to the release that described it."
        )


def read_plan(queue: str, plan: Mapping[str, Any]) -> QueuePlan:
    """A description as it was stored. Raises `UnreadablePlan`."""
    try:
        return QueuePlan.model_validate(plan)
    except ValidationError as error:
        raise UnreadablePlan(queue) from error


class NamedQueue(QueuePlan):
    """A queue as a file describes it."""

    name: str = Field(pattern="^[a-z][a-z0-9_-]{0,39}$")
    members: Literal["everyone"] | Annotated[tuple[MemberPlan, ...], Field(min_length=1)]

    @model_validator(mode="after")
    def _escalates_elsewhere(self) -> Self:
        if self.escalates_to == self.name:
            raise ValueError(f"the queue {self.name} escalates to itself")
        if self.name == GENERAL and (self.rules or self.facts or self.kinds):
            raise ValueError(f"the queue {GENERAL} takes what no other takes: it has no conditions")
        return self

    def plan(self) -> QueuePlan:
        """The description without name and members."""
        return QueuePlan.model_validate(self.model_dump(exclude={"name", "members"}))


class QueuePlans(Described):
    """All queues, in the order in which they are asked whether they take an item."""

    version: str = Field(pattern=r"^[!-~]{1,100}$")
    queues: tuple[NamedQueue, ...] = Field(min_length=1)

    @model_validator(mode="after")
    def _holds_together(self) -> Self:
        names = [queue.name for queue in self.queues]
        if len(set(names)) < len(names):
            raise ValueError("a queue is there twice")
        unknown = {queue.escalates_to for queue in self.queues} - {*names, GENERAL, None}
        if unknown:
            raise ValueError(f"there is no queue {', '.join(sorted(filter(None, unknown)))} to escalate to")
        return self
