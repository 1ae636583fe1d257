"""Questions about what answers cost, counted when they are asked: by model, by day, by project."""

from __future__ import annotations

from dataclasses import dataclass
from datetime import date, datetime
from typing import Literal, LiteralString, TypeAlias
from uuid import UUID

from projections.reading import Reading
from projections.usage import NAME, VERSION
from projections.zones import in_sql, known_to_the_database

By: TypeAlias = Literal["model", "day", "project"]

_FIGURES: LiteralString = """
       count(*),
       count(*) filter (where a.status = 'complete'),
       coalesce(sum(a.prompt_tokens), 0)::bigint,
       coalesce(sum(a.completion_tokens), 0)::bigint,
       coalesce(sum(a.total_ms), 0),
       coalesce(sum(a.eval_ms) filter (where a.completion_tokens is not null), 0),
       coalesce(sum(a.completion_tokens) filter (where a.eval_ms is not null), 0)::bigint,
       percentile_cont(0.5) within group (order by a.first_token_ms),
       count(*) filter (where a.rating = 'up'),
       count(*) filter (where a.rating = 'down')
  from answers a
 where (%(since)s::timestamptz is null or a.at >= %(since)s)
   and (%(until)s::timestamptz is null or a.at < %(until)s)
"""

_BY: dict[By, tuple[LiteralString, LiteralString]] = {
    "model": ("select a.model,", " group by 1 order by 2 desc, 1"),
    "day": ("select (a.at at time zone %(zone)s::text)::date,", " group by 1 order by 1"),
    "project": ("select a.project_id,", " group by 1 order by 2 desc, 1"),
}


@dataclass(frozen=True, slots=True)
class Figures:
    """What some answers cost together. What the model server did not tell counts as nothing.

    `total_ms` is all the time they took; `eval_ms` that in which the `eval_tokens` were written.
    `first_token_ms` is the median wait for the first token. `up_count` and `down_count` are ratings.
    """

    answer_count: int
    complete_count: int
    prompt_tokens: int
    completion_tokens: int
    total_ms: float
    eval_ms: float
    eval_tokens: int
    first_token_ms: float | None
    up_count: int
    down_count: int

    @property
    def tokens_per_second(self) -> float | None:
        """How fast tokens came while they came; None where nobody told."""
        return self.eval_tokens / self.eval_ms * 1000 if self.eval_ms and self.eval_tokens else None


@dataclass(frozen=True, slots=True)
class Group:
    """The figures of one model (its name), one day (a date), or one project (its id; None: of none)."""

    key: str | date | UUID | None
    figures: Figures


class UsageQueries:
    """Reads the usage read model."""

    def __init__(self, reading: Reading) -> None:
        self._reading = reading

    def figures(
        self,
        by: By,
        *,
        since: datetime | None = None,
        until: datetime | None = None,
        zone: str = "UTC",
        at_least: int | None = None,
    ) -> tuple[Group, ...]:
        """Return the figures of the answers begun from `since` on and before `until`, in groups.

        Models and projects come with the most answers first, days in order. A day is one of the time `zone`:
        a name such as `Europe/Berlin`, or an offset such as `+02:00`.

        Raises:
            InvalidInputError: there is no such zone.
        """
        before, after = _BY[by]
        values = {"since": since, "until": until, "zone": in_sql(zone)}
        with self._reading.open(NAME, VERSION, at_least) as connection, known_to_the_database(zone):
            rows = connection.execute(before + _FIGURES + after, values).fetchall()
        return tuple(Group(row[0], Figures(*row[1:])) for row in rows)

    def total(
        self, *, since: datetime | None = None, until: datetime | None = None, at_least: int | None = None
    ) -> Figures:
        """Return the figures of all answers begun from `since` on and before `until`."""
        with self._reading.open(NAME, VERSION, at_least) as connection:
            row = connection.execute("select" + _FIGURES, {"since": since, "until": until}).fetchone()
        if row is None:
            raise AssertionError("an aggregate without groups has one row")
        return Figures(*row)
