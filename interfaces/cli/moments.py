"""Moments as people type them, for all options that take one; and whose days count.

What can be typed is the grammar of `human_times.py`.
"""

from __future__ import annotations

import os
import shlex
from contextlib import suppress
from datetime import datetime, timedelta

from domain.errors import InvalidInputError

WHEN = "yesterday, 3d, 'last monday', 2026-03-01, 14:30"
"""What the help of an option says of the moments it takes."""

_LOCAL_ZONE = "/etc/localtime"


def ending(typed: str, now: datetime) -> datetime:
    """Return the moment; a day, week, month or year lasts to its end, in the user's own zone.

    Raises:
        InvalidInputError: it is none, or has passed.
    """
    from interfaces.cli.human_times import span

    try:
        moment = span(typed, now, "future").end
    except ValueError:
        raise InvalidInputError(
            f"{typed!r} is no time to end. Nothing was made.",
            hint="--expires 90d   (or 12h, tomorrow, 'next friday', 2027-01-31, '2027-01-31 18:00')",
        ) from None
    if moment <= now:
        raise InvalidInputError(f"{typed!r} has passed. Nothing was made.", hint="--expires 90d")
    return moment


def past(typed: str, now: datetime, *, whole_day: bool = False) -> datetime:
    """Return a moment as people say it (`yesterday`, `3d`, `last monday`), in the user's own zone.

    Of a day, week, month or year its beginning is meant, or with `whole_day` its end.

    Raises:
        InvalidInputError: it is none.
    """
    from interfaces.cli.human_times import EXAMPLES, span

    try:
        found = span(typed, now, "past")
    except ValueError:
        examples = "   ".join(map(shlex.quote, EXAMPLES))
        raise InvalidInputError(f"{typed!r} is no time.", hint=f"for example: {examples}") from None
    return found.end if whole_day else found.start


def zone(now: datetime) -> str:
    """Return the user's zone: its name where this machine tells it, else how far it is from UTC now."""
    from zoneinfo import ZoneInfo, ZoneInfoNotFoundError

    name = os.path.realpath(_LOCAL_ZONE).rpartition("/zoneinfo/")[2]
    with suppress(ZoneInfoNotFoundError, ValueError, OSError):
        found = ZoneInfo(name)
        halves = [now.replace(month=month, day=1, tzinfo=None) for month in (1, 7)]
        # TZ in the environment may say otherwise than the machine does.
        if all(found.utcoffset(half) == half.astimezone().utcoffset() for half in halves):
            return name
    minutes = round((now.utcoffset() or timedelta()).total_seconds() / 60)
    return f"{'-' if minutes < 0 else '+'}{abs(minutes) // 60:02}:{abs(minutes) % 60:02}"
