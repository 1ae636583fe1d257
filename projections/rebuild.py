"""Building read models again from the start, beside the live ones.

Steps: take the builder's lock, clear what dead builders left, make new schemas, load the whole log in large
batches, make the indexes, catch up, and switch. Invariant: until the switch commits, nobody but the builder
sees the new schemas and the live ones go on; the switch closes the pointer table, so no transaction is
reading the old schema when it is dropped, and the new position is never behind the old one.
"""

from __future__ import annotations

import time
from collections import deque
from collections.abc import Callable, Sequence
from contextlib import ExitStack
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
_AHEAD = 2  # stretches that are held in memory while the slowest read model applies an older one
_CLOSE_ENOUGH = 500  # events that may be left for the switch itself
_SWITCH_TRIES = 30

_ANALYZE = """
select format('%%I.%%I', n.nspname, c.relname)
  from pg_catalog.pg_class c
  join pg_catalog.pg_namespace n on n.oid = c.relnamespace
 where n.nspname = %s and c.relkind = 'r'
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
        if not wanted:
            return
        made = {}
        for model in wanted:
            builds.clean(connections, model.name)
            with connections.transaction() as connection:
                made[model.name] = builds.make(connection, model, indexes=False)
        position = load(connections, log, wanted, made, progress)
        index_all(connections, wanted, made)
        for model in wanted:
            _finish(connections, log, model, made[model.name], position)
            builds.drop_older(connections, model)


def load(
    connections: Connections,
    log: LogReader,
    models: Sequence[ReadModel],
    made: dict[str, str],
    progress: Progress | None,
) -> int:
    """Apply the log as far as it reaches now, and tell how far that was.

    One thread reads ahead, and each read model takes the stretches in their order in a thread of its own:
    this process and the server both work, and none waits for a slower one until it is `_AHEAD` of it.
    """
    from concurrent.futures import Future, ThreadPoolExecutor
    from threading import Event

    failed = Event()

    def apply(model: ReadModel, stretch: Stretch) -> None:
        if failed.is_set():  # what waits behind a failure would be for nothing
            return
        try:
            with connections.transaction() as connection:
                builds.enter(connection, made[model.name])
                apply_stretch(connection, model, made[model.name], stretch)
        except BaseException:
            failed.set()
            raise

    under_way: deque[tuple[int, list[Future[None]]]] = deque()

    def finish_oldest() -> None:
        end, applied = under_way.popleft()
        for one in applied:
            one.result()
        if progress is not None:
            progress(end, max(size, end))

    size = log.size()
    read = _reading(log, size)
    stretch = read(0)
    with ExitStack() as stack:
        reader, *workers = (
            stack.enter_context(ThreadPoolExecutor(max_workers=1, thread_name_prefix="rebuild"))
            for _ in range(len(models) + 1)
        )
        while stretch.end > stretch.start:
            following = reader.submit(read, stretch.end)
            applied = [
                worker.submit(apply, model, stretch) for worker, model in zip(workers, models, strict=True)
            ]
            under_way.append((stretch.end, applied))
            if len(under_way) > _AHEAD:
                finish_oldest()
            stretch = following.result()
        while under_way:
            finish_oldest()
    return stretch.end


def _reading(log: LogReader, size: int) -> Callable[[int], Stretch]:
    """Return what reads the log on from a place, up to where it reached at first.

    What is appended meanwhile is left to whoever catches up: a busy log would never let a load end.
    """
    window = Window(log, BATCH)
    return lambda start: window.read(start) if start < size else Stretch(start, start, ())


def index_all(connections: Connections, models: Sequence[ReadModel], made: dict[str, str]) -> None:
    """Make the indexes of two read models at a time, for one of them is much larger than the rest."""
    from concurrent.futures import ThreadPoolExecutor

    with ThreadPoolExecutor(max_workers=2, thread_name_prefix="rebuild") as workers:
        for done in [workers.submit(_index, connections, model, made[model.name]) for model in models]:
            done.result()


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
    """Make the build live in place of one of its form; False where readers did not leave in time."""
    import psycopg

    with connections.transaction() as connection:
        try:
            with connection.transaction():
                connection.execute(builds.CLOSE_THE_DOOR)
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
        old = builds.live(connection, model.name, model.version)
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
