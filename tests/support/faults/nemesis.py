"""Starts the processes of a run and does them harm: SIGKILL, SIGSTOP, crashes of the server, by a seed.

Whoever dies is started again at once as its next incarnation. A process that ends by itself, other than by
its own fuse, is a finding.
"""

from __future__ import annotations

import collections
import heapq
import logging
import multiprocessing
import multiprocessing.connection
import os
import random
import signal
import threading
import time
from collections.abc import Callable, Mapping
from dataclasses import dataclass, field
from multiprocessing.process import BaseProcess
from pathlib import Path
from typing import Any

import psycopg

from tests.support.faults.journal import failures, guarded
from tests.support.faults.servers import Crashing

# A fork server that has imported everything: a process costs milliseconds, so thousands can be killed.
CONTEXT = multiprocessing.get_context("forkserver")
CONTEXT.set_forkserver_preload(
    [
        "tests.support.faults.books",
        "tests.support.faults.readers",
        "tests.support.faults.writers",
        "cryptography.hazmat.primitives.ciphers.aead",  # what these import when they need it
        "eventsourcing.persistence",
        "infrastructure.postgres.codec",
        "infrastructure.postgres.recorder",
        "infrastructure.proofs.signing",
        "psycopg.types.array",
    ]
)

Work = Callable[..., None]

_SESSIONS = """
select pid from pg_stat_activity
 where datname = current_database() and pid <> pg_backend_pid() and backend_type = 'client backend'
 order by pid
"""


@dataclass
class Slot:
    """A place that always has a process: `journal` tells, by having grown, that it has begun its work."""

    kind: str
    work: Work
    arguments: Callable[[int], tuple[Any, ...]]
    journal: Callable[[int], Path]
    incarnation: int = 0
    process: BaseProcess | None = None
    size_at_start: int = 0

    def at_work(self) -> bool:
        path = self.journal(self.incarnation)
        return path.exists() and path.stat().st_size > self.size_at_start


@dataclass
class Harm:
    """What is still to be done, and what was done."""

    kills: collections.Counter[str]
    stops: int
    cuts: int
    crashes: int
    killed: collections.Counter[str] = field(default_factory=collections.Counter)
    by_own_fuse: collections.Counter[str] = field(default_factory=collections.Counter)
    stopped: int = 0
    cut: int = 0
    crashed: collections.Counter[str] = field(default_factory=collections.Counter)

    def owed(self) -> int:
        return self.kills.total() + self.stops + self.cuts + self.crashes


