"""Questions about who did what when."""

from __future__ import annotations

from dataclasses import dataclass
from datetime import datetime
from typing import Any, LiteralString
from uuid import UUID

from projections.reading import Opens
from projections.trail import NAME, VERSION

COLUMNS: LiteralString = """
select e.log_index, e.at, e.type, e.stream_id, e.version, e.event_id, e.actor, e.source, e.correlation_id,
       e.causation_id, e.about
  from events e
 where e.log_index >= %(low)s and e.log_index < %(high)s
"""

_NARROWER: dict[str, LiteralString] = {
    "actor": " and e.actor = %(actor)s",
    "actor_end": " and right(e.actor, length(%(actor_end)s)) = %(actor_end)s",
    "source": " and e.source = %(source)s",
    "stream_id": " and (e.stream_id = %(stream_id)s or e.about = %(stream_id)s)",
    "correlation_id": " and e.correlation_id = %(correlation_id)s",
}
_OF_TYPE: LiteralString = " and e.type = %(type)s"
_OF_TYPES: LiteralString = " and e.type >= %(type)s and e.type < %(type_end)s"


@dataclass(frozen=True, slots=True, kw_only=True)
class Filter:
    """Which events are wanted; None: any.

    `stream_id` finds the events of a stream, and when it was shown or exported. `type` is one, or the
    beginning of several where it ends in a dot or in `.*`; `actor_end` how an actor's id ends, as lists show
    it.
    """

    type: str | None = None
    actor: str | None = None
    actor_end: str | None = None
    source: str | None = None
    stream_id: UUID | None = None
    correlation_id: UUID | None = None

    def condition(self) -> tuple[LiteralString, dict[str, Any]]:
        """Return what narrows, and its parameters."""
        said: LiteralString = ""
        values: dict[str, Any] = {}
        for name, narrower in _NARROWER.items():
            value = getattr(self, name)
            if value is not None:
                said += narrower
                values[name] = value
        if self.type is not None:
            beginning = self.type.removesuffix("*")
            if beginning.endswith("."):
                said += _OF_TYPES
                values |= {"type": beginning, "type_end": beginning[:-1] + "/"}  # what comes behind a dot
            else:
                said += _OF_TYPE
                values["type"] = self.type
        return said, values


@dataclass(frozen=True, slots=True)
class Head:
    """What an event says of itself."""

    type_name: str
    stream_id: UUID
    version: int
    about: UUID | None = None


@dataclass(frozen=True, slots=True)
class Envelope:
    """An event without what it says: where and when it is, who did it, through what, and why."""

    event: Head
    log_index: int
    event_id: UUID
    time: datetime
    actor: str
    source: str
    correlation_id: UUID | None
    causation_id: UUID | None


ANY = Filter()


class TrailQueries:
    """Reads the trail read model."""

    def __init__(self, reading: Opens) -> None:
        self._reading = reading

    def events(
        self,
        wanted: Filter = ANY,
        *,
        low: int = 0,
        high: int = 2**63 - 1,
        newest_first: bool = False,
        limit: int = 100,
        at_least: int | None = None,
    ) -> tuple[Envelope, ...]:
        """Return events from log index `low` on and before `high`, at most so many."""
        narrower, values = wanted.condition()
        values |= {"low": low, "high": high, "limit": limit}
        order: LiteralString = " order by e.log_index desc" if newest_first else " order by e.log_index"
        with self._reading.open(NAME, VERSION, at_least) as connection:
            rows = connection.execute(COLUMNS + narrower + order + " limit %(limit)s", values).fetchall()
        return tuple(envelope(row) for row in rows)


def envelope(row: tuple[Any, ...]) -> Envelope:
    """Return the envelope of a row of `COLUMNS`."""
    log_index, at, type_name, stream_id, version, event_id, *told, about = row
    return Envelope(Head(type_name, stream_id, version, about), log_index, event_id, at, *told)
