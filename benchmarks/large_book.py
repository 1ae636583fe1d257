"""What people do every day in a book of 100,000 conversations, beside the same in a small book.

    python benchmarks/large_book.py [--conversations 100000] [--small 1000] [--rounds 100]

Starts a durable PostgreSQL of its own (fsync on) with two books. Each is appended through the real log with
real keys: conversations of ten messages, one in five in one of a hundred projects, a tag on one in fifty, one
in two hundred pinned, one in a thousand archived, and two models; and one conversation of 10,000 messages.
Then it asks both books the same in turn. Prints one JSON line a question: milliseconds at the median and at
the 95th percentile in both, and how many times as long the large one takes at the median; first the rates at
which events were appended and then built into all read models.
"""

from __future__ import annotations

import argparse
import json
import os
import platform
import random
import sys
import time
from collections.abc import Callable, Iterator
from functools import partial
from pathlib import Path
from typing import Any
from uuid import UUID

import psycopg

sys.path.insert(0, str(Path(__file__).parents[1]))

from application.commands import ChangeConversation
from application.filing import change_conversation
from benchmarks import rebuild
from benchmarks.load import ORIGIN, WHO, Writer
from benchmarks.machine import fsync_rate
from domain.conversation.conversation import Conversation
from domain.ids import new_id
from domain.project.project import Project
from projections.conversations.queries import ConversationQueries
from projections.conversations.wanted import Wanted
from projections.reading import Reading
from projections.search.queries import SearchQueries, Within
from projections.transcript.queries import TranscriptQueries
from projections.usage.queries import UsageQueries
from tests.support.postgres_server import PostgresServer, with_database

EXCHANGES = 5
LONG = 5_000
PROJECTS = 100
A_SAVE = 60
POOL = 4_000


class Texts:
    """Texts made up once, as making them up anew would take longer than recording them."""

    def __init__(self) -> None:
        self._by_length = {length: [rebuild.text(length) for _ in range(POOL)] for length in (4, 15, 40, 80)}

    def __call__(self, length: int) -> str:
        """Return a text of so many words."""
        return random.choice(self._by_length[length])


