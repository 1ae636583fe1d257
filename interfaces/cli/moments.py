"""Moments as people type them: a length such as `90d`, a date, a date with a time; and whose days count."""

from __future__ import annotations

import os
import re
from contextlib import suppress
from datetime import datetime, timedelta
from zoneinfo import ZoneInfo, ZoneInfoNotFoundError

from domain.errors import InvalidInputError

_LENGTH = re.compile(r"(\d{1,6})\s*([mhdw])")
_DATE = re.compile(r"\d{4}-\d{2}-\d{2}")
_LOCAL_ZONE = "/etc/localtime"
_UNITS = {"m": "minutes", "h": "hours", "d": "days", "w": "weeks"}


def ending(typed: str, now: datetime) -> datetime:
    """Return the moment; a bare date lasts to its end, in the user's own zone.

    Raises:
        InvalidInputError: it is none, or has passed.
    """
    text = typed.strip()
    found = _LENGTH.fullmatch(text)
    try:
        if found:
            moment = now + timedelta(**{_UNITS[found[2]]: int(found[1])})
        else:
            moment = datetime.fromisoformat(text)
            if _DATE.fullmatch(text):
                moment += timedelta(days=1)
            moment = moment.astimezone()
    except (ValueError, OverflowError):
        raise InvalidInputError(
            f"{typed!r} is no time to end. Nothing was made.", hint="--expires 90d   (or 12h, 2027-01-31)"
        ) from None
    if moment <= now:
        raise InvalidInputError(f"{typed!r} has passed. Nothing was made.", hint="--expires 90d")
    return moment


def past(typed: str, now: datetime, *, whole_day: bool = False) -> datetime:
    """Return a moment before now: so long ago (`30d`), a date, or a date with a time, in the user's own zone.

    `whole_day`: of a bare date its end is meant.

    Raises:
        InvalidInputError: it is none.
    """
    text = typed.strip()
    found = _LENGTH.fullmatch(text)
    try:
        if found:
            return now - timedelta(**{_UNITS[found[2]]: int(found[1])})
        moment = datetime.fromisoformat(text)
        if whole_day and _DATE.fullmatch(text):
            moment += timedelta(days=1)
        return moment.astimezone()
    except (ValueError, OverflowError):
        raise InvalidInputError(
            f"{typed!r} is no time.", hint="30d   12h   2026-03-01   2026-03-01T18:30"
        ) from None


def zone(now: datetime) -> str:
    """Return the user's zone: its name where this machine tells it, else how far it is from UTC now."""
    name = os.path.realpath(_LOCAL_ZONE).rpartition("/zoneinfo/")[2]
    with suppress(ZoneInfoNotFoundError, ValueError, OSError):
        found = ZoneInfo(name)
        halves = [now.replace(month=month, day=1, tzinfo=None) for month in (1, 7)]
        # TZ in the environment may say otherwise than the machine does.
        if all(found.utcoffset(half) == half.astimezone().utcoffset() for half in halves):
            return name
    minutes = round((now.utcoffset() or timedelta()).total_seconds() / 60)
    return f"{'-' if minutes < 0 else '+'}{abs(minutes) // 60:02}:{abs(minutes) % 60:02}"
