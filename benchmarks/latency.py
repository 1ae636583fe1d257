"""How long after a commit a waiting reader has the event and a read model holds it, beside the library's.

    python benchmarks/latency.py [--appends 150] [--rounds 3]

Starts a durable PostgreSQL of its own. Four readers, each a process with a database of its own: one that
LISTENs and reads our log, our pump (all read models), the eventsourcing library's subscription, and its
ProjectionRunner with one table. The writer appends what one question is (three events) to one after the other
and pauses some ten milliseconds between, so every append meets a sleeping reader. Latencies count from the
return of the append; below zero, the reader was there before the writer knew. Prints one JSON line a reader,
then one with the ratios.
"""

import argparse
import json
import multiprocessing
import os
import platform
import random
import statistics
import sys
import threading
import time
from bisect import bisect_left
from collections.abc import Callable
from multiprocessing.connection import Connection
from pathlib import Path
from typing import Any
from uuid import uuid4

import psycopg
from eventsourcing.persistence import Tracking
from eventsourcing.projection import ProjectionRunner

sys.path.insert(0, str(Path(__file__).parents[1]))

from application.ports.log import Origin
from benchmarks.append import fsync_rate
from benchmarks.rebuild import MASTER, Book, Chat, Chats, ChatsProjection, View, question, stock_env, text
from infrastructure.crypto.keyring import Keyring
from infrastructure.postgres.book import PostgresLog
from infrastructure.postgres.database import Database
from infrastructure.postgres.key_store import PostgresKeyStore
from infrastructure.postgres.log import EventLog
from projections.batches import Window
from projections.catalogue import read_models
from projections.pump import Pump
from projections.read_model import ReadModel
from tests.support.postgres_server import PostgresServer, with_database

EVENTS = 3  # what a question appends: a conversation's start, its prompt, the start of the answer

Seen = list[tuple[int, float]]
"""How many events a reader has had, and since when."""


def listening_reader(url: str, stop: threading.Event, seen: Seen) -> None:
    """Wait for our log's notifications and read what is new."""
    database = Database(url)
    log = EventLog(database)
    session = database.session()
    session.execute("listen daybook_log")
    position = 0
    while not stop.is_set():
        rows = log.read(position, 500)
        position += len(rows)
        if rows:
            seen.append((position, time.monotonic()))
        for _ in session.notifies(timeout=0.2, stop_after=1):
            pass
    session.close()


def pump(url: str, stop: threading.Event, seen: Seen) -> None:
    """Run our pump; a position counts when all read models have committed it."""
    database = Database(url)
    keyring = Keyring(PostgresKeyStore(database), lambda: MASTER, lambda: MASTER)
    models = read_models(keyring)
    at: dict[str, int] = {}

    class Timed(Pump):
        def _step(self, model: ReadModel, window: Window) -> tuple[int, bool]:
            position, moved = super()._step(model, window)
            at[model.name] = position
            if moved and len(at) == len(models):
                seen.append((min(at.values()), time.monotonic()))
            return position, moved

    Timed(database, PostgresLog(EventLog(database), keyring), models).run(stop)


def subscription(url: str, stop: threading.Event, seen: Seen) -> None:
    """Follow the library's subscription."""
    app = Chats(env=stock_env(url))
    with app.recorder.subscribe(gt=0) as following:
        threading.Thread(target=lambda: (stop.wait(), following.stop())).start()
        for notification in following:
            seen.append((notification.id, time.monotonic()))
    app.close()


def projection(url: str, stop: threading.Event, seen: Seen) -> None:
    """Run the library's projection runner with one table."""

    class TimedView(View):
        def apply(self, statement: str, values: tuple[Any, ...], tracking: Tracking) -> None:
            super().apply(statement, values, tracking)
            seen.append((tracking.notification_id, time.monotonic()))

    with ProjectionRunner(
        application_class=Chats, projection_class=ChatsProjection, view_class=TimedView, env=stock_env(url)
    ):
        stop.wait()


READERS: dict[str, Callable[[str, threading.Event, Seen], None]] = {
    "listening reader": listening_reader,
    "pump": pump,
    "library's subscription": subscription,
    "library's projection runner": projection,
}


def read_until_told(name: str, url: str, told: Connection) -> None:
    """Be the reader's process: run it until told to stop, then send what it saw."""
    stop = threading.Event()
    seen: Seen = []
    reader = threading.Thread(target=READERS[name], args=(url, stop, seen))
    reader.start()
    told.send("ready")
    told.recv()
    stop.set()
    reader.join(10)
    told.send(seen)


