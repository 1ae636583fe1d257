"""How long a view of the past takes, beside the same view of now.

    python benchmarks/as_of.py [--events 1000000] [--rounds 200] [--long 5000]

Starts a durable PostgreSQL of its own (fsync on) and appends conversations of ten messages through the real
log until it holds so many events, one of `--long` exchanges among them; read models are built. Then it shows
conversations as of random moments of their lives (summary and last fifty messages), lists the newest twenty
and searches as of random moments of the log, each in turn with the same question about now. Prints one JSON
line: milliseconds at the median and the 95th percentile, then and now.
"""

from __future__ import annotations

import argparse
import json
import os
import platform
import random
import sys
import time
from collections.abc import Callable
from pathlib import Path
from typing import Any
from uuid import UUID

import psycopg

sys.path.insert(0, str(Path(__file__).parents[1]))

from benchmarks import rebuild
from benchmarks.machine import fsync_rate
from benchmarks.rebuild import Book
from infrastructure.postgres.history import PostgresHistory
from projections.conversations.queries import ConversationQueries
from projections.conversations.wanted import Wanted
from projections.past.view import Past, View
from projections.reading import Reading
from projections.search.queries import SearchQueries
from projections.transcript.queries import TranscriptQueries
from tests.support.postgres_server import PostgresServer, with_database

A_SAVE = 60


def fill(book: Book, events: int, long: int) -> dict[UUID, list[int]]:
    """Append conversations; return the log indexes at which those that are asked for begin and end."""
    from application.ports.log import Origin

    origin = Origin("benchmark", "cli")
    rebuild.EXCHANGES = 5
    pool = [rebuild.text(length) for length in (4, 15, 40, 80) for _ in range(500)]
    by_length = {length: [one for one in pool if len(one.split()) == length] for length in (4, 15, 40, 80)}
    rebuild.text = lambda length: random.choice(by_length[length])  # making them up anew takes longest
    asked = {}
    made = rebuild.conversation(long)
    book.log.save([made], origin)
    asked[made.id] = [0, book.log.size() - 1]
    while (size := book.log.size()) < events:
        some = [rebuild.conversation(rebuild.EXCHANGES) for _ in range(A_SAVE)]
        counts = [one.version for one in some]
        book.log.save(some, origin)
        asked[some[0].id] = [size, size + counts[0] - 1]
    return asked


def taken(ask: Callable[[], object]) -> float:
    """Return the milliseconds that a question takes."""
    began = time.perf_counter()
    ask()
    return (time.perf_counter() - began) * 1000


def main() -> None:
    """Measure and print."""
    parser = argparse.ArgumentParser(
        description=__doc__, formatter_class=argparse.RawDescriptionHelpFormatter
    )
    parser.add_argument("--events", type=int, default=1_000_000)
    parser.add_argument("--rounds", type=int, default=200)
    parser.add_argument("--long", type=int, default=5_000)
    arguments = parser.parse_args()
    random.seed(1)
    with PostgresServer() as server:
        with psycopg.connect(server.url, autocommit=True) as connection:
            version = connection.info.server_version
            connection.execute("create database ours")
        book = Book(with_database(server.url, "ours"))
        asked = fill(book, arguments.events, arguments.long)
        book.pump.catch_up()
        with book.database.connection() as connection:
            connection.execute("vacuum analyze")
        reading = Reading(book.database, lambda: book.pump)
        past = Past(reading, PostgresHistory(book.database), book.keyring)
        conversations = ConversationQueries(reading, book.keyring)
        transcript = TranscriptQueries(reading, book.keyring)
        search = SearchQueries(reading, book.keyring)
        long, *others = asked

        def shown(one: UUID, view: View | None) -> None:
            (conversations if view is None else view.conversations).get(one)
            (transcript if view is None else view.transcript).branch(one, limit=50)

        times: dict[str, list[float]] = {}

        def measure(name: str, then: Callable[[], object], now: Callable[[], object]) -> None:
            times.setdefault(f"{name}, then", []).append(taken(then))
            times.setdefault(f"{name}, now", []).append(taken(now))

        for turn in range(arguments.rounds):
            one = random.choice(others)
            moment = random.randint(*asked[one])
            measure("show", lambda o=one, m=moment: shown(o, past.at(m)), lambda o=one: shown(o, None))
            if turn % 10 == 0:
                at = random.randint(*asked[long])
                measure("show long", lambda m=at: shown(long, past.at(m)), lambda: shown(long, None))
                at = random.randrange(book.log.size())
                measure(
                    "list",
                    lambda m=at: past.at(m).conversations.listed(Wanted(), limit=20),
                    lambda: conversations.listed(limit=20),
                )
                measure(
                    "search",
                    lambda m=at: past.at(m).search.search("word7", limit=20),
                    lambda: search.search("word7", limit=20),
                )
        figures: dict[str, Any] = {}
        for name, found in times.items():
            found.sort()
            figures[name] = {
                "p50_ms": round(found[len(found) // 2], 2),
                "p95_ms": round(found[min(len(found) - 1, len(found) * 95 // 100)], 2),
            }
        print(
            json.dumps(
                {
                    "name": "as_of",
                    "figures": figures,
                    "machine": f"{platform.machine()}, {os.cpu_count()} cores, "
                    f"Python {platform.python_version()}",
                    "postgres": version,
                    "fsyncs_per_s": fsync_rate(server.folder),
                    "sizes": {"events": book.log.size(), "conversations": len(asked), "long": arguments.long},
                }
            )
        )


if __name__ == "__main__":
    main()
