"""When something ends, as people type it: a length such as `90d`, a date, or a date with a time."""

from __future__ import annotations

import re
from datetime import datetime, timedelta

from domain.errors import InvalidInputError

_LENGTH = re.compile(r"(\d{1,6})\s*([mhdw])")
_DATE = re.compile(r"\d{4}-\d{2}-\d{2}")
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
