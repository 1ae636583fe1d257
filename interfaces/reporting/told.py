"""Parts of an audit report in words, the same on a page and on a terminal."""

from __future__ import annotations

import re
from collections.abc import Mapping
from datetime import UTC, datetime, timedelta, timezone
from typing import TYPE_CHECKING
from zoneinfo import ZoneInfo, ZoneInfoNotFoundError

if TYPE_CHECKING:
    from interfaces.report_views import ActorView, NamedEventsView
    from interfaces.views import EventView

CAPTIONS: Mapping[str, tuple[str, str]] = {
    "erasures": ("Erasures", "Nothing was erased."),
    "holds": ("Holds", "Nothing was held or released."),
    "letting_in": ("Tokens and sessions", "Nobody was let in or shut out."),
    "exports": (
        "Exports",
        "None was recorded. (Exports are recorded only while DAYBOOK_RECORD_ACCESS asks for it.)",
    ),
}
"""The groups of events that are named: what stands above them, and in their place where there are none."""

_OFFSET = re.compile(r"([+-])(\d{2}):(\d{2})")
_SHORT = 8


def who(one: ActorView | EventView) -> str:
    """Return an actor's name, or the end of its id."""
    return one.actor_name or (one.actor if len(one.actor) <= _SHORT else f"…{one.actor[-_SHORT:]}")


def in_zone(moment: datetime, zone: str) -> str:
    """Return a moment to the minute, in a zone as `stats` takes it: a name, or how far it is from UTC."""
    return f"{moment.astimezone(_zone(zone)):%Y-%m-%d %H:%M}"


def _zone(zone: str) -> ZoneInfo | timezone:
    offset = _OFFSET.fullmatch(zone)
    if offset is not None:
        length = timedelta(hours=int(offset[2]), minutes=int(offset[3]))
        return timezone(-length if offset[1] == "-" else length)
    try:
        return ZoneInfo(zone)
    except (ZoneInfoNotFoundError, ValueError):
        return UTC  # the database knows it, this machine does not


def after(found: NamedEventsView) -> str:
    """Return what stands below a list that does not name all of them; empty: it does."""
    more = found.event_count - len(found.events)
    return f"and {more:,} more before these" if more > 0 else ""