def our_writer(url: str) -> Callable[[], object]:
    """Return what appends a question to our log, sealed and with a data key."""
    book = Book(url)
    return lambda: book.log.save([question()], Origin("benchmark", "cli"))


def stock_writer(url: str) -> Callable[[], object]:
    """Return what saves as many events of the library's aggregate."""
    app = Chats(env=stock_env(url))

    def write() -> None:
        chat = Chat(title=text(4))
        chat.say(uuid4(), text(15))
        chat.say(uuid4(), text(1))
        app.save(chat)

    return write


def latencies(appends: list[tuple[float, float]], seen: Seen) -> list[float]:
    """Set the moments at which a reader had the events against the returns of their appends, in ms."""
    counts = [count for count, _ in seen]
    taken = []
    for number, (_, returned) in enumerate(appends, 1):
        had = bisect_left(counts, number * EVENTS)
        if had == len(seen):
            raise RuntimeError(f"the reader never had event {number * EVENTS}")
        taken.append((seen[had][1] - returned) * 1000)
    return taken


def measure(server: PostgresServer, arguments: argparse.Namespace) -> dict[str, dict[str, float]]:
    """Let every reader wait, and append to each in turns."""
    spawn = multiprocessing.get_context("spawn")
    appends: dict[str, list[tuple[float, float]]] = {name: [] for name in READERS}
    seen: dict[str, Seen] = {}
    writers, ends, processes = {}, {}, {}
    for number, name in enumerate(READERS):
        with psycopg.connect(server.url, autocommit=True) as connection:
            connection.execute(f"create database latency_{number}".encode())
        url = with_database(server.url, f"latency_{number}")
        writers[name] = stock_writer(url) if "library" in name else our_writer(url)
        ends[name], far = spawn.Pipe()
        processes[name] = spawn.Process(target=read_until_told, args=(name, url, far))
        processes[name].start()
        ends[name].recv()
    time.sleep(2)  # readers import and connect
    for _ in range(arguments.rounds):
        for name, write in writers.items():
            for _ in range(arguments.appends):
                began = time.monotonic()
                write()
                appends[name].append((began, time.monotonic()))
                time.sleep(random.uniform(0.005, 0.015))
    time.sleep(0.5)
    for name, end in ends.items():
        end.send("stop")
        seen[name] = end.recv()
        processes[name].join(15)
    figures = {}
    warm = arguments.appends // 10
    for name in READERS:
        ordered = sorted(latencies(appends[name], seen[name])[warm:])
        saves = [returned - began for began, returned in appends[name][warm:]]
        figures[name] = {
            "p50_ms": ordered[len(ordered) // 2],
            "p95_ms": ordered[len(ordered) * 95 // 100],
            "append_p50_ms": statistics.median(saves) * 1000,
        }
    return figures


def main() -> None:
    """Measure and print."""
    parser = argparse.ArgumentParser(
        description=__doc__, formatter_class=argparse.RawDescriptionHelpFormatter
    )
    parser.add_argument("--appends", type=int, default=150)
    parser.add_argument("--rounds", type=int, default=3)
    arguments = parser.parse_args()
    with PostgresServer() as server:
        with psycopg.connect(server.url) as connection:
            version = connection.info.server_version
        common: dict[str, Any] = {
            "machine": f"{platform.machine()}, {os.cpu_count()} cores, Python {platform.python_version()}",
            "postgres": version,
            "fsyncs_per_s": fsync_rate(server.folder),
            "load_1m": os.getloadavg()[0],
            "sizes": {"appends": arguments.appends, "events_an_append": EVENTS},
            "rounds": arguments.rounds,
        }
        figures = measure(server, arguments)
    for name, one in figures.items():
        rounded = {key: round(value, 2) for key, value in one.items()}
        print(json.dumps({"name": f"latency {name}", "figures": rounded, **common}))
    ratios = {
        f"{ours} : {theirs}, {key}": round(figures[ours][key] / figures[theirs][key], 2)
        for ours, theirs in (
            ("listening reader", "library's subscription"),
            ("pump", "library's projection runner"),
        )
        for key in ("p50_ms", "p95_ms")
    }
    print(json.dumps({"name": "latency ratios", "figures": ratios, **common}))


if __name__ == "__main__":
    main()
