"""How fast read models are built from the start, beside the library's ProjectionRunner on the same server.

    python benchmarks/rebuild.py [--events 100000] [--stock-events 10000] [--rounds 3] [--messages 0]

Starts a durable PostgreSQL of its own (fsync on). A book of conversations (a start, then a prompt, an
answer's start and its end, ten times) is appended through the real log, with real keys. `plain` rebuilds
`conversations`, which the stock runner builds in a table of the same kind from events of the same kinds, one
transaction an event: that is how it works, and its rate does not depend on their number, so it gets fewer.
`all` rebuilds every read model, search included.
Garbage is looked for as seldom as in `daybook`. `--messages` adds queries on a book of so many messages: the
last fifty of a long conversation, and searches. Prints one JSON line a measurement, then one with the ratios.
"""

import argparse
import gc
import json
import os
import platform
import random
import statistics
import sys
import time
from collections.abc import Callable
from pathlib import Path
from typing import Any, ClassVar
from uuid import UUID, uuid4

import psycopg
from eventsourcing.application import Application
from eventsourcing.domain import Aggregate, event
from eventsourcing.persistence import Tracking
from eventsourcing.postgres import PostgresTrackingRecorder  # noqa: TID251 - the stock one, to compare with
from eventsourcing.projection import Projection, ProjectionRunner
from psycopg.sql import SQL

sys.path.insert(0, str(Path(__file__).parents[1]))

from application.ports.log import Origin
from benchmarks.machine import fsync_rate
from bootstrap.main import GARBAGE_THRESHOLDS
from domain.conversation.conversation import Conversation
from domain.ids import new_id
from infrastructure.crypto.keyring import Keyring
from infrastructure.postgres.book import PostgresLog
from infrastructure.postgres.database import Database
from infrastructure.postgres.key_store import PostgresKeyStore
from infrastructure.postgres.log import EventLog
from infrastructure.postgres.migrate import migrate
from projections.catalogue import read_models
from projections.pump import Pump
from projections.reading import Reading
from projections.search.queries import SearchQueries
from projections.transcript.queries import TranscriptQueries
from tests.support.postgres_server import PostgresServer, with_database

EXCHANGES = 10
WORDS = [f"word{number}" for number in range(20_000)]
MASTER = bytes(32)


def text(length: int) -> str:
    """Return made-up words, few of them common and most of them rare."""
    return " ".join(WORDS[int(len(WORDS) * random.random() ** 3)] for _ in range(length))


def conversation(exchanges: int) -> Conversation:
    """Return a conversation that was not appended yet."""
    made = Conversation.start(new_id(), project_id=None, title=text(4))
    for _ in range(exchanges):
        complete(made, ask(made, text(15)), text(80), text(40))
    return made


def question() -> Conversation:
    """Return a conversation whose first answer has just begun."""
    made = Conversation.start(new_id(), project_id=None, title=text(4))
    ask(made, text(15))
    return made


def ask(conversation: Conversation, prompt: str) -> UUID:
    """Add a prompt and begin its answer; return the answer's id."""
    prompt_id, answer_id = new_id(), new_id()
    conversation.add_prompt(prompt_id, prompt, parent_id=conversation.current_id)
    conversation.start_answer(
        answer_id,
        prompt_id=prompt_id,
        owner_id=new_id(),
        model="deepseek-r1:8b",
        context_length=8192,
        sent_message_ids=(prompt_id,),
        cut_count=0,
        instructions_project_id=None,
        instructions_version=None,
        think=None,
        request_hash=bytes(32),
        options={"temperature": 0.6},
    )
    return answer_id


def complete(conversation: Conversation, answer_id: UUID, answer: str, thinking: str) -> None:
    """End an answer."""
    conversation.complete_answer(
        answer_id,
        text=answer,
        thinking=thinking,
        reason="stop",
        model_digest="sha256:0",
        prompt_tokens=20,
        completion_tokens=160,
        total_ms=1000.0,
        load_ms=None,
        prompt_eval_ms=10.0,
        eval_ms=900.0,
        first_token_ms=90.0,
    )


