"""The pump: carries events from the log into the read models.

Algorithm. A step takes the row of a live build (FOR UPDATE SKIP LOCKED), reads the log behind its position,
applies what it read and moves the position, all in one transaction: exactly once, whoever pumps. Any process
may pump; the row lets one at a time through, and the others wait for its progress instead of queueing for the
lock.

The log's NOTIFY only wakes `run`; a polling timeout stands behind it, so a lost notification costs a second.
"""

from __future__ import annotations

import logging
import time
from collections.abc import Callable, Sequence
from dataclasses import dataclass
from typing import TYPE_CHECKING

from domain.errors import DaybookError
from domain.event import UnknownEventTypeError
from projections import builds
from projections.batches import Window, apply_stretch
from projections.errors import (
    NewerReadModelError,
    PositionBeyondLogError,
    ReadModelStalledError,
    RebuildUnderWayError,
    UnknownReadModelError,
)
from projections.ports import Connections, LogReader
from projections.read_model import ReadModel

if TYPE_CHECKING:
    import threading

    from projections.rebuild import Progress
    from projections.verify import Verified

_CLAIM = """
select p.schema_name, p.version, b.position,
       set_config('search_path', quote_ident(p.schema_name), true),
       set_config('synchronous_commit', 'off', true)
  from daybook.read_models p
  join daybook.read_model_builds b using (schema_name)
 where p.name = %s and p.version = %s
   for share of p
   for update of b skip locked
"""

_STATUS = """
select p.name, p.version, b.position,
       (select count(*) from daybook.quarantine q where q.schema_name = p.schema_name)
  from daybook.read_models p
  join daybook.read_model_builds b using (schema_name)
"""

_logger = logging.getLogger("daybook.pump")


@dataclass(frozen=True, slots=True)
class ReadModelStatus:
    """How far one read model has come. `lag` is how many events it has still to apply.

    `being_built`: its form is not there yet, as after an upgrade, and that takes a while; queries wait.
    """

    name: str
    version: int
    position: int
    lag: int
    quarantined: int
    being_built: bool = False


@dataclass(frozen=True, slots=True)
class Status:
    """How far all have come."""

    log_size: int
    read_models: tuple[ReadModelStatus, ...]


