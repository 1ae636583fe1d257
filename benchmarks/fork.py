"""How long a fork of a long branch takes, and how long others wait for it.

    python benchmarks/fork.py [--messages 10000] [--times 5]

Starts a durable PostgreSQL of its own (fsync on) with one long conversation. Measured, by the clock: the
command `ForkConversation` (reading, sealing anew and appending the whole branch), the read models catching up
with it, the next command on the fork (`rename`, which folds it once and leaves a snapshot), the longest time
that a writer of another conversation waited for one append meanwhile, the fork's tree with the beginnings of
its messages, and its last 50 messages. Beside them, in the same run, the baseline: recording as many messages
as one append of a conversation that was never copied. Prints one JSON line.
"""

from __future__ import annotations

import argparse
import json
import os
import platform
import sys
import threading
import time
from pathlib import Path
from statistics import median
from typing import Any
from uuid import UUID

import psycopg

sys.path.insert(0, str(Path(__file__).parents[1]))

from application.commands import ForkConversation, RenameConversation
from application.conversations import rename_conversation
from application.forking import fork_conversation
from application.ports.log import Origin
from benchmarks.append import fsync_rate
from benchmarks.load import Writer
from benchmarks.rebuild import conversation
from domain.conversation.conversation import Conversation
from domain.ids import new_id
from projections.reading import Reading
from projections.transcript.queries import TranscriptQueries
from tests.support.postgres_server import PostgresServer, with_database

WHO: dict[str, Any] = {"actor": "benchmark", "source": "cli"}


def seconds(work: Any) -> float:
    """Return how long a call takes."""
    began = time.perf_counter()
    work()
    return time.perf_counter() - began


def longest_wait(writer: Writer, stop: threading.Event) -> list[float]:
    """Append small conversations until told to stop; return what each took."""
    waits = []
    while not stop.is_set():
        small = Conversation.start(new_id(), project_id=None, title="small")
        waits.append(seconds(lambda small=small: writer.book.log.save([small], Origin("other", "cli"))))
        time.sleep(0.002)
    return waits


def one_round(writer: Writer, origin: UUID, leaf: UUID, messages: int) -> dict[str, float]:
    """Record, fork, catch up and look once."""
    made: list[UUID] = []
    recorded = conversation(messages // 2)
    found = {"record": seconds(lambda: writer.book.log.save([recorded], Origin("benchmark", "cli")))}
    writer.book.pump.catch_up()
    stop, waits = threading.Event(), []
    other = threading.Thread(target=lambda: waits.extend(longest_wait(writer, stop)))
    other.start()
    command = ForkConversation(conversation_id=origin, message_id=leaf, **WHO)
    found["fork"] = seconds(lambda: made.append(fork_conversation(writer.services, command).id))
    stop.set()
    other.join()
    found["other_waited"] = max(waits)
    found["catch_up"] = seconds(writer.book.pump.catch_up)
    rename = RenameConversation(conversation_id=made[0], title="Another", **WHO)
    found["first_command"] = seconds(lambda: rename_conversation(writer.services, rename))
    writer.book.pump.catch_up()
    reading = Reading(writer.book.database, lambda: writer.book.pump)
    transcript = TranscriptQueries(reading, writer.book.keyring)
    found["tree"] = seconds(lambda: transcript.tree(made[0], beginnings=True))
    found["last_50"] = seconds(lambda: transcript.branch(made[0], limit=50))
    return found


def main() -> None:
    """Measure and print."""
    parser = argparse.ArgumentParser(
        description=__doc__, formatter_class=argparse.RawDescriptionHelpFormatter
    )
    parser.add_argument("--messages", type=int, default=10_000)
    parser.add_argument("--times", type=int, default=5)
    arguments = parser.parse_args()
    with PostgresServer() as server:
        with psycopg.connect(server.url, autocommit=True) as connection:
            connection.execute("create database book")
        writer = Writer(with_database(server.url, "book"))
        writer.open()
        origin = conversation(arguments.messages // 2)
        writer.book.log.save([origin], Origin("benchmark", "cli"))
        writer.book.pump.catch_up()
        leaf = origin.current_id
        if leaf is None:
            raise AssertionError("it has messages")
        rounds = [one_round(writer, origin.id, leaf, arguments.messages) for _ in range(arguments.times)]
        writer.close()
        figures = {f"{name}_ms": round(median(one[name] for one in rounds) * 1000, 1) for name in rounds[0]}
        figures["fork_over_record"] = round(median(one["fork"] / one["record"] for one in rounds), 2)
        common: dict[str, Any] = {
            "machine": f"{platform.machine()}, {os.cpu_count()} cores, Python {platform.python_version()}",
            "fsyncs_per_s": fsync_rate(server.folder),
            "sizes": {"messages": arguments.messages, "times": arguments.times},
        }
    print(json.dumps({"name": "fork", "figures": figures, **common}))


if __name__ == "__main__":
    main()
