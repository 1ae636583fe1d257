"""How long commands take on a long conversation, in a process that has just begun and in one that goes on.

    python benchmarks/load.py [--messages 10000] [--times 200] [--fresh 40]

Starts a durable PostgreSQL of its own (fsync on) with two conversations, one of ten messages and a long
one, and measures three commands on each: `ask` (until prompt and start of answer are committed), `end` (of
that answer) and `rename`. Every `--fresh` process carries out one of each, as a call of the command line
would: modules are imported and the book is open, then the first command is timed. Beside them, in the same
run, on the same streams: our `load` with and without a snapshot, and the eventsourcing library's
`repository.get` over our recorder, which is the baseline.
Processor time of our process is given beside the clock's, for a machine that others keep busy. Prints one
JSON line a measurement, then one with the ratios.
"""

from __future__ import annotations

import argparse
import json
import os
import platform
import subprocess
import sys
import time
from collections.abc import Callable
from pathlib import Path
from typing import Any
from uuid import UUID

import psycopg
from eventsourcing.application import Repository
from eventsourcing.persistence import EventStore

sys.path.insert(0, str(Path(__file__).parents[1]))

from application.commands import AskQuestion, RenameConversation
from application.conversations import Asked, ask_question, rename_conversation
from application.deciding import settle
from application.ports.log import Origin
from application.services import Services
from benchmarks.append import fsync_rate
from benchmarks.rebuild import Book, conversation
from domain.conversation.conversation import Conversation
from infrastructure.postgres.codec import DaybookMapper
from infrastructure.postgres.live import PostgresLiveAnswers
from infrastructure.postgres.log import EventLog
from infrastructure.postgres.model_memory import PostgresModelMemory
from infrastructure.postgres.recorder import DaybookAggregateRecorder
from infrastructure.postgres.turns import PostgresTurns
from infrastructure.read_model_memory import ReadModelMemory
from projections.conversations.queries import ConversationQueries
from projections.projects.queries import ProjectQueries
from projections.reading import Reading
from projections.routines.queries import RoutineQueries
from projections.transcript.queries import TranscriptQueries
from tests.support.postgres_server import PostgresServer, with_database

WHO: dict[str, Any] = {"actor": "benchmark", "source": "cli"}
ORIGIN = Origin("benchmark", "cli")
Taken = tuple[float, float]
COMMANDS = ("ask", "end", "rename")
END: dict[str, Any] = {
    "text": "word " * 80,
    "thinking": "word " * 40,
    "reason": "stop",
    "model_digest": "sha256:0",
    "prompt_tokens": 20,
    "completion_tokens": 160,
    "total_ms": 1000.0,
    "load_ms": None,
    "prompt_eval_ms": 10.0,
    "eval_ms": 900.0,
    "first_token_ms": 90.0,
}


class Writer:
    """The write side of a book, wired as the program wires it."""

    def __init__(self, url: str) -> None:
        self.book = Book(url)
        keyring = self.book.keyring
        reading = Reading(self.book.database, lambda: self.book.pump, erasures=keyring.noticed)
        self.live = PostgresLiveAnswers(self.book.database, keyring)
        self.services = Services(
            log=self.book.log,
            memory=ReadModelMemory(
                TranscriptQueries(reading, keyring),
                ProjectQueries(reading, keyring),
                ConversationQueries(reading, keyring),
                RoutineQueries(reading, keyring),
            ),
            live=self.live,
            models=PostgresModelMemory(self.book.database),
            turns=PostgresTurns(self.book.database, self.live, "a model server", most=16, longest=1000),
            default_model="deepseek-r1:8b",
            context_length=8192,
        )
        self.asked: Asked | None = None

    def open(self) -> None:
        """Do what every call of the command line does before its command."""
        self.book.keyring.unlock()
        self.book.pump.catch_up()
        self.live.own()

    def ask(self, conversation_id: UUID) -> None:
        """Record a prompt and the start of its answer."""
        self.asked = ask_question(
            self.services, AskQuestion(text="And then?", conversation_id=conversation_id, **WHO)
        )

    def end(self, conversation_id: UUID) -> None:
        """Record the end of the answer begun last."""
        asked = self.asked
        if asked is None:
            raise ValueError("ask first")
        settle(
            self.book.log,
            Conversation,
            conversation_id,
            lambda one: one.complete_answer(asked.answer_id, **END),
            ORIGIN,
        )

    def rename(self, conversation_id: UUID) -> None:
        """Record another title."""
        rename_conversation(
            self.services, RenameConversation(conversation_id=conversation_id, title="Another title", **WHO)
        )

    def taken(self, conversation_id: UUID) -> dict[str, Taken]:
        """Carry out each command once; return what each took.

        The read models are brought up to date before each: that takes as long for any conversation.
        """
        found = {}
        for name in COMMANDS:
            self.book.pump.catch_up()
            found[name] = timed(getattr(self, name), conversation_id)
        return found

    def close(self) -> None:
        """Let go of the database."""
        self.live.close()
        self.book.database.close()


