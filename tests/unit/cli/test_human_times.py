"""The grammar of moments, at fixed points and for all of them."""

from __future__ import annotations

import os
import time
from collections.abc import Iterator
from contextlib import contextmanager
from datetime import UTC, datetime, timedelta

import pytest
from hypothesis import assume, example, given
from hypothesis import strategies as st

from interfaces.cli.human_times import EXAMPLES, Towards, span

ZONES = ("UTC", "Europe/Berlin", "America/St_Johns", "Asia/Kathmandu", "Australia/Lord_Howe", "Asia/Beirut")
EARLIEST, LATEST = datetime(1990, 1, 1), datetime(2037, 1, 1)  # noqa: DTZ001 - their zone is drawn
INSTANTS = st.datetimes(EARLIEST, LATEST, timezones=st.just(UTC))


@contextmanager
def living_in(zone: str) -> Iterator[None]:
    before = os.environ.get("TZ")  # noqa: TID251 - libc looks there
    os.environ["TZ"] = zone  # noqa: TID251
    time.tzset()
    try:
        yield
    finally:
        os.environ.pop("TZ")  # noqa: TID251
        if before is not None:
            os.environ["TZ"] = before  # noqa: TID251
        time.tzset()


def read(typed: str, now: str = "2026-11-26 12:00", towards: Towards = "past", zone: str = "UTC") -> str:
    """What is understood, on the wall's clock; 2026-11-26 is a Thursday."""
    with living_in(zone):
        found = span(typed, datetime.fromisoformat(now).astimezone(), towards)
    start, end = (moment.strftime("%Y-%m-%d %H:%M") for moment in found)
    return start if start == end else f"{start} … {end}"


@pytest.mark.parametrize(
    ("typed", "meant"),
    [
        ("now", "2026-11-26 12:00"),
        ("today", "2026-11-26 00:00 … 2026-11-27 00:00"),
        ("Yesterday", "2026-11-25 00:00 … 2026-11-26 00:00"),
        ("yesterday 14:30", "2026-11-25 14:30"),
        ("yesterday at 2:30 pm", "2026-11-25 14:30"),
        ("14:30", "2026-11-25 14:30"),
        ("9:05", "2026-11-26 09:05"),
        ("12am", "2026-11-26 00:00"),
        ("12 pm", "2026-11-26 12:00"),
        ("3d", "2026-11-23 12:00"),
        ("2 weeks ago", "2026-11-12 12:00"),
        ("an hour ago", "2026-11-26 11:00"),
        ("90m", "2026-11-26 10:30"),
        ("9 months", "2026-02-26 12:00"),
        ("1 year ago", "2025-11-26 12:00"),
        ("monday", "2026-11-23 00:00 … 2026-11-24 00:00"),
        ("thursday", "2026-11-26 00:00 … 2026-11-27 00:00"),
        ("last thursday", "2026-11-19 00:00 … 2026-11-20 00:00"),
        ("last mon 09:00", "2026-11-23 09:00"),
        ("last week", "2026-11-16 00:00 … 2026-11-23 00:00"),
        ("this month", "2026-11-01 00:00 … 2026-12-01 00:00"),
        ("last year", "2025-01-01 00:00 … 2026-01-01 00:00"),
        ("2026-02", "2026-02-01 00:00 … 2026-03-01 00:00"),
        ("2026-11-01", "2026-11-01 00:00 … 2026-11-02 00:00"),
        ("2026-11-01 14:30", "2026-11-01 14:30"),
        ("2026-11-01T14:30:09", "2026-11-01 14:30"),
        ("2026-11-01T14:30:09.123", "2026-11-01 14:30"),
        ("2026-11-01T14:30:09Z", "2026-11-01 14:30"),
        ("2026-11-01 14:30+02:00", "2026-11-01 12:30"),
        ("1 nov", "2026-11-01 00:00 … 2026-11-02 00:00"),
        ("December 24", "2025-12-24 00:00 … 2025-12-25 00:00"),
        ("24. december 2024, 18:00", "2024-12-24 18:00"),
    ],
)
def test_what_has_been(typed: str, meant: str) -> None:
    assert read(typed) == meant


@pytest.mark.parametrize(
    ("typed", "meant"),
    [
        ("tomorrow", "2026-11-27 00:00 … 2026-11-28 00:00"),
        ("14:30", "2026-11-26 14:30"),
        ("9:05", "2026-11-27 09:05"),
        ("in 2 weeks", "2026-12-10 12:00"),
        ("90d", "2027-02-24 12:00"),
        ("friday", "2026-11-27 00:00 … 2026-11-28 00:00"),
        ("next thursday", "2026-12-03 00:00 … 2026-12-04 00:00"),
        ("next week", "2026-11-30 00:00 … 2026-12-07 00:00"),
        ("1 nov", "2027-11-01 00:00 … 2027-11-02 00:00"),
        ("3 months", "2027-02-26 12:00"),
    ],
)
def test_what_is_to_come(typed: str, meant: str) -> None:
    assert read(typed, towards="future") == meant


@pytest.mark.parametrize(
    "typed",
    [
        *("", "soon", "90", "d", "-1d", "ago", "2 weeks ago ago", "in 3 days ago", "in 3d", "3 fortnights"),
        *("25:00", "12:60", "13pm", "0am", "2026-02-30", "2026-13", "31 june", "feb 29", "ma 5", "999999y"),
        *("01/02/2026", "monday tuesday", "last", "next 14:30", "yesterday yesterday", "20261101"),
    ],
)
def test_what_is_no_time(typed: str) -> None:
    with pytest.raises(ValueError, match="is no time"):
        read(typed)


