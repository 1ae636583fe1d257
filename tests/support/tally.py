"""A read model that only counts: each event leaves one row, so losing one or applying one twice shows."""

from __future__ import annotations

from collections.abc import Callable, Sequence
from pathlib import Path
from typing import ClassVar

import psycopg

from domain.event import Recorded
from infrastructure.postgres.database import Database
from projections import builds
from projections.read_model import ReadModel


class Tally(ReadModel):
    """`before` and `after` are called in `apply`, so that a test can make it fail, die or wait there."""

    name: ClassVar[str] = "tally"
    version: ClassVar[int] = 1
    folder: ClassVar[Path] = Path(__file__).parent / "tally_tables"

    def __init__(
        self,
        *,
        before: Callable[[Sequence[Recorded]], None] = lambda _batch: None,
        after: Callable[[Sequence[Recorded]], None] = lambda _batch: None,
    ) -> None:
        self._before = before
        self._after = after

    def apply(self, connection: psycopg.Connection, batch: Sequence[Recorded]) -> None:
        self._before(batch)
        with connection.cursor() as cursor:
            cursor.executemany(
                "insert into tally (log_index) values (%s)", [(event.log_index,) for event in batch]
            )
        self._after(batch)


class NewTally(Tally):
    """The same in a newer form."""

    version: ClassVar[int] = 2


def counted(database: Database) -> list[int]:
    """Return the log indexes that the live tally holds."""
    with database.transaction() as connection:
        live = builds.live(connection, "tally")
        assert live is not None
        builds.enter(connection, live.schema)
        return [row[0] for row in connection.execute("select log_index from tally order by log_index")]


def schemas(database: Database) -> list[str]:
    """Return the schemas of all builds."""
    with database.connection() as connection:
        rows = connection.execute(
            "select nspname from pg_namespace where nspname like 'daybook\\_tally%' order by 1"
        )
        return [row[0] for row in rows]