class Nemesis:
    """Runs the slots."""

    def __init__(
        self, slots: list[Slot], server: Crashing, url: str, folder: Path, seed: int, harm: Harm, pace: float
    ) -> None:
        self._slots = slots
        self._server = server
        self._url = url
        self._folder = folder
        self._chance = random.Random(f"{seed} nemesis")
        self.harm = harm
        self._pace = pace
        self._to_wake: list[tuple[float, int]] = []
        self._incarnations = 0
        self.problems: list[str] = []

    def rage(self, enough: Callable[[], bool], most_seconds: float) -> None:
        """Do what is owed, and go on without harm until there is enough."""
        deadline = time.monotonic() + most_seconds
        while self.harm.owed() or not enough():
            if time.monotonic() > deadline:
                return
            self._revive()
            if self.problems:
                return
            time.sleep(self._chance.random() * 2 * self._pace)
            self._wake(time.monotonic())
            self._strike()

    def finish(self, seconds: float = 120.0) -> None:
        """Let everybody end in peace: first who writes, then who reads."""
        self._wake(float("inf"))
        (self._folder / "stop").touch()
        self._join([slot for slot in self._slots if slot.kind != "tail"], seconds)
        (self._folder / "drain").touch()
        self._revive(only="tail")
        self._join([slot for slot in self._slots if slot.kind == "tail"], 20 * seconds)
        self.problems += failures(self._folder)

    def end(self) -> None:
        """Kill whatever is left."""
        for slot in self._slots:
            if slot.process is not None and slot.process.is_alive():
                slot.process.kill()
                slot.process.join()

    def _strike(self) -> None:
        harm = self.harm
        ways = {"crash": harm.crashes, "cut": harm.cuts, "stop": harm.stops, "kill": harm.kills.total()}
        if not any(ways.values()):
            return
        [way] = self._chance.choices(list(ways), list(ways.values()))
        if way == "crash":
            harm.crashes -= 1
            harm.crashed[self._server.crash(self._chance)] += 1
            return
        if way == "cut":
            done = self._cut()
            harm.cuts -= done
            harm.cut += done
            return
        kinds = harm.kills if way == "kill" else {slot.kind: 1 for slot in self._slots}
        slot = self._victim(kinds)
        if slot is None or slot.process is None or slot.process.pid is None:
            return
        if way == "kill":
            slot.process.kill()
            slot.process.join()
            harm.kills[slot.kind] -= 1
            harm.killed[slot.kind] += 1
            slot.process = None
        else:
            os.kill(slot.process.pid, signal.SIGSTOP)
            harm.stops -= 1
            harm.stopped += 1
            pause = 0.05 + self._chance.random() ** 3  # most are short, some a second
            heapq.heappush(self._to_wake, (time.monotonic() + pause, slot.process.pid))

    def _cut(self) -> bool:
        """End one client's session on the server, whatever it is doing."""
        with psycopg.connect(self._url, autocommit=True) as connection:
            pids = [row[0] for row in connection.execute(_SESSIONS)]
            return bool(pids) and bool(
                connection.execute("select pg_terminate_backend(%s)", (self._chance.choice(pids),)).fetchone()
            )

    def _victim(self, kinds: Mapping[str, int]) -> Slot | None:
        able = [slot for slot in self._slots if kinds.get(slot.kind, 0) > 0 and slot.at_work()]
        return self._chance.choices(able, [kinds[slot.kind] for slot in able])[0] if able else None

    def _wake(self, now: float) -> None:
        while self._to_wake and self._to_wake[0][0] <= now:
            _, pid = heapq.heappop(self._to_wake)
            if any(slot.process is not None and slot.process.pid == pid for slot in self._slots):
                os.kill(pid, signal.SIGCONT)

    def _revive(self, only: str | None = None) -> None:
        for slot in self._slots:
            if only is not None and slot.kind != only:
                continue
            if slot.process is not None and not slot.process.is_alive():
                self._bury(slot)
            if slot.process is None:
                self._incarnations += 1
                slot.incarnation = self._incarnations
                path = slot.journal(slot.incarnation)
                slot.size_at_start = path.stat().st_size if path.exists() else 0
                slot.process = CONTEXT.Process(
                    target=begun, args=(slot.work, self._folder, slot.arguments(slot.incarnation))
                )
                slot.process.start()

    def _bury(self, slot: Slot) -> None:
        assert slot.process is not None
        slot.process.join()
        if slot.process.exitcode == -signal.SIGKILL:
            self.harm.by_own_fuse[slot.kind] += 1
            if self.harm.kills[slot.kind] > 0:
                self.harm.kills[slot.kind] -= 1
        else:
            self.problems.append(f"{slot.kind} {slot.incarnation} ended by itself ({slot.process.exitcode})")
        slot.process = None

    def _join(self, slots: list[Slot], seconds: float) -> None:
        deadline = time.monotonic() + seconds
        for slot in slots:
            if slot.process is None:
                continue
            slot.process.join(max(0.0, deadline - time.monotonic()))
            if slot.process.is_alive():
                self.problems.append(f"{slot.kind} {slot.incarnation} did not end")
            elif slot.process.exitcode != 0:
                self._bury(slot)


def begun(work: Work, folder: Path, arguments: tuple[Any, ...]) -> None:
    """Do a process's work, in the process."""
    threading.Thread(target=_die_with_the_run, daemon=True).start()
    logging.disable()  # a pump that meets a crash says so each time
    guarded(folder, work, *arguments)


def _die_with_the_run() -> None:
    """Leave nobody behind when a run is broken off."""
    run = multiprocessing.parent_process()
    assert run is not None
    multiprocessing.connection.wait([run.sentinel])
    os.kill(os.getpid(), signal.SIGKILL)
