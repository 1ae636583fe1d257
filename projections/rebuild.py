"""Building read models again from the start, beside the live ones.

Steps: take the builder's lock, clear what dead builders left, make new schemas, load the whole log in large
batches, make the indexes, catch up, and switch. Invariant: until the switch commits, nobody but the builder
sees the new schemas and the live ones go on; the switch closes the pointer table, so no transaction is
reading the old schema when it is dropped, and the new position is never behind the old one.
"""

from __future__ import annotations

import time
from collections.abc import Callable, Sequence
from typing import TYPE_CHECKING, TypeAlias

from projections import builds
from projections.batches import Stretch, Window, apply_stretch
from projections.ports import Connections, LogReader
from projections.read_model import ReadModel

if TYPE_CHECKING:
    import psycopg

Progress: TypeAlias = Callable[[int, int], None]
"""Called with the number of events loaded and the number in the log."""

BATCH = 5_000
_CLOSE_ENOUGH = 500  # events that may be left for the switch itself
_SWITCH_TRIES = 30

_ANALYZE = """
select format('%%I.%%I', n.nspname, c.relname)
  from pg_catalog.pg_class c
  join pg_catalog.pg_namespace n on n.oid = c.relnamespace
 where n.nspname = %s and c.relkind = 'r'
"""

# New readers queue behind this lock; half a second at a time, so that one slow reader does not stop all the
# others.
_CLOSE_THE_DOOR = """
set local lock_timeout = '500ms';
lock table daybook.read_models in exclusive mode;
set local lock_timeout = '30s'
"""


def rebuild(
    connections: Connections,
    log: LogReader,
    models: Sequence[ReadModel],
    progress: Progress | None = None,
    *,
    only_if_needed: bool = False,
) -> None:
    """Build read models from the start and make the new builds live.

    Args:
        connections: where the tables are.
        log: what they are built from.
        models: all that are to be built; they share one reading of the log.
        progress: told after each batch.
        only_if_needed: leave alone what another process has brought to this version meanwhile.

    Raises:
        RebuildUnderWayError: another process builds one of them.
    """
    with builds.making(connections, [model.name for model in models]):
        wanted = []
        for model in models:
            with connections.connection() as connection:
                now = builds.live(connection, model.name)
            if now is not None:
                builds.refuse_newer(model, now.version)
                if only_if_needed and now.version == model.version:
                    continue
            wanted.append(model)
        made = {}
        for model in wanted:
            builds.clean(connections, model.name)
            with connections.transaction() as connection:
                made[model.name] = builds.make(connection, model, indexes=False)
        position = _load(connections, log, wanted, made, progress)
        for model in wanted:
            _index(connections, model, made[model.name])
        for model in wanted:
            _finish(connections, log, model, made[model.name], position)


def _load(
    connections: Connections,
    log: LogReader,
    models: Sequence[ReadModel],
    made: dict[str, str],
    progress: Progress | None,
) -> int:
    """Apply the log as far as it reaches, and tell how far that was.

    The read models take a stretch side by side while the next is read: this process and the server both work.
    """
    from concurrent.futures import ThreadPoolExecutor

    def apply(model: ReadModel, stretch: Stretch) -> None:
        with connections.transaction() as connection:
            builds.enter(connection, made[model.name])
            apply_stretch(connection, model, made[model.name], stretch)

    window = Window(log, BATCH)
    stretch = window.read(0)
    size = log.size()
    with ThreadPoolExecutor(max_workers=len(models) + 1, thread_name_prefix="rebuild") as workers:
        while stretch.end > stretch.start:
            following = workers.submit(window.read, stretch.end)
            for done in [workers.submit(apply, model, stretch) for model in models]:
                done.result()
            if progress is not None:
                progress(stretch.end, max(size, stretch.end))
            stretch = following.result()
    return stretch.end


def _index(connections: Connections, model: ReadModel, schema: str) -> None:
    with connections.transaction() as connection:
        builds.enter(connection, schema)
        connection.execute("set local maintenance_work_mem = '256MB'")
        connection.execute(model.indexes())
    with connections.connection() as connection:
        for (table,) in connection.execute(_ANALYZE, (schema,)).fetchall():
            connection.execute(f"analyze {table}".encode())


def _finish(connections: Connections, log: LogReader, model: ReadModel, schema: str, position: int) -> None:
    """Catch up with what was appended meanwhile, then switch."""
    while log.size() - position > _CLOSE_ENOUGH:
        with connections.transaction() as connection:
            builds.enter(connection, schema)
            position = _advance(connection, log, model, schema, position)
    for _ in range(_SWITCH_TRIES):
        if _switch(connections, log, model, schema, position):
            return
        time.sleep(0.1)
    _switch(connections, log, model, schema, position, patient=True)


def _switch(
    connections: Connections,
    log: LogReader,
    model: ReadModel,
    schema: str,
    position: int,
    *,
    patient: bool = False,
) -> bool:
    """Make the build live and drop the old one; False where readers did not leave the door in time."""
    import psycopg

    with connections.transaction() as connection:
        try:
            with connection.transaction():
                connection.execute(_CLOSE_THE_DOOR)
        except psycopg.errors.LockNotAvailable:
            if patient:
                raise
            return False
        # Nobody pumps now, and the log is read after the door was closed: so the new build is not behind the
        # old one.
        builds.enter(connection, schema)
        size = log.size()
        while position < size:
            position = _advance(connection, log, model, schema, position)
        old = builds.live(connection, model.name)
        builds.point(connection, model, schema)
        if old is not None:
            builds.drop(connection, old.schema)
    return True


def _advance(
    connection: psycopg.Connection, log: LogReader, model: ReadModel, schema: str, position: int
) -> int:
    stretch = Window(log, BATCH).read(position)
    apply_stretch(connection, model, schema, stretch)
    return stretch.end