class Book:
    """A book with its log, keys and pump."""

    def __init__(self, url: str) -> None:
        self.database = Database(url)
        migrate(self.database)
        self.keyring = Keyring(PostgresKeyStore(self.database), lambda: MASTER, lambda: MASTER)
        self.log = PostgresLog(EventLog(self.database), self.keyring)
        self.pump = Pump(self.database, self.log, read_models(self.keyring))

    def fill(self, events: int) -> None:
        """Append conversations until the log holds so many events."""
        origin = Origin("benchmark", "cli")
        while self.log.size() < events:
            self.log.save([conversation(EXCHANGES) for _ in range(30)], origin)

    def rebuilt(self, names: list[str] | None) -> float:
        """Rebuild, with a keyring that knows no key yet; return events a second."""
        fresh = Book.__new__(Book)
        fresh.keyring = Keyring(PostgresKeyStore(self.database), lambda: MASTER, lambda: MASTER)
        log = PostgresLog(EventLog(self.database), fresh.keyring)
        began = time.perf_counter()
        Pump(self.database, log, read_models(fresh.keyring)).rebuild(names)
        return self.log.size() / (time.perf_counter() - began)


class Chat(Aggregate):
    """The stock library's aggregate of the same shape."""

    @event("Started")
    def __init__(self, title: str) -> None:
        self.title = title

    @event("Said")
    def say(self, message_id: UUID, text: str) -> None:
        """Stand for a prompt, an answer's start and its end alike."""


class Chats(Application[UUID]):
    """The stock application."""


class View(PostgresTrackingRecorder):
    """A table of conversations with counts, kept as the library's documentation shows."""

    def __init__(self, datastore: Any, **kwargs: Any) -> None:
        super().__init__(datastore, **kwargs)
        self.sql_create_statements.append(
            SQL(
                "create table if not exists chats (id uuid primary key, title text, said int, last_id bigint)"
            )
        )

    def apply(self, statement: str, values: tuple[Any, ...], tracking: Tracking) -> None:
        """Execute a statement and move the tracking in one transaction."""
        with self.datastore.transaction(commit=True) as cursor:
            self._insert_tracking(cursor, tracking)
            cursor.execute(statement.encode(), values, prepare=True)


class ChatsProjection(Projection[View]):
    """The stock projection."""

    name: ClassVar[str] = "chats"
    topics: ClassVar[tuple[str, ...]] = ()

    def process_event(self, domain_event: Any, tracking: Tracking) -> None:
        """Apply one event."""
        if isinstance(domain_event, Chat.Started):
            values = (domain_event.originator_id, domain_event.title, tracking.notification_id)
            self.view.apply("insert into chats values (%s, %s, 0, %s)", values, tracking)
        else:
            values = (tracking.notification_id, domain_event.originator_id)
            self.view.apply("update chats set said = said + 1, last_id = %s where id = %s", values, tracking)


def stock_env(url: str) -> dict[str, str]:
    """Return what the library's application needs to know of a database."""
    with psycopg.connect(url) as connection:
        return {
            "PERSISTENCE_MODULE": "eventsourcing.postgres",
            "POSTGRES_DBNAME": connection.info.dbname,
            "POSTGRES_HOST": connection.info.host,
            "POSTGRES_PORT": str(connection.info.port),
            "POSTGRES_USER": connection.info.user,
            "POSTGRES_PASSWORD": "none",
        }


def stock(url: str, events: int) -> Callable[[], float]:
    """Record events in the stock way; return what measures the runner on them."""
    env = stock_env(url)
    app = Chats(env=env)
    made = 0
    while made < events:
        chat = Chat(title=text(4))
        for _ in range(EXCHANGES * 3):
            chat.say(uuid4(), text(45))
        app.save(chat)
        made += 1 + EXCHANGES * 3
    last = app.recorder.max_notification_id()
    app.close()

    def run() -> float:
        with psycopg.connect(url, autocommit=True) as connection:
            connection.execute("drop table if exists chats, chats_tracking")
        began = time.perf_counter()
        with ProjectionRunner(
            application_class=Chats, projection_class=ChatsProjection, view_class=View, env=env
        ) as runner:
            while (runner.view.max_tracking_id(runner.app_name) or 0) < (last or 0):
                time.sleep(0.02)
            return made / (time.perf_counter() - began)

    return run


