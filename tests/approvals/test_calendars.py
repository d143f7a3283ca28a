"""Business hours: counted against a calendar that goes minute by minute."""

from datetime import UTC, date, datetime, timedelta
from zoneinfo import ZoneInfo

import pytest
from hypothesis import given, settings
from hypothesis import strategies as st
from pydantic import ValidationError

from approvals import Calendar

BERLIN = ZoneInfo("Europe/Berlin")
OFFICE = Calendar(
    zone="Europe/Berlin",
    hours={
        "mon": ("09:00-12:00", "13:00-17:00"),
        "tue": ("09:00-17:00",),
        "wed": ("09:00-17:00",),
        "thu": ("09:00-17:00",),
        "fri": ("09:00-15:00",),
        "sun": ("00:00-03:30", "22:00-24:00"),
    },
    holidays=(date(2026, 12, 25),),
)
FIRST = datetime(2026, 3, 20, tzinfo=UTC)  # two weeks in which the clocks change
moments = st.integers(0, 14 * 24 * 60).map(lambda minutes: FIRST + timedelta(minutes=minutes))


def _open(moment: datetime) -> bool:
    """The same said in another way: is this minute of the wall clock within a span of its day?"""
    local = moment.astimezone(BERLIN)
    day = ("mon", "tue", "wed", "thu", "fri", "sat", "sun")[local.weekday()]
    minute = local.hour * 60 + local.minute
    for span in (OFFICE.hours or {}).get(day, ()):  # type: ignore[call-overload]
        begin, end = (int(one[:2]) * 60 + int(one[3:]) for one in span.split("-"))
        if begin <= minute < end:
            return local.date() not in OFFICE.holidays
    return False


@settings(max_examples=60, deadline=None)
@given(moments, st.integers(1, 900))
def test_so_many_open_minutes_pass(moment: datetime, minutes: int) -> None:
    end = OFFICE.after(moment, minutes)
    counted, at = 0, moment
    while at < end:
        counted += _open(at)
        at += timedelta(minutes=1)
    assert counted == minutes
    assert _open(end - timedelta(minutes=1))


@settings(max_examples=100, deadline=None)
@given(moments)
def test_open_is_what_the_wall_clock_says(moment: datetime) -> None:
    assert OFFICE.is_open(moment) == _open(moment)


def test_friday_afternoon_goes_on_on_monday() -> None:
    friday = datetime(2026, 11, 20, 14, 30, tzinfo=BERLIN)
    monday = Calendar(zone="Europe/Berlin", hours={"mon": ("09:00-17:00",), "fri": ("09:00-15:00",)})
    assert monday.after(friday, 60) == datetime(2026, 11, 23, 9, 30, tzinfo=BERLIN)


def test_a_holiday_does_not_count() -> None:
    eve = datetime(2026, 12, 24, 16, 30, tzinfo=BERLIN)
    assert OFFICE.after(eve, 60) == datetime(2026, 12, 27, 0, 30, tzinfo=BERLIN)


def test_without_hours_every_minute_counts() -> None:
    night = datetime(2026, 11, 22, 3, tzinfo=UTC)
    assert Calendar().after(night, 90) == night + timedelta(minutes=90)
    assert Calendar().is_open(night)


@pytest.mark.parametrize(
    "calendar",
    [
        {"zone": "Mars/Olympus"},
        {"hours": {}},
        {"hours": {"mon": []}},
        {"hours": {"mon": ["17:00-09:00"]}},
        {"hours": {"mon": ["09:00-12:00", "11:00-13:00"]}},
        {"hours": {"mon": ["9-5"]}},
        {"hours": {"mon": ["09:00-25:00"]}},
        {"hours": {"monday": ["09:00-17:00"]}},
    ],
)
def test_a_calendar_that_cannot_be_is_refused(calendar: dict[str, object]) -> None:
    with pytest.raises(ValidationError):
        Calendar.model_validate(calendar)
