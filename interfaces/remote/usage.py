"""What the answers of a book behind a server cost."""

from __future__ import annotations

from dataclasses import fields
from datetime import date, datetime
from typing import TYPE_CHECKING
from uuid import UUID

from interfaces.usage_views import FiguresView, StatsView
from projections.usage.queries import Figures, Group

if TYPE_CHECKING:
    from interfaces.remote.connection import Connection
    from projections.usage.queries import By


class RemoteUsage:
    """Counts tokens, time and ratings."""

    def __init__(self, connection: Connection) -> None:
        self._connection = connection

    def figures(
        self,
        by: By,
        *,
        since: datetime | None = None,
        until: datetime | None = None,
        zone: str = "UTC",
        at_least: int | None = None,
    ) -> tuple[Group, ...]:
        """Return the figures of the answers of a time, in groups."""
        found = self._counted(by, since, until, zone, at_least)
        keys: list[str | date | UUID | None] = [
            one.project_id if by == "project" else date.fromisoformat(one.day) if one.day else one.model
            for one in found.groups
        ]
        return tuple(Group(key, _figures(one)) for key, one in zip(keys, found.groups, strict=True))

    def total(
        self, *, since: datetime | None = None, until: datetime | None = None, at_least: int | None = None
    ) -> Figures:
        """Return the figures of all answers of a time."""
        return _figures(self._counted("model", since, until, "UTC", at_least).total)

    def _counted(
        self, by: By, since: datetime | None, until: datetime | None, zone: str, at_least: int | None
    ) -> StatsView:
        if at_least is not None:
            self._connection.saw(at_least)
        return self._connection.get(
            "usage",
            StatsView,
            by=by,
            since=since and since.isoformat(),
            until=until and until.isoformat(),
            zone=zone,
        )


def _figures(view: FiguresView) -> Figures:
    return Figures(**{one.name: getattr(view, one.name) for one in fields(Figures)})
