"""How far behind the log `daybook audit log -f` is, here and through a server.

    python benchmarks/follow.py [--appends 200]

Starts a durable PostgreSQL of its own (fsync on) and a server, follows the log in two processes, and records
renames of a conversation from a third, pausing at random between them. What is measured is the time from the
append's return to the moment at which the line is read from each follower's pipe; beside it, in the same run,
until a bare LISTEN on the same database wakes. Prints one JSON line: milliseconds at the median and the 95th
percentile.
"""

from __future__ import annotations

import argparse
import contextlib
import json
import os
import platform
import queue
import random
import signal
import subprocess
import sys
import tempfile
import threading
import time
from contextlib import ExitStack
from pathlib import Path
from typing import Any

import psycopg

sys.path.insert(0, str(Path(__file__).parents[1]))

from benchmarks.answers import HOST, server, simulator
from benchmarks.machine import fsync_rate
from tests.support.cli_process import Daybook
from tests.support.postgres_server import PostgresServer

_PATIENCE_SECONDS = 30.0
_WARM = 5


class Follower:
    """One process that follows; when each event's line was read from it, by log index."""

    def __init__(self, daybook: Daybook) -> None:
        self.process = daybook.begin("audit", "log", "-f", "--json", "-n", "1")
        self.seen: queue.Queue[tuple[int, float]] = queue.Queue()
        threading.Thread(target=self._read, daemon=True).start()
        self.seen.get(timeout=_PATIENCE_SECONDS)

    def _read(self) -> None:
        assert self.process.stdout is not None
        for line in self.process.stdout:
            at = time.perf_counter()
            self.seen.put((json.loads(line)["log_index"], at))

    def stop(self) -> None:
        """End it as Ctrl-C does."""
        self.process.send_signal(signal.SIGINT)
        try:
            self.process.communicate(timeout=_PATIENCE_SECONDS)
        except subprocess.TimeoutExpired:
            self.process.kill()
            self.process.communicate()


class Bare:
    """A bare LISTEN on the log's channel."""

    def __init__(self, url: str) -> None:
        self._connection = psycopg.connect(url, autocommit=True)
        self._connection.execute("listen daybook_log")
        self.seen: queue.Queue[float] = queue.Queue()
        threading.Thread(target=self._read, daemon=True).start()

    def _read(self) -> None:
        with contextlib.suppress(psycopg.OperationalError):  # the server is stopped in the end
            for _ in self._connection.notifies():
                self.seen.put(time.perf_counter())


def measured(daybook: Daybook, followers: dict[str, Follower], bare: Bare, appends: int) -> dict[str, Any]:
    """Append, and return how long each took to say so, in ms."""
    from application import commands as c
    from bootstrap.host import ProcessHost
    from bootstrap.settings import Settings

    taken: dict[str, list[float]] = {name: [] for name in (*followers, "listen")}
    book = ProcessHost(Settings(daybook.environment)).open_here(lambda _: None)
    try:
        where = book.conversations.newest().conversations[0].id
        for number in range(appends + _WARM):
            time.sleep(random.uniform(0.05, 0.4))
            while not bare.seen.empty():
                bare.seen.get()
            command = c.RenameConversation(
                actor=book.actor, source="cli", conversation_id=where, title=f"Name {number}"
            )
            size = book.commands.handle(command).log_size
            done = time.perf_counter()
            told = {"listen": bare.seen.get(timeout=_PATIENCE_SECONDS)}
            for name, follower in followers.items():
                log_index, told[name] = follower.seen.get(timeout=_PATIENCE_SECONDS)
                assert log_index == size - 1, (name, log_index, size)
            if number >= _WARM:
                for name, at in told.items():
                    taken[name].append(max(0.0, at - done) * 1000)
    finally:
        book.close()
    return {name: _summed(times) for name, times in taken.items()}


def _summed(times: list[float]) -> dict[str, float]:
    times.sort()
    return {
        "p50_ms": round(times[len(times) // 2], 2),
        "p95_ms": round(times[int(len(times) * 0.95)], 2),
    }


def main() -> None:
    """Measure and print."""
    parser = argparse.ArgumentParser(
        description=__doc__, formatter_class=argparse.RawDescriptionHelpFormatter
    )
    parser.add_argument("--appends", type=int, default=200)
    arguments = parser.parse_args()
    with ExitStack() as stack:
        postgres = stack.enter_context(PostgresServer())
        fsyncs = fsync_rate(postgres.folder)
        home = stack.enter_context(tempfile.TemporaryDirectory())
        away = stack.enter_context(tempfile.TemporaryDirectory())
        model_port = stack.enter_context(simulator(rate=0, tokens=5))
        _, port = stack.enter_context(server(postgres.url, model_port, home))
        daybook = Daybook(
            {
                "DAYBOOK_HOME": home,
                "DAYBOOK_DATABASE_URL": postgres.url,
                "DAYBOOK_OLLAMA_URL": f"http://{HOST}:{model_port}",
            }
        )
        daybook("ask", "Follow me")
        there = Daybook({"DAYBOOK_HOME": away, "DAYBOOK_SERVER": f"http://{HOST}:{port}"})
        followers = {"here": Follower(daybook), "through a server": Follower(there)}
        for follower in followers.values():
            stack.callback(follower.stop)
        figures = measured(daybook, followers, Bare(postgres.url), arguments.appends)
    line = {
        "name": "follow",
        "figures": figures,
        "machine": f"{platform.machine()}, {os.cpu_count()} cores, Python {platform.python_version()}",
        "fsyncs_per_s": fsyncs,
        "sizes": {"appends": arguments.appends},
    }
    print(json.dumps(line))


if __name__ == "__main__":
    main()
