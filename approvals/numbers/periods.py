"""Spans of time that reports are about, divided by the calendar of UTC."""

from collections.abc import Sequence
from dataclasses import dataclass
from datetime import UTC, datetime, timedelta
from enum import StrEnum
from typing import Final


class Step(StrEnum):
    """How finely time is divided: calendar hours, days, weeks (from Monday) and months of UTC."""

    HOUR = "hour"
    DAY = "day"
    WEEK = "week"
    MONTH = "month"


@dataclass(frozen=True)
class Period:
    """From `since` up to, but without, `until`."""

    since: datetime
    until: datetime
    step: Step

    @classmethod
    def last(cls, days: int, now: datetime | None = None) -> "Period":
        """The last days until now, divided so that a chart of them can be read."""
        until = (now or datetime.now(UTC)).astimezone(UTC)
        step = next((step for most, step in _FINEST if days <= most), Step.MONTH)
        return cls(until - timedelta(days=days), until, step)

    def moments(self) -> Sequence[datetime]:
        """The beginnings of its parts, oldest first; the first and the last part may be cut."""
        found = []
        moment = _floor(self.since.astimezone(UTC), self.step)
        while moment < self.until:
            found.append(moment)
            moment = _after(moment, self.step)
        return found


_FINEST: Final = ((1, Step.HOUR), (31, Step.DAY), (183, Step.WEEK))


def _floor(moment: datetime, step: Step) -> datetime:
    hour = moment.replace(minute=0, second=0, microsecond=0)
    if step is Step.HOUR:
        return hour
    day = hour.replace(hour=0)
    if step is Step.WEEK:
        return day - timedelta(days=day.weekday())
    return day.replace(day=1) if step is Step.MONTH else day


def _after(moment: datetime, step: Step) -> datetime:
    if step is Step.MONTH:
        return _floor(moment + timedelta(days=31), step)
    return moment + {Step.HOUR: timedelta(hours=1), Step.DAY: timedelta(days=1)}.get(step, timedelta(days=7))
