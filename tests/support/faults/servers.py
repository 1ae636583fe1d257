"""Servers that can be made to crash, and come back."""

from __future__ import annotations

import contextlib
import random
import signal
import time
from collections.abc import Callable
from pathlib import Path
from types import TracebackType
from typing import Protocol, Self

import psutil
import psycopg

from infrastructure.postgres.embedded import EmbeddedPostgres
from tests.support.postgres_server import PostgresServer

PATIENCE = 60.0
_RECOVERY = "automatic recovery in progress"


class Crashing(Protocol):
    """What the nemesis needs of a server."""

    @property
    def url(self) -> str: ...

    def crash(self, chance: random.Random) -> str:
        """Make it crash, and return when it takes connections again and in which way it was done."""
        ...

    def recoveries(self) -> int:
        """How often it has recovered from a crash by reading its WAL."""
        ...


class CrashingServer(PostgresServer):
    """A server of its own that is stopped at once, killed, or loses one of its processes."""

    def crash(self, chance: random.Random) -> str:
        way = chance.choice(("immediate stop", "kill of the postmaster", "kill of a server process"))
        assert self._process is not None
        postmaster = psutil.Process(self._process.pid)
        before = self.recoveries()
        if way == "kill of a server process":
            with contextlib.suppress(psutil.NoSuchProcess):
                chance.choice(postmaster.children()).kill()
        else:
            children = postmaster.children()
            self.stop(signal.SIGQUIT if way == "immediate stop" else signal.SIGKILL)
            psutil.wait_procs(children, timeout=PATIENCE)  # the orphans see that they are alone, and end
            _insist(self.start)
        _until(lambda: self.recoveries() > before)
        _insist(lambda: psycopg.connect(self.url).close())
        return way

    def recoveries(self) -> int:
        return _recoveries(self.folder / "log")


class EmbeddedServer:
    """Daybook's embedded server, whose supervisor or postmaster is killed."""

    def __init__(self, home: Path) -> None:
        self._server = EmbeddedPostgres(home)

    def __enter__(self) -> Self:
        self.url = self._server.ensure_running()
        return self

    def __exit__(
        self, kind: type[BaseException] | None, error: BaseException | None, trace: TracebackType | None
    ) -> None:
        self._server.stop()
        self._server.detach()

    def crash(self, chance: random.Random) -> str:
        way = chance.choice(("kill of the supervisor", "kill of the supervisor", "kill of the postmaster"))
        status = self._server.status()
        pid = status.supervisor_pid if way == "kill of the supervisor" else status.pid
        assert pid is not None
        victim = psutil.Process(pid)
        victim.kill()
        psutil.wait_procs([victim], timeout=PATIENCE)
        assert self._server.ensure_running() == self.url
        _insist(lambda: psycopg.connect(self.url).close())
        return way

    def recoveries(self) -> int:
        return _recoveries(self._server.log_file)


def _recoveries(log: Path) -> int:
    return log.read_text(encoding="utf-8", errors="replace").count(_RECOVERY) if log.exists() else 0


def _until(true: Callable[[], object]) -> None:
    deadline = time.monotonic() + PATIENCE
    while not true():
        assert time.monotonic() < deadline, "the server did not recover"
        time.sleep(0.02)


def _insist(act: Callable[[], object]) -> None:
    deadline = time.monotonic() + PATIENCE
    while True:
        try:
            act()
        except psycopg.OperationalError:
            if time.monotonic() > deadline:
                raise
            time.sleep(0.05)
        else:
            return
