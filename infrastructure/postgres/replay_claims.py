"""Who runs a replay: a session advisory lock for each; the `Replays` port.

Invariant: the lock goes with the connection, so the death of a process frees its replay at once.
"""

from __future__ import annotations

from collections.abc import Iterator, Sequence
from contextlib import contextmanager
from typing import TYPE_CHECKING
from uuid import UUID

from application.ports.replays import Manner

if TYPE_CHECKING:
    from infrastructure.postgres.database import Database
    from projections.replays.queries import ReplayQueries

_SPACE = 1_684_109_667  # "dayc", the first half of these locks' keys

_CLAIM = "select pg_try_advisory_lock(%s, hashtext(%s))"
_CLAIMED = """
select n.id
  from unnest(%(ids)s::text[]) as n(id)
  join pg_locks l on l.locktype = 'advisory' and l.granted and l.objsubid = 2
                 and l.database = (select d.oid from pg_database d where d.datname = current_database())
                 and l.classid = %(space)s::bigint::oid
                 and l.objid = (hashtext(n.id)::bigint & 4294967295)::oid
"""
_MOVED_ON = "select exists (select from daybook.events e where e.stream_id = %s and e.version > %s)"


class PostgresReplays:
    """The replays of one database."""

    def __init__(self, database: Database, queries: ReplayQueries) -> None:
        self._database = database
        self._queries = queries

    def manner(self, replay_id: UUID) -> Manner:
        """Return how a replay is to be asked."""
        found = self._queries.whole(replay_id)
        return Manner(found.model, found.instructions, found.options)

    @contextmanager
    def claimed(self, replay_id: UUID) -> Iterator[bool]:
        """Let this process alone run a replay while the block lasts; False where another one does."""
        with self._database.alone() as session:
            row = session.execute(_CLAIM, (_SPACE, replay_id.hex)).fetchone()
            yield bool(row and row[0])

    def running(self, replay_ids: Sequence[UUID]) -> frozenset[UUID]:
        """Return those of these replays that some process runs now."""
        values = {"ids": [one.hex for one in replay_ids], "space": _SPACE}
        with self._database.connection() as connection:
            return frozenset(UUID(row[0]) for row in connection.execute(_CLAIMED, values))

    def moved_on(self, replay_id: UUID, version: int) -> bool:
        """Say whether somebody recorded something of a replay behind a version of it."""
        with self._database.connection() as connection:
            row = connection.execute(_MOVED_ON, (replay_id, version)).fetchone()
        return bool(row and row[0])
