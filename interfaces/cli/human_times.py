"""A small grammar of moments as people say them, in the user's own zone.

    now | DAY [[at] CLOCK] | CLOCK | LENGTH [ago] | in LENGTH | PERIOD | what ISO 8601 says

    DAY     today, yesterday, tomorrow, monday, last monday, next monday, 2026-11-01, 1 november, nov 1 2026
    CLOCK   14:30, 14:30:05, 2:30 pm, 9am
    LENGTH  3d, 12h, 2 weeks, an hour; units: minutes, hours, days, weeks, months, years
    PERIOD  this, last or next week, month or year; a week begins on Monday; 2026-11

Invariants: what is said is a span, from its first moment to the one after its last (a clock time is both at
once), so that whoever asks for an end may take the end of it. Days, weeks, months and years are counted on
the calendar and the clock on the wall: a week ago was the same time of day, also when clocks were put back
since. A time of day that a change of clocks leaves out is the one an hour later; of one that comes twice a
span holds both. Nothing that can be read in two ways is guessed: 01/02/2026 is refused.
"""

from __future__ import annotations

import calendar
import re
from collections.abc import Callable, Mapping
from datetime import datetime, time, timedelta
from typing import Literal, NamedTuple, TypeAlias

Towards: TypeAlias = Literal["past", "future"]
"""Which one is meant of a day or time that comes again and again."""

EXAMPLES = ("yesterday", "3d", "2 weeks ago", "last monday", "2026-11-01", "14:30", "2026-11-01 14:30")

_UNITS: Mapping[str, str] = {
    **dict.fromkeys(("m", "min", "mins", "minute", "minutes"), "minutes"),
    **dict.fromkeys(("h", "hour", "hours"), "hours"),
    **dict.fromkeys(("d", "day", "days"), "days"),
    **dict.fromkeys(("w", "week", "weeks"), "weeks"),
    **dict.fromkeys(("mo", "month", "months"), "months"),
    **dict.fromkeys(("y", "year", "years"), "years"),
}
_WEEKDAYS = [name.lower() for name in calendar.day_name]
_MONTHS = ["", *(name.lower() for name in calendar.month_name[1:])]
_SHORTEST_NAME = 3
_NOON = 12

_LENGTH = re.compile(r"(in )?(\d{1,6}|an?) ?([a-z]+)( ago)?")
_CLOCK = re.compile(r"(\d{1,2}):(\d{2})(?::(\d{2}))?(?: ?([ap]m))?|(\d{1,2}) ?([ap]m)")
_AT_THE_END = re.compile(rf"(?P<day>.+?)(?:,? at |t| )(?P<clock>{_CLOCK.pattern})")
_PERIOD = re.compile(r"(this|last|next) (week|month|year)")
_WEEKDAY = re.compile(r"(?:(last|next|on|this) )?([a-z]+)")
_DATE = re.compile(r"(\d{4})-(\d{1,2})-(\d{1,2})")
_MONTH = re.compile(r"(\d{4})-(\d{2})")
_DAY_MONTH = re.compile(r"(?P<day>\d{1,2})\.? (?P<month>[a-z]+)(?:,? (?P<year>\d{4}))?")
_MONTH_DAY = re.compile(r"(?P<month>[a-z]+) (?P<day>\d{1,2})(?:,? (?P<year>\d{4}))?")


class Span(NamedTuple):
    """From the first moment to the one after the last; both the same for a moment. Times know their zone."""

    start: datetime
    end: datetime


class _Wall(NamedTuple):
    """The same on the wall's clock, without a zone."""

    start: datetime
    end: datetime


def span(typed: str, now: datetime, towards: Towards) -> Span:
    """Return what is meant, in the user's zone.

    Raises:
        ValueError: it is nothing of the grammar, or no time there is.
    """
    text = " ".join(typed.lower().split())
    local = now.astimezone()
    try:
        exact = _exact(text, local, towards)
        if exact is not None:
            return Span(exact.astimezone(), exact.astimezone())
        wall = _wall(text, local.replace(tzinfo=None), towards)
        return Span(_placed(wall.start, min), _placed(wall.end, max))
    except (ValueError, OverflowError, OSError) as problem:
        raise ValueError(f"{typed!r} is no time") from problem


def _placed(wall: datetime, of_two: Callable[[list[datetime]], datetime]) -> datetime:
    """Return the moment at which clocks on the wall show this."""
    both = [wall.replace(fold=fold).astimezone() for fold in (0, 1)]
    shown = [moment for moment in both if moment.replace(tzinfo=None) == wall]
    return of_two(shown) if shown else max(both)


def _exact(text: str, now: datetime, towards: Towards) -> datetime | None:
    """Return what needs no calendar: now, minutes and hours, times that name their zone."""
    if text == "now":
        return now
    count, unit = _length(text, towards)
    if unit in {"minutes", "hours"}:
        return now + timedelta(**{unit: count})
    if "-" in text and ":" in text:
        try:
            found = datetime.fromisoformat(text.upper())
        except ValueError:
            return None
        return found if found.tzinfo is not None else None
    return None


def _wall(text: str, now: datetime, towards: Towards) -> _Wall:
    for read in (_of_length, _of_clock, _of_period, _of_day, _of_day_and_clock, _of_iso):
        found = read(text, now, towards)
        if found is not None:
            return found
    raise ValueError(text)


def _of_length(text: str, now: datetime, towards: Towards) -> _Wall | None:
    count, unit = _length(text, towards)
    if not unit:
        return None
    if unit in {"months", "years"}:
        moment = _months_later(now, count * (12 if unit == "years" else 1))
    else:
        moment = now + timedelta(**{unit: count})
    return _Wall(moment, moment)