class Pump:
    """Keeps read models up with the log. Threads may share one."""

    batch_size = 1_000
    bulk_from = (
        10_000  # a read model that is missing for so many events is built in bulk, with its indexes last
    )
    stalled_after = 30.0
    poll_every = 1.0
    gather_for = (
        0.025  # seconds: what comes together is applied together, and not while its author still works
    )
    longest_back_off = 5.0
    clear_every = 60.0

    def __init__(self, connections: Connections, log: LogReader, models: Sequence[ReadModel]) -> None:
        self._connections = connections
        self._log = log
        self._models = {model.name: model for model in models}

    def named(self, names: Sequence[str] | None) -> list[ReadModel]:
        """Return the read models of these names; None: all.

        Raises:
            UnknownReadModelError: there is none of that name.
        """
        if names is None:
            return list(self._models.values())
        for name in names:
            if name not in self._models:
                raise UnknownReadModelError(
                    f"There is no read model {name!r}, only {', '.join(self._models)}. Nothing was changed.",
                    hint="daybook projections status",
                )
        return [self._models[name] for name in dict.fromkeys(names)]

    def catch_up(
        self,
        names: Sequence[str] | None = None,
        at_least: int | None = None,
        stop: threading.Event | None = None,
    ) -> None:
        """Return when these read models have applied `at_least` events (None: all that are in the log now).

        Where `stop` is set meanwhile, return after the batch that is under way.

        Raises:
            PositionBeyondLogError: the log does not hold so many.
            UnknownEventTypeError: the next event is one this Daybook does not know.
            ReadModelStalledError: another process holds a read model and does not move on.
        """
        waiting = self.named(names)
        size = self._log.size()
        if at_least is not None and at_least > size:
            raise beyond(at_least, size)
        target = size if at_least is None else at_least
        window = Window(self._log, self.batch_size)
        patience = _Patience(self.stalled_after)
        while waiting and not (stop is not None and stop.is_set()):
            moved = False
            for model in list(waiting):
                position, mine = self._step(model, window)
                moved = moved or mine
                patience.saw(model.name, position)
                if position >= target:
                    waiting.remove(model)
            if waiting and not moved:
                patience.wait(waiting[0].name)

    def run(self, stop: threading.Event) -> None:
        """Keep all read models up until told to stop; outlives restarts of the database."""
        back_off = 0.1
        while not stop.is_set():
            try:
                self._listen(stop)
            except (UnknownEventTypeError, NewerReadModelError):
                raise
            except Exception as error:  # noqa: BLE001 - whatever it was, the next round tries again
                told = error.message if isinstance(error, DaybookError) else type(error).__name__
                _logger.warning("The pump stopped and tries again in %.1f s: %s", back_off, told)
                stop.wait(back_off)
                back_off = min(back_off * 2, self.longest_back_off)
            else:
                back_off = 0.1

    def status(self) -> Status:
        """Say how far the read models have come."""
        size = self._log.size()
        with self._connections.connection() as connection:
            rows = {row[0]: row[1:] for row in connection.execute(_STATUS) if self._is_ours(row[0], row[1])}
        found = []
        for name, model in self._models.items():
            version, position, quarantined = rows.get(name, (model.version, 0, 0))
            lag = max(0, size - position)
            being_built = name not in rows and lag >= self.bulk_from
            found.append(ReadModelStatus(name, version, position, lag, quarantined, being_built))
        return Status(size, tuple(found))

    def _is_ours(self, name: str, version: int) -> bool:
        return name in self._models and self._models[name].version == version

    def rebuild(self, names: Sequence[str] | None = None, progress: Progress | None = None) -> None:
        """Build these read models (None: all) again from the start, beside the live ones, and switch."""
        from projections.rebuild import rebuild

        rebuild(self._connections, self._log, self.named(names), progress)

    def verify(
        self, names: Sequence[str] | None = None, progress: Progress | None = None
    ) -> tuple[Verified, ...]:
        """Compare these read models (None: all) with a fresh fold of the log; nothing is switched."""
        from projections.verify import verify

        return verify(self._connections, self._log, self, self.named(names), progress)

    def _drop_older(self) -> None:
        """Drop the forms of older releases that no running process uses."""
        for model in self._models.values():
            builds.drop_older(self._connections, model)

    def scrub(self, names: Sequence[str] | None = None) -> bool:
        """Rewrite the live tables of these read models without their dead rows, which hold what was deleted.

        Each table is closed while it is rewritten. False where one was in use for too long.
        """
        from projections.scrubbing import scrub

        self._drop_older()
        return scrub(self._connections, [model.name for model in self.named(names)])

    def _step(self, model: ReadModel, window: Window) -> tuple[int, bool]:
        """Apply a stretch of the log, unless another process does; say where it stands and if it moved."""
        with self._connections.transaction() as connection:
            row = connection.execute(_CLAIM, (model.name, model.version)).fetchone()
            if row is not None:
                schema, _, position = row[:3]
                stretch = window.read(position)
                if stretch.end > position:
                    apply_stretch(connection, model, schema, stretch)
                return stretch.end, stretch.end > position
            now = builds.live(connection, model.name, model.version)
            newest = now or builds.live(connection, model.name)
        if now is not None:
            return now.position, False
        if newest is not None:
            builds.refuse_newer(model, newest.version)
        return self._build(model, first=newest is None)

    def _build(self, model: ReadModel, *, first: bool) -> tuple[int, bool]:
        """Make a read model that is missing, or has an older form."""
        if first and self._log.size() < self.bulk_from:
            builds.found(self._connections, model)
            return 0, True
        from projections.rebuild import rebuild

        try:
            rebuild(self._connections, self._log, [model], None, only_if_needed=True)
        except RebuildUnderWayError:
            return 0, False
        return 0, True

    def _listen(self, stop: threading.Event) -> None:
        with self._connections.alone() as session:
            builds.hold(session, self._models.values())
            session.execute("listen daybook_log")
            seen = -1
            cleared = time.monotonic()
            while not stop.is_set():
                if time.monotonic() - cleared > self.clear_every:
                    cleared = time.monotonic()
                    self._drop_older()
                size = self._log.size()
                if size != seen:
                    self.catch_up(stop=stop)
                    seen = size
                for _ in session.notifies(timeout=self.poll_every / 2, stop_after=1):
                    stop.wait(self.gather_for)


def beyond(at_least: int, size: int) -> PositionBeyondLogError:
    """Say that a query waits for what is not in the log."""
    return PositionBeyondLogError(
        f"The log holds {size} events; a query asked for the state after {at_least}. "
        "That number is of another book, or the log was restored to an earlier state."
    )


class _Patience:
    """Waits for another process's progress, and gives up on one that makes none."""

    def __init__(self, seconds: float, sleep: Callable[[float], None] = time.sleep) -> None:
        self._seconds = seconds
        self._sleep = sleep
        self._seen: dict[str, int] = {}
        self._since = time.monotonic()
        self._pause = 0.001

    def saw(self, name: str, position: int) -> None:
        if self._seen.get(name) != position:
            self._seen[name] = position
            self._since = time.monotonic()
            self._pause = 0.001

    def wait(self, name: str) -> None:
        if time.monotonic() - self._since > self._seconds:
            raise ReadModelStalledError(
                f"The read model {name!r} stands at {self._seen.get(name, 0)} events and does not move on: "
                "another process holds it. The log is safe; what was asked for is in it.",
                hint="daybook projections status",
            )
        self._sleep(self._pause)
        self._pause = min(self._pause * 2, 0.05)
