"""What happened in a period, counted: by day, kind and actor, and the events that are named one by one."""

from __future__ import annotations

from collections.abc import Collection, Mapping, Sequence
from dataclasses import dataclass
from datetime import date, datetime, timedelta
from typing import Any, LiteralString

from projections.reading import Opens
from projections.trail import NAME, VERSION
from projections.trail.queries import COLUMNS, Envelope, envelope
from projections.zones import in_sql, known_to_the_database

MOST_NAMED = 500
"""So many events of a kind, and so many actors, are named; the others are counted."""
_LONGEST_BY_DAY = timedelta(days=92)

_WHOLE: LiteralString = """
select count(*), min(e.log_index), max(e.log_index)
  from events e where e.at >= %(since)s and e.at < %(until)s
"""
_SPANS: LiteralString = """
select date_trunc(%(span)s, e.at at time zone %(zone)s)::date, count(*)
  from events e where e.at >= %(since)s and e.at < %(until)s
 group by 1 order by 1
"""
_KINDS: LiteralString = """
select e.type, count(*)
  from events e where e.at >= %(since)s and e.at < %(until)s
 group by 1 order by 2 desc, 1
"""
_SOURCES: LiteralString = """
select e.source, count(*)
  from events e where e.at >= %(since)s and e.at < %(until)s
 group by 1 order by 2 desc, 1
"""
_ACTORS: LiteralString = """
select e.actor, count(*), min(e.at), max(e.at), array_agg(distinct e.source)
  from events e where e.at >= %(since)s and e.at < %(until)s
 group by 1 order by 2 desc, 1
"""
_NAMED: LiteralString = (
    COLUMNS
    + " and e.at >= %(since)s and e.at < %(until)s and e.type = any(%(types)s)"
    + " order by e.log_index desc limit %(limit)s"
)


@dataclass(frozen=True, slots=True)
class ActorCount:
    """What one actor did: so many events, from the first to the last, through these sources."""

    actor: str
    event_count: int
    first_at: datetime
    last_at: datetime
    sources: tuple[str, ...]


@dataclass(frozen=True, slots=True)
class PeriodCounts:
    """What happened in a period.

    `spans` are days, or months (`by_month`) where the period is longer than three of them. `actors` are the
    busiest `MOST_NAMED` of `actor_count`. `named` has the events of each group of types asked for, oldest
    first: the newest `MOST_NAMED` of them.
    """

    event_count: int
    first_index: int | None
    last_index: int | None
    by_month: bool
    spans: tuple[tuple[date, int], ...]
    kinds: tuple[tuple[str, int], ...]
    sources: tuple[tuple[str, int], ...]
    actor_count: int
    actors: tuple[ActorCount, ...]
    named: Mapping[str, Sequence[Envelope]]


class PeriodQueries:
    """Counts what the trail has of a period."""

    def __init__(self, reading: Opens) -> None:
        self._reading = reading

    def counts(
        self,
        since: datetime,
        until: datetime,
        zone: str,
        named: Mapping[str, Collection[str]],
        *,
        at_least: int | None = None,
    ) -> PeriodCounts:
        """Count the events from `since` on and before `until`.

        Args:
            since: when the period begins.
            until: when it ends.
            zone: the time zone whose days are counted.
            named: groups of types whose events are named.
            at_least: the log size that must be seen.

        Raises:
            InvalidInputError: there is no such zone.
        """
        by_month = until - since > _LONGEST_BY_DAY
        values: dict[str, Any] = {
            "since": since,
            "until": until,
            "zone": in_sql(zone),
            "span": "month" if by_month else "day",
            "low": 0,
            "high": 2**63 - 1,
            "limit": MOST_NAMED,
        }
        with self._reading.open(NAME, VERSION, at_least) as connection, known_to_the_database(zone):
            count, first, last = connection.execute(_WHOLE, values).fetchone() or (0, None, None)
            actors = connection.execute(_ACTORS, values).fetchall()
            return PeriodCounts(
                count,
                first,
                last,
                by_month,
                tuple(connection.execute(_SPANS, values).fetchall()),
                tuple(connection.execute(_KINDS, values).fetchall()),
                tuple(connection.execute(_SOURCES, values).fetchall()),
                len(actors),
                tuple(
                    ActorCount(row[0], row[1], row[2], row[3], tuple(sorted(row[4])))
                    for row in actors[:MOST_NAMED]
                ),
                {
                    group: [
                        envelope(row)
                        for row in reversed(
                            connection.execute(_NAMED, {**values, "types": list(types)}).fetchall()
                        )
                    ]
                    for group, types in named.items()
                },
            )