def _length(text: str, towards: Towards) -> tuple[int, str]:
    """Return how many of which unit; the unit is empty where this is no length."""
    found = _LENGTH.fullmatch(text)
    if found is None or found[3] not in _UNITS or (found[1] and found[4]):
        return 0, ""
    if (found[1] and towards == "past") or (found[4] and towards == "future"):
        return 0, ""
    count = 1 if found[2].startswith("a") else int(found[2])
    return (-count if towards == "past" else count), _UNITS[found[3]]


def _of_clock(text: str, now: datetime, towards: Towards) -> _Wall | None:
    clock = _clock(text)
    if clock is None:
        return None
    moment = datetime.combine(now.date(), clock)
    if towards == "past" and moment > now:
        moment -= timedelta(days=1)
    if towards == "future" and moment <= now:
        moment += timedelta(days=1)
    return _Wall(moment, moment)


def _clock(text: str) -> time | None:
    found = _CLOCK.fullmatch(text)
    if found is None:
        return None
    hour = int(found[1] or found[5])
    half = found[4] or found[6]
    if half:
        if not 1 <= hour <= _NOON:
            raise ValueError(text)
        hour = hour % _NOON + (_NOON if half == "pm" else 0)
    return time(hour, int(found[2] or 0), int(found[3] or 0))


def _of_period(text: str, now: datetime, towards: Towards) -> _Wall | None:
    del towards
    month = _MONTH.fullmatch(text)
    if month:
        start = datetime(int(month[1]), int(month[2]), 1)  # noqa: DTZ001 - the wall's clock
        return _Wall(start, _months_later(start, 1))
    found = _PERIOD.fullmatch(text)
    if found is None:
        return None
    steps = {"last": -1, "this": 0, "next": 1}[found[1]]
    today = _midnight(now)
    if found[2] == "week":
        start = today + timedelta(weeks=steps, days=-today.weekday())
        return _Wall(start, start + timedelta(weeks=1))
    length = 1
    if found[2] == "year":
        today, length = today.replace(month=1), 12
    start = _months_later(today.replace(day=1), steps * length)
    return _Wall(start, _months_later(start, length))


def _of_day(text: str, now: datetime, towards: Towards) -> _Wall | None:
    start = _day(text, _midnight(now), towards)
    return None if start is None else _Wall(start, start + timedelta(days=1))


def _of_day_and_clock(text: str, now: datetime, towards: Towards) -> _Wall | None:
    found = _AT_THE_END.fullmatch(text)
    if found is None:
        return None
    day = _day(found["day"].rstrip(","), _midnight(now), towards)
    clock = _clock(found["clock"])
    if day is None or clock is None:
        return None
    moment = datetime.combine(day.date(), clock)
    return _Wall(moment, moment)


def _of_iso(text: str, now: datetime, towards: Towards) -> _Wall | None:
    """Read what else ISO 8601 allows for a date with a time."""
    del now, towards
    if not _DATE.match(text) or ":" not in text:
        return None
    moment = datetime.fromisoformat(text.upper())
    return _Wall(moment, moment)


def _day(text: str, today: datetime, towards: Towards) -> datetime | None:
    """Return the beginning of a day."""
    steps = {"yesterday": -1, "today": 0, "tomorrow": 1}.get(text)
    if steps is not None:
        return today + timedelta(days=steps)
    readers: tuple[Callable[[str, datetime, Towards], datetime | None], ...] = (_weekday, _date)
    return next((found for read in readers if (found := read(text, today, towards)) is not None), None)


def _weekday(text: str, today: datetime, towards: Towards) -> datetime | None:
    found = _WEEKDAY.fullmatch(text)
    number = _named(found[2], _WEEKDAYS) if found else None
    if found is None or number is None:
        return None
    if found[1] == "next" or (towards == "future" and found[1] != "last"):
        return today + timedelta(days=(number - today.weekday() - 1) % 7 + 1)
    if found[1] == "last":
        return today - timedelta(days=(today.weekday() - number - 1) % 7 + 1)
    return today - timedelta(days=(today.weekday() - number) % 7)


def _date(text: str, today: datetime, towards: Towards) -> datetime | None:
    found = _DATE.fullmatch(text)
    if found:
        return datetime(int(found[1]), int(found[2]), int(found[3]))  # noqa: DTZ001 - the wall's clock
    found = _DAY_MONTH.fullmatch(text) or _MONTH_DAY.fullmatch(text)
    month = _named(found["month"], _MONTHS) if found else None
    if found is None or not month:
        return None
    return _in_some_year(month, int(found["day"]), found["year"], today, towards)


def _in_some_year(month: int, day: int, year: str | None, today: datetime, towards: Towards) -> datetime:
    if year:
        return datetime(int(year), month, day)  # noqa: DTZ001 - the wall's clock
    start = today.replace(month=month, day=day)
    if towards == "past" and start > today:
        return start.replace(year=start.year - 1)
    if towards == "future" and start < today:
        return start.replace(year=start.year + 1)
    return start


def _named(text: str, names: list[str]) -> int | None:
    """Return the place of a name, which may be shortened to three letters."""
    if len(text) < _SHORTEST_NAME:
        return None
    return next((at for at, name in enumerate(names) if name and name.startswith(text)), None)


def _midnight(moment: datetime) -> datetime:
    return datetime.combine(moment.date(), time())


def _months_later(moment: datetime, count: int) -> datetime:
    """Return the same day so many months later, or the month's last where it has none such."""
    year, month = divmod(moment.year * 12 + moment.month - 1 + count, 12)
    last = calendar.monthrange(year, month + 1)[1]
    return moment.replace(year=year, month=month + 1, day=min(moment.day, last))