class LargeBook(Writer):
    """A book, and what it is asked."""

    def __init__(self, url: str, text: Texts) -> None:
        super().__init__(url)
        self._text = text
        reading = Reading(self.book.database, lambda: self.book.pump, erasures=self.book.keyring.noticed)
        self.lists = ConversationQueries(reading, self.book.keyring)
        self.transcript = TranscriptQueries(reading, self.book.keyring)
        self.search = SearchQueries(reading, self.book.keyring)
        self.usage = UsageQueries(reading)
        self.projects = [Project.create(new_id(), name=f"project {n}") for n in range(PROJECTS)]
        self.ids: list[UUID] = []
        self.long = self._conversation(LONG, None)

    def _conversation(self, exchanges: int, number: int | None) -> Conversation:
        project = self.projects[number // 5 % PROJECTS].id if number is not None and number % 5 == 0 else None
        made = Conversation.start(new_id(), project_id=project, title=self._text(4))
        for _ in range(exchanges):
            answer = rebuild.ask(made, self._text(15))
            rebuild.complete(made, answer, self._text(80), self._text(40))
        if number is not None and number % 200 == 0:
            made.pin()
        if number is not None and number % 1000 == 7:
            made.archive()
        return made

    def fill(self, count: int) -> float:
        """Append everything; return events a second."""
        began = time.perf_counter()
        self.book.log.save(self.projects, ORIGIN)
        self.book.log.save([self.long], ORIGIN)
        for start in range(0, count, A_SAVE):
            made = [self._conversation(EXCHANGES, n) for n in range(start, min(count, start + A_SAVE))]
            self.ids += [one.id for one in made]
            self.book.log.save(made, ORIGIN)
        return self.book.log.size() / (time.perf_counter() - began)

    def build(self, count: int) -> float:
        """Build all read models, tag what is to be tagged; return events a second of the building."""
        size = self.book.log.size()
        began = time.perf_counter()
        self.book.pump.catch_up()
        took = time.perf_counter() - began
        self.open()
        for identifier in self.ids[:: max(50, count // 200)]:
            change_conversation(
                self.services, ChangeConversation(conversation_id=identifier, add_tags=("work",), **WHO)
            )
        self.book.pump.catch_up()
        with self.book.database.connection() as connection:
            connection.execute("vacuum analyze")
        return size / took

    def questions(self) -> Iterator[tuple[str, Callable[[], object]]]:
        """Yield what is asked, and what it is called."""
        lists, transcript, search = self.lists, self.transcript, self.search
        some = self.ids[len(self.ids) // 3]
        yield "list", lists.newest
        yield "list, a page in the middle", lambda: lists.newest(cursor=self._middle())
        yield "list, of a project", lambda: lists.newest(project_id=self.projects[7].id)
        yield "list, with a tag", lambda: lists.listed(Wanted(tags=("work",)))
        yield "list, of a model", lambda: lists.listed(Wanted(model="deepseek-r1:8b"))
        yield "list, archived", lambda: lists.newest(archived="only")
        yield "list, by length", lambda: lists.listed(sort="messages")
        yield "list, by creation", lambda: lists.listed(sort="created")
        yield "list, by title", lambda: lists.listed(sort="title")
        yield "tags", lists.tags
        yield "find an id by its end", lambda: lists.find(some.hex[-8:])
        yield "last 50 of 10,000 messages", lambda: transcript.branch(self.long.id, limit=50)
        yield "last 50 of 10 messages", lambda: transcript.branch(some, limit=50)
        yield "search a common word", lambda: search.search("word0")
        yield "search two common words", lambda: search.search("word1 word2")
        yield "search a rare word", lambda: search.search(f"word{random.randrange(19_000, 20_000)}")
        yield "search in a project", lambda: search.search("word3", Within(project_id=self.projects[7].id))
        yield "search with a tag", lambda: search.search("word3", Within(tags=("work",)))
        yield "search answers", lambda: search.search("word3", Within(kind="answer"))
        yield "stats by model", lambda: self.usage.figures("model")
        yield "stats by day", lambda: self.usage.figures("day")
        yield "load 10,000 messages to write", lambda: self.book.log.load(Conversation, self.long.id)
        for size, identifier in (("10", some), ("10,000", self.long.id)):
            yield f"ask and end the answer, in {size} messages", partial(self._exchange, identifier)
            yield f"rename, in {size} messages", partial(self.rename, identifier)

    def _exchange(self, conversation_id: UUID) -> None:
        self.ask(conversation_id)
        self.end(conversation_id)

    def _middle(self) -> str | None:
        if not hasattr(self, "_cursor"):
            cursor = None
            for _ in range(40):
                cursor = self.lists.newest(cursor=cursor).next_cursor or cursor
            self._cursor = cursor
        return self._cursor


def measured(books: dict[str, LargeBook], rounds: int) -> Iterator[dict[str, Any]]:
    """Ask all books the same in turn; yield the figures of one question after the other."""
    for asked in zip(*(book.questions() for book in books.values()), strict=True):
        taken: dict[str, list[float]] = {}
        for _ in range(rounds):
            for name, (_, ask) in zip(books, asked, strict=True):
                books[name].book.pump.catch_up()
                began = time.perf_counter()
                ask()
                taken.setdefault(name, []).append((time.perf_counter() - began) * 1000)
            if sum(taken["large"]) > MOST_MS:
                break
        figures: dict[str, Any] = {"question": asked[0][0], "rounds": len(taken["large"])}
        for name, found in taken.items():
            found.sort()
            figures[f"{name}_p50_ms"] = round(found[len(found) // 2], 2)
            figures[f"{name}_p95_ms"] = round(found[min(len(found) - 1, len(found) * 95 // 100)], 2)
        figures["large_times_small"] = round(figures["large_p50_ms"] / figures["small_p50_ms"], 2)
        yield figures


MOST_MS = 20_000
"""What takes longer is asked fewer times."""


def main() -> None:
    """Measure and print."""
    parser = argparse.ArgumentParser(
        description=__doc__, formatter_class=argparse.RawDescriptionHelpFormatter
    )
    parser.add_argument("--conversations", type=int, default=100_000)
    parser.add_argument("--small", type=int, default=1_000)
    parser.add_argument("--rounds", type=int, default=100)
    arguments = parser.parse_args()
    random.seed(1)
    text = Texts()
    with PostgresServer() as server:
        with psycopg.connect(server.url, autocommit=True) as connection:
            version = connection.info.server_version
            for name in ("small", "large"):
                connection.execute(f"create database {name}".encode())
        common: dict[str, Any] = {
            "machine": f"{platform.machine()}, {os.cpu_count()} cores, Python {platform.python_version()}",
            "postgres": version,
            "fsyncs_per_s": fsync_rate(server.folder),
            "sizes": {"conversations": arguments.conversations, "small": arguments.small},
        }
        books = {name: LargeBook(with_database(server.url, name), text) for name in ("small", "large")}
        for name, count in (("small", arguments.small), ("large", arguments.conversations)):
            rates = {"append": round(books[name].fill(count)), "build": round(books[name].build(count))}
            rates["events"] = books[name].book.log.size()
            print(
                json.dumps({"name": f"large_book: {name}, events/s", "figures": rates, **common}), flush=True
            )
        for figures in measured(books, arguments.rounds):
            print(json.dumps({"name": "large_book", "figures": figures, **common}), flush=True)
        for book in books.values():
            book.close()


if __name__ == "__main__":
    main()
