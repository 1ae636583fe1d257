"""How a query reads: the live build, held in place for one transaction, and not older than it must be.

Invariants: the pointer row is locked FOR SHARE, so the schema a query reads cannot be dropped under it; a
query never shows less than `at_least` events; whoever holds keys is told of erasures before the query reads
a row, in the same round trip. Opening costs one round trip when the read model is up to date,
and imports nothing of the write side: the pump comes in only where something is to be caught up with.
"""

from __future__ import annotations

from collections.abc import Callable, Iterator, Sequence
from contextlib import AbstractContextManager, contextmanager
from typing import TYPE_CHECKING, Protocol

from projections.ports import Connections

if TYPE_CHECKING:
    import psycopg

# Locking a row makes a commit wait for the disk; a query has nothing to lose there.
_OPEN = """
select p.version,
       (select b.position from daybook.read_model_builds b where b.schema_name = p.schema_name),
       (select h.size from daybook.head h),
       set_config('search_path', quote_ident(p.schema_name), true),
       set_config('synchronous_commit', 'off', true),
       (select coalesce(max(t.erasure), 0) from daybook.tombstones t)
  from daybook.read_models p
 where p.name = %s and p.version = %s
   for share of p
"""

_LAGGING = """
select exists (
    select from daybook.read_models p
      join daybook.read_model_builds b using (schema_name)
      join daybook.head h on true
     where b.position < h.size
       and not exists (select from daybook.read_models n where n.name = p.name and n.version > p.version)
)
"""


class CatchUp(Protocol):
    """What a query needs of the pump."""

    def catch_up(self, names: Sequence[str] | None = None, at_least: int | None = None) -> None:
        """Return when these read models have applied so many events."""
        ...


class Opens(Protocol):
    """What queries read through."""

    def open(
        self, name: str, version: int, at_least: int | None = None
    ) -> AbstractContextManager[psycopg.Connection]:
        """Lend a connection whose search path has the tables of a read model of this version."""
        ...


class Reading:
    """Opens query transactions.

    Args:
        connections: where the tables are.
        pump: makes or returns the pump, when one is needed.
        fresh: whether a query that names no log size sees everything that is in the log when it begins.
            True where nobody pumps; a server with a pump of its own may answer from what is there.
        erasures: told how many erasures there have been, so that no cached key outlives its owner.
    """

    def __init__(
        self,
        connections: Connections,
        pump: Callable[[], CatchUp],
        *,
        fresh: bool = True,
        erasures: Callable[[int], None] = lambda _count: None,
    ) -> None:
        self._connections = connections
        self._pump = pump
        self._fresh = fresh
        self._erasures = erasures

    def lagging(self) -> bool:
        """Say whether any read model has not applied the whole log. One round trip, no pump."""
        with self._connections.connection() as connection:
            row = connection.execute(_LAGGING).fetchone()
        return bool(row and row[0])

    @contextmanager
    def open(self, name: str, version: int, at_least: int | None = None) -> Iterator[psycopg.Connection]:
        """Lend a connection whose search path is the live build of this version.

        Raises:
            PositionBeyondLogError: `at_least` is more than the log holds.
        """
        target = at_least
        while True:
            with self._connections.transaction() as connection:
                row = connection.execute(_OPEN, (name, version)).fetchone()
                if row is not None:
                    _, position, size = row[:3]
                    self._erasures(row[5])
                    if target is None:
                        target = size if self._fresh else 0
                    if position is not None and position >= target:
                        yield connection
                        return
            self._pump().catch_up([name], target)
