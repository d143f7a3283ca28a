"""Business hours: which moments count, and when so many of their minutes have passed. Pure."""

from collections.abc import Iterator, Mapping
from datetime import UTC, date, datetime, time, timedelta
from typing import Final, Literal
from zoneinfo import ZoneInfo, ZoneInfoNotFoundError

from pydantic import BaseModel, ConfigDict, field_validator, model_validator

Day = Literal["mon", "tue", "wed", "thu", "fri", "sat", "sun"]
_DAYS: Final[tuple[Day, ...]] = ("mon", "tue", "wed", "thu", "fri", "sat", "sun")
_FARTHEST: Final = 3660  # days; a calendar that is closed for ten years has no next opening
_MIDNIGHT: Final = time(0)


class Calendar(BaseModel):
    """Working hours of each day of the week in one time zone, without the holidays.

    `hours` maps a day to spans such as `09:00-12:30`; `24:00` is the end of a day; None is always open.
    Time is counted as it passes: a day on which the clocks change is an hour shorter or longer.
    """

    model_config = ConfigDict(extra="forbid", frozen=True)

    zone: str = "UTC"
    hours: Mapping[Day, tuple[str, ...]] | None = None
    holidays: tuple[date, ...] = ()

    @field_validator("zone")
    @classmethod
    def _is_a_zone(cls, name: str) -> str:
        try:
            ZoneInfo(name)
        except (ZoneInfoNotFoundError, ValueError) as error:
            raise ValueError(f"there is no time zone {name}") from error
        return name

    @model_validator(mode="after")
    def _is_open_at_some_time(self) -> "Calendar":
        if self.hours is None:
            return self
        for day, spans in self.hours.items():
            ends = 0
            for begin, end in map(_span, spans):
                if not ends <= begin < end:
                    raise ValueError(
                        f"{day}: spans must follow one another, each with its end after its start"
                    )
                ends = end
        if not any(self.hours.values()):
            raise ValueError("a calendar must be open at some time of the week")
        return self

    def after(self, moment: datetime, minutes: float) -> datetime:
        """When so many open minutes have passed since a moment (with its time zone), in UTC.

        With none to pass, the moment itself. Raises `ValueError` when the calendar is closed for ten years.
        """
        left, reached = timedelta(minutes=minutes), moment.astimezone(UTC)
        if self.hours is None or not left:
            return reached + left
        for begin, end in self._spans(reached):
            begin = max(begin, reached)
            if end - begin >= left:
                return begin + left
            left -= end - begin
        raise ValueError("the calendar is closed for the next ten years")

    def is_open(self, moment: datetime) -> bool:
        """Whether a moment counts."""
        if self.hours is None:
            return True
        begin, _ = next(self._spans(moment), (None, None))
        return begin is not None and begin <= moment

    def _spans(self, moment: datetime) -> Iterator[tuple[datetime, datetime]]:
        """Open spans that end after a moment, in UTC, in order."""
        zone = ZoneInfo(self.zone)
        first = moment.astimezone(zone).date() - timedelta(days=1)
        for number in range(_FARTHEST):
            day = first + timedelta(days=number)
            if day in self.holidays:
                continue
            for begin, end in map(_span, (self.hours or {}).get(_DAYS[day.weekday()], ())):
                span = _at(day, begin, zone), _at(day, end, zone)
                if span[0] < span[1] and span[1] > moment:
                    yield span


def _span(text: str) -> tuple[int, int]:
    """Minutes of the day of `09:00-12:30`. Raises `ValueError`."""
    begin, dash, end = text.partition("-")
    if not dash:
        raise ValueError(f"'{text}' is no span such as 09:00-17:00")
    return _minutes(begin), _minutes(end)


def _minutes(text: str) -> int:
    hour, colon, minute = text.strip().partition(":")
    if not (colon and hour.isdecimal() and minute.isdecimal()) or int(minute) > 59:
        raise ValueError(f"'{text}' is no time such as 09:00")
    minutes = int(hour) * 60 + int(minute)
    if minutes > 24 * 60:
        raise ValueError(f"'{text}' is later than 24:00")
    return minutes


def _at(day: date, minutes: int, zone: ZoneInfo) -> datetime:
    if minutes == 24 * 60:
        day, minutes = day + timedelta(days=1), 0
    clock = (datetime.combine(day, _MIDNIGHT) + timedelta(minutes=minutes)).time()
    return datetime.combine(day, clock, zone).astimezone(UTC)