def percentiles(ask: Callable[[], object], times: int) -> dict[str, float]:
    """Ask again and again; return latencies in milliseconds."""
    taken = []
    for _ in range(times):
        began = time.perf_counter()
        ask()
        taken.append((time.perf_counter() - began) * 1000)
    taken.sort()
    return {"p50_ms": round(taken[times // 2], 2), "p95_ms": round(taken[times * 95 // 100], 2)}


def queries(book: Book, messages: int) -> dict[str, dict[str, float]]:
    """Measure reads on a large book."""
    origin = Origin("benchmark", "cli")
    long, short = conversation(5_000), conversation(5)
    book.log.save([long], origin)
    book.log.save([short], origin)
    book.fill(messages * 3 // 2)
    book.pump.rebuild()
    reading = Reading(book.database, lambda: book.pump)
    transcript = TranscriptQueries(reading, book.keyring)
    search = SearchQueries(reading, book.keyring)
    return {
        "last 50 of 10,000 messages": percentiles(lambda: transcript.branch(long.id, limit=50), 200),
        "all of 10 messages": percentiles(lambda: transcript.branch(short.id, limit=50), 200),
        "search a common word": percentiles(lambda: search.search("word0"), 50),
        "search two common words": percentiles(lambda: search.search("word1 word2"), 50),
        "search any words": percentiles(lambda: search.search(text(1)), 200),
        "search a rare word": percentiles(
            lambda: search.search(f"word{random.randrange(19_000, 20_000)}"), 100
        ),
        "search the beginning of a word": percentiles(lambda: search.search("wor"), 10),
    }


def main() -> None:
    """Measure and print."""
    parser = argparse.ArgumentParser(
        description=__doc__, formatter_class=argparse.RawDescriptionHelpFormatter
    )
    parser.add_argument("--events", type=int, default=100_000)
    parser.add_argument("--stock-events", type=int, default=10_000)
    parser.add_argument("--rounds", type=int, default=3)
    parser.add_argument("--messages", type=int, default=0)
    arguments = parser.parse_args()
    random.seed(1)
    gc.set_threshold(*GARBAGE_THRESHOLDS)
    with PostgresServer() as server:
        with psycopg.connect(server.url, autocommit=True) as connection:
            version = connection.info.server_version
            connection.execute("create database ours")
            connection.execute("create database stock")
        common: dict[str, Any] = {
            "machine": f"{platform.machine()}, {os.cpu_count()} cores, Python {platform.python_version()}",
            "postgres": version,
            "fsyncs_per_s": fsync_rate(server.folder),
            "sizes": {"events": arguments.events, "stock_events": arguments.stock_events},
            "rounds": arguments.rounds,
        }
        book = Book(with_database(server.url, "ours"))
        book.fill(arguments.events)
        book.pump.catch_up(["projects"])
        run_stock = stock(with_database(server.url, "stock"), arguments.stock_events)
        rates: dict[str, list[float]] = {"plain": [], "all": [], "stock": []}
        for _ in range(arguments.rounds):
            rates["stock"].append(run_stock())
            rates["plain"].append(book.rebuilt(["conversations"]))
            rates["all"].append(book.rebuilt(None))
        medians = {name: statistics.median(found) for name, found in rates.items()}
        for name, rate in medians.items():
            print(json.dumps({"name": f"rebuild {name}", "figures": {"events_per_s": round(rate)}, **common}))
        ratio = round(medians["plain"] / medians["stock"], 1)
        print(json.dumps({"name": "rebuild ratios", "figures": {"plain times stock": ratio}, **common}))
        if arguments.messages:
            common["sizes"] = {"messages": arguments.messages}
            for name, figures in queries(book, arguments.messages).items():
                print(json.dumps({"name": f"read {name}", "figures": figures, **common}))


if __name__ == "__main__":
    main()