def timed(work: Callable[..., object], *arguments: object) -> Taken:
    """Return the milliseconds that it takes, on the clock and of our processor time."""
    began, used = time.perf_counter(), time.process_time()
    work(*arguments)
    return (time.perf_counter() - began) * 1000, (time.process_time() - used) * 1000


def percentiles(taken: list[Taken]) -> dict[str, float]:
    """Return median and 95th percentile, and the median of processor time."""
    clock, used = (sorted(one[place] for one in taken) for place in (0, 1))
    return {
        "p50_ms": round(clock[len(clock) // 2], 2),
        "p95_ms": round(clock[min(len(clock) - 1, len(clock) * 95 // 100)], 2),
        "cpu_p50_ms": round(used[len(used) // 2], 2),
    }


def in_fresh_process(url: str, conversation_id: UUID) -> dict[str, Taken]:
    """Carry out each command once in a process of its own."""
    call = [sys.executable, __file__, "--as-fresh", url, str(conversation_id)]
    found: dict[str, Taken] = json.loads(subprocess.run(call, check=True, capture_output=True).stdout)
    return found


def as_fresh(url: str, conversation_id: UUID) -> None:
    """Be that process."""
    writer = Writer(url)
    writer.open()
    print(json.dumps(writer.taken(conversation_id)))
    writer.close()


def forget_snapshots(book: Book) -> None:
    """Throw away what spares loading whole streams."""
    with book.database.connection() as connection:
        connection.execute("delete from daybook.snapshots")


def measured(url: str, arguments: argparse.Namespace) -> dict[str, dict[str, float]]:
    """Return percentiles by measurement."""
    writer = Writer(url)
    book = writer.book
    streams = {"long": conversation(arguments.messages // 2), "short": conversation(5)}
    for made in streams.values():
        book.log.save([made], ORIGIN)
    writer.open()
    library = Repository(EventStore(DaybookMapper(), DaybookAggregateRecorder(EventLog(book.database))))
    loads: dict[str, list[Taken]] = {}
    for name, made in streams.items():
        for _ in range(arguments.loads):
            forget_snapshots(book)
            for how, taken in (
                ("library's get", timed(library.get, made.id)),
                ("load without snapshot", timed(book.log.load, Conversation, made.id)),
                ("load", timed(book.log.load, Conversation, made.id)),
            ):
                loads.setdefault(f"{how}, {name}", []).append(taken)
    commands: dict[str, list[Taken]] = {}
    for place in ("fresh", "warm"):
        for _ in range(arguments.fresh if place == "fresh" else arguments.times):
            for name, made in streams.items():
                found = in_fresh_process(url, made.id) if place == "fresh" else writer.taken(made.id)
                for command, taken in found.items():
                    commands.setdefault(f"{command}, {place}, {name}", []).append(taken)
    writer.close()
    return {name: percentiles(taken) for name, taken in {**loads, **commands}.items()}


def main() -> None:
    """Measure and print."""
    parser = argparse.ArgumentParser(
        description=__doc__, formatter_class=argparse.RawDescriptionHelpFormatter
    )
    parser.add_argument("--messages", type=int, default=10_000)
    parser.add_argument("--times", type=int, default=200)
    parser.add_argument("--fresh", type=int, default=40)
    parser.add_argument("--loads", type=int, default=10)
    parser.add_argument("--as-fresh", nargs=2, metavar=("URL", "CONVERSATION"), help=argparse.SUPPRESS)
    arguments = parser.parse_args()
    if arguments.as_fresh:
        as_fresh(arguments.as_fresh[0], UUID(arguments.as_fresh[1]))
        return
    with PostgresServer() as server:
        with psycopg.connect(server.url, autocommit=True) as connection:
            version = connection.info.server_version
            connection.execute("create database ours")
        common: dict[str, Any] = {
            "machine": f"{platform.machine()}, {os.cpu_count()} cores, Python {platform.python_version()}",
            "postgres": version,
            "fsyncs_per_s": fsync_rate(server.folder),
            "sizes": {"messages": arguments.messages, "times": arguments.times, "fresh": arguments.fresh},
        }
        figures = measured(with_database(server.url, "ours"), arguments)
    for name, found in figures.items():
        print(json.dumps({"name": f"load: {name}", "figures": found, **common}))
    baseline = figures["library's get, long"]
    ratios = {}
    for figure in ("p50_ms", "cpu_p50_ms"):
        for how in ("load", "load without snapshot"):
            ratio = figures[f"{how}, long"][figure] / baseline[figure]
            ratios[f"{how}, long, of the library's get: {figure}"] = round(ratio, 4)
        for command in COMMANDS:
            for place in ("fresh", "warm"):
                long, short = (figures[f"{command}, {place}, {size}"][figure] for size in ("long", "short"))
                ratios[f"{command}, {place}, long times short: {figure}"] = round(long / short, 2)
    print(json.dumps({"name": "load: ratios", "figures": ratios, **common}))


if __name__ == "__main__":
    main()
