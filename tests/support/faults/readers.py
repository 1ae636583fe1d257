"""Processes that read: the real pump and rebuilds of a small read model, and a tail of the log.

The journal of a tail: `r START END DIGEST` after each batch, the digest being SHA-256 over its event ids; `!`
where a batch was not what must follow. The next incarnation goes on where the journal of its slot ends.
"""

from __future__ import annotations

import contextlib
import hashlib
import os
import random
import signal
import threading
import time
from collections.abc import Callable
from pathlib import Path
from uuid import UUID

from application.errors import DatabaseError
from infrastructure.postgres.database import Database
from infrastructure.postgres.log import EventLog, LogRow
from projections import rebuild
from projections.errors import ReadModelStalledError, RebuildUnderWayError
from projections.pump import Pump
from tests.support.faults.journal import Journal, entries
from tests.support.faults.ledger import Ledger
from tests.support.write_side import log_on


def fuse(chance: random.Random, likely: float) -> Callable[[], None]:
    """Return what kills its own process now and then: for moments that no signal from outside would hit."""

    def burn() -> None:
        if chance.random() < likely:
            os.kill(os.getpid(), signal.SIGKILL)

    return burn


def pump(url: str, folder: Path, incarnation: int, seed: int, likely: float, batch: int) -> None:
    """Keep the ledger up with the log; sometimes die in the middle of a batch."""
    chance = random.Random(f"{seed} pump {incarnation}")
    database = Database(url)
    pump = Pump(database, log_on(database), [Ledger(fuse(chance, likely))])
    pump.batch_size = batch
    pump.longest_back_off = 0.3
    stop = threading.Event()
    Journal(folder / f"pump-{incarnation}.txt").note("?")
    threading.Thread(target=_watch, args=(folder / "stop", stop), daemon=True).start()
    pump.run(stop)


def build(url: str, folder: Path, incarnation: int, seed: int, likely: float, pause: float) -> None:
    """Rebuild the ledger again and again, or die in the middle."""
    chance = random.Random(f"{seed} build {incarnation}")
    database = Database(url)
    pump = Pump(database, log_on(database), [Ledger(fuse(chance, likely))])
    rebuild.BATCH = 2_000
    journal = Journal(folder / f"build-{incarnation}.txt")
    while not (folder / "stop").exists():
        journal.note("?")
        with contextlib.suppress(DatabaseError, RebuildUnderWayError, ReadModelStalledError):
            pump.rebuild()
            journal.note("+")
        time.sleep(chance.random() * 2 * pause)


def tail(url: str, folder: Path, slot: int, seed: int, most: int) -> None:
    """Follow the log until `folder/drain` exists and nothing is left."""
    path = folder / f"tail-{slot}.txt"
    written = [int(line[2]) for line in entries(path) if line[0] == "r"]
    at = written[-1] if written else 0
    chance = random.Random(f"{seed} tail {slot} {at}")
    log = EventLog(Database(url))
    journal = Journal(path)
    order = _Order(at)
    while True:
        last = (folder / "drain").exists()
        try:
            rows = log.read(at, chance.randint(1, most))
        except DatabaseError:
            time.sleep(0.02)
            continue
        if wrong := order.broken_by(rows):
            journal.note("!", wrong)
            return
        if rows:
            digest = hashlib.sha256(b"".join(row.event_id.bytes for row in rows)).hexdigest()
            journal.note("r", at, at + len(rows), digest)
            at += len(rows)
        elif last:
            return
        else:
            time.sleep(0.005)


class _Order:
    """What must follow what a tail was shown."""

    def __init__(self, start: int) -> None:
        self._next = start
        self._versions: dict[UUID, int] = {}
        self._time = None

    def broken_by(self, rows: list[LogRow]) -> str:
        """Return in words what is wrong with the rows that came next, or nothing."""
        for row in rows:
            if row.log_index != self._next:
                return f"{row.log_index} came where {self._next} was next"
            before = self._versions.get(row.stream_id)
            if before is not None and row.version != before + 1:
                return f"{row.log_index}: version {row.version} follows {before}"
            if self._time is not None and row.time < self._time:
                return f"{row.log_index}: its time runs backwards"
            self._next += 1
            self._versions[row.stream_id] = row.version
            self._time = row.time
        return ""


def _watch(path: Path, stop: threading.Event) -> None:
    while not path.exists():
        time.sleep(0.05)
    stop.set()