def test_a_month_ago_is_the_last_day_where_it_has_no_such_day() -> None:
    assert read("1 month ago", "2026-03-31 08:00") == "2026-02-28 08:00"
    assert read("1 year ago", "2028-02-29 08:00") == "2027-02-28 08:00"


def test_days_are_counted_on_the_calendar_and_hours_by_the_clock() -> None:
    after = {"now": "2026-10-26 12:00", "zone": "Europe/Berlin"}  # clocks went back on the 25th
    assert read("2d", **after) == "2026-10-24 12:00"  # type: ignore[arg-type]
    assert read("48h", **after) == "2026-10-24 13:00"  # type: ignore[arg-type]


def test_a_time_that_comes_twice_is_held_by_its_span_and_one_that_never_comes_is_an_hour_later() -> None:
    with living_in("Europe/Berlin"):
        now = datetime(2026, 10, 26, 12).astimezone()
        twice = span("2026-10-25 02:30", now, "past")
        assert twice.end - twice.start == timedelta(hours=1)
        day = span("yesterday", now, "past")
        assert day.end - day.start == timedelta(hours=25)
    assert read("2026-03-29 02:30", zone="Europe/Berlin") == "2026-03-29 03:30"


@pytest.mark.parametrize("example", EXAMPLES)
def test_the_examples_of_an_error_can_be_typed(example: str) -> None:
    read(example)


@given(INSTANTS, st.sampled_from(ZONES), st.integers(0, 400))
def test_so_many_days_ago_was_the_same_time_of_day(now: datetime, zone: str, days: int) -> None:
    with living_in(zone):
        found, local = span(f"{days} days ago", now, "past").start, now.astimezone()
        wall = local.replace(tzinfo=None) - timedelta(days=days)
        assume(wall.astimezone().replace(tzinfo=None) == wall)  # some times of day never come
        assert found.astimezone(UTC) == wall.astimezone().astimezone(UTC)
        assert span(f"{days + 1}d", now, "past").start < found


@given(INSTANTS, st.sampled_from(ZONES), st.integers(0, 10_000), st.sampled_from(["minutes", "hours"]))
def test_so_many_hours_ago_is_so_long_ago(now: datetime, zone: str, count: int, unit: str) -> None:
    with living_in(zone):
        assert span(f"{count} {unit} ago", now, "past").start == now - timedelta(**{unit: count})


def _touch(end: datetime, start: datetime) -> bool:
    """Whether one ends where the next starts; one midnight may come twice (St John's, 2000)."""
    return end == start or (end > start and end.replace(tzinfo=None) == start.replace(tzinfo=None))


@given(INSTANTS, st.sampled_from(ZONES))
@example(datetime(2000, 10, 29, 2, 0, 30, tzinfo=UTC), "America/St_Johns")
def test_today_holds_now_and_touches_yesterday_and_tomorrow(now: datetime, zone: str) -> None:
    with living_in(zone):
        before, today, after = (span(day, now, "past") for day in ("yesterday", "today", "tomorrow"))
        assert today.start <= now < today.end
        assert _touch(before.end, today.start)
        assert _touch(today.end, after.start)
        assert today.end - today.start <= timedelta(hours=25)


@given(INSTANTS, st.sampled_from(ZONES))
def test_periods_follow_each_other(now: datetime, zone: str) -> None:
    with living_in(zone):
        for length in ("week", "month", "year"):
            last, this, coming = (span(f"{one} {length}", now, "past") for one in ("last", "this", "next"))
            assert this.start <= now < this.end
            assert _touch(last.end, this.start)
            assert _touch(this.end, coming.start)
        assert span("this week", now, "past").start.weekday() == 0


@given(INSTANTS, st.sampled_from(ZONES), st.sampled_from(["monday", "tue", "friday", "sun"]))
def test_weekdays_are_where_they_are_said_to_be(now: datetime, zone: str, day: str) -> None:
    with living_in(zone):
        here, last, coming = (span(text, now, "past") for text in (day, f"last {day}", f"next {day}"))
        today = span("today", now, "past")
        assert {one.start.strftime("%A").lower()[:3] for one in (here, last, coming)} == {day[:3]}
        assert here.start <= now
        assert last.end <= today.start
        assert today.end <= coming.start
        assert coming.start - today.start <= timedelta(days=7, hours=1)


@given(INSTANTS, INSTANTS, st.sampled_from(ZONES), st.sampled_from(["%Y-%m-%d %H:%M", "%Y-%m-%dT%H:%M:%S"]))
def test_what_daybook_shows_can_be_typed(now: datetime, moment: datetime, zone: str, shape: str) -> None:
    """A time on the wall finds the moment; where it comes twice, the moment is in the span's ends."""
    exact = moment.replace(second=0 if shape.endswith("%M") else moment.second, microsecond=0)
    with living_in(zone):
        found = span(exact.astimezone().strftime(shape), now, "past")
        assert exact in {found.start, found.end}


@given(st.text("0123456789 -:tzagoindmwyhlast/+", max_size=20), st.sampled_from(["past", "future"]))
def test_whatever_is_typed_is_read_or_refused(typed: str, towards: Towards) -> None:
    try:
        found = span(typed, datetime(2026, 11, 26, 12, tzinfo=UTC), towards)
    except ValueError:
        return
    assert found.start.tzinfo is not None
    assert found.end.tzinfo is not None
