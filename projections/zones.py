"""Time zones whose days are counted: a name such as `Europe/Berlin`, or an offset such as `+02:00`."""

from __future__ import annotations

import re
from collections.abc import Iterator
from contextlib import contextmanager

from domain.errors import InvalidInputError

_OFFSET = re.compile(r"([+-])(\d\d:\d\d)")
# PostgreSQL takes `UTC+2` as well, and means two hours west by it.
_NAME = re.compile(r"[A-Za-z]+([/_-][A-Za-z]+)*|Etc/GMT[+-]\d{1,2}")
_NO_SUCH_ZONE = "22023"


def in_sql(zone: str) -> str:
    """Return a zone as PostgreSQL takes it; in the form it has for offsets, east is minus.

    Raises:
        InvalidInputError: it is neither a name nor an offset.
    """
    offset = _OFFSET.fullmatch(zone)
    if offset is not None:
        return f"<{zone}>{'-' if offset[1] == '+' else '+'}{offset[2]}"
    if _NAME.fullmatch(zone) is None:
        raise _no_zone(zone)
    return zone


@contextmanager
def known_to_the_database(zone: str) -> Iterator[None]:
    """Run queries that count days of a zone.

    Raises:
        InvalidInputError: the database knows none of this name.
    """
    try:
        yield
    except Exception as problem:
        if getattr(problem, "sqlstate", None) == _NO_SUCH_ZONE:
            raise _no_zone(zone) from None
        raise


def _no_zone(zone: str) -> InvalidInputError:
    return InvalidInputError(
        f"There is no time zone {zone!r}: it is a name such as Europe/Berlin, or an offset such as +02:00."
    )
