"""How fast a book goes into a backup and comes back, beside PostgreSQL's own ways for the same rows.

    python benchmarks/backup.py [--events 200000] [--rounds 3]

Starts a PostgreSQL of its own in the temporary directory and fills a book with prompts, encrypted as always.
Then the contenders take turns on it: `daybook backup`, the same file read and checked without a database,
`daybook restore` (until the log is committed; the read models, built afterwards, are told apart), `pg_dump`
and `pg_restore` of the same schema, and a binary COPY of all rows out of the tables, into a file and back
into empty tables. Backup, check and restore recompute each hash and compare roots; the others do not. Prints
one JSON line.
"""

from __future__ import annotations

import argparse
import contextlib
import json
import os
import platform
import statistics
import subprocess
import sys
import tempfile
import time
from collections.abc import Iterator
from pathlib import Path
from typing import Any

import psycopg

sys.path.insert(0, str(Path(__file__).parents[1]))

from application.ports.log import Origin
from benchmarks.machine import fsync_rate
from bootstrap.backups import BackupAdmin
from bootstrap.database_admin import BookDatabase
from bootstrap.home import Home
from bootstrap.settings import Settings
from domain.conversation.conversation import Conversation
from domain.ids import new_id
from infrastructure.backup.tables import TABLES
from interfaces.cli.backup_host import Restoring
from tests.support.backups import daybook_on, opened
from tests.support.cli_process import Daybook
from tests.support.postgres_server import PostgresServer, binaries, with_database

PROMPTS = 100
TEXT = "What is a Merkle tree good for, and how would I explain it to a friend who sails? " * 4


def fill(daybook: Daybook, events: int) -> None:
    """Write conversations of a hundred prompts each."""
    with opened(daybook) as book:
        origin = Origin(book.actor, "cli")
        for _ in range(events // (PROMPTS + 1)):
            made = Conversation.start(new_id(), project_id=None, title="Measured")
            for _ in range(PROMPTS):
                made.add_prompt(new_id(), TEXT, parent_id=None)
            book.log.save([made], origin)


def admin(daybook: Daybook) -> BackupAdmin:
    settings = Settings(daybook.environment)
    home = Home(settings.home)
    return BackupAdmin(settings, home, BookDatabase(settings, home), "benchmark")


class Watch:
    """Notes when the log was back and the read models were begun."""

    def __init__(self) -> None:
        self.loaded = 0.0

    @contextlib.contextmanager
    def loading(self) -> Iterator[None]:
        """Show nothing."""
        yield None

    @contextlib.contextmanager
    def rebuilding(self) -> Iterator[None]:
        """Note the time."""
        self.loaded = time.perf_counter()
        yield None


def run(*words: object) -> None:
    subprocess.run([str(word) for word in words], check=True, stdout=subprocess.DEVNULL)


def copy_out(url: str, folder: Path) -> None:
    with psycopg.connect(url) as connection:
        for table in TABLES:
            columns = ", ".join(table.columns)
            rows = f"select {columns} from daybook.{table.name} order by {table.order}"
            query = f"copy ({rows}) to stdout (format binary)"
            with (folder / table.name).open("wb") as file, connection.cursor().copy(query.encode()) as copy:
                for data in copy:
                    file.write(data)


def copy_in(url: str, folder: Path) -> None:
    with psycopg.connect(url) as connection:
        for table in TABLES:
            query = f"copy daybook.{table.name} ({', '.join(table.columns)}) from stdin (format binary)"
            with (folder / table.name).open("rb") as file, connection.cursor().copy(query.encode()) as copy:
                while piece := file.read(2**20):
                    copy.write(piece)


class Measured:
    """Events a second, by contender and round."""

    def __init__(self, events: int) -> None:
        self.events = events
        self.seen: dict[str, list[float]] = {}

    @contextlib.contextmanager
    def timed(self, name: str) -> Iterator[None]:
        """Measure one block."""
        began = time.perf_counter()
        yield
        self.note(name, time.perf_counter() - began)

    def note(self, name: str, seconds: float) -> None:
        """Take a time that was measured elsewhere."""
        self.seen.setdefault(name, []).append(self.events / seconds)

    def rate(self, name: str) -> float:
        """Return the median of all rounds."""
        return statistics.median(self.seen[name])


def main() -> None:
    parser = argparse.ArgumentParser(
        description=__doc__, formatter_class=argparse.RawDescriptionHelpFormatter
    )
    parser.add_argument("--events", type=int, default=200_000)
    parser.add_argument("--rounds", type=int, default=3)
    arguments = parser.parse_args()
    with PostgresServer() as server, tempfile.TemporaryDirectory() as place:
        folder = Path(place)

        def database(name: str) -> str:
            with psycopg.connect(server.url, autocommit=True) as connection:
                connection.execute(f"drop database if exists {name} with (force)".encode())
                connection.execute(f"create database {name} encoding 'UTF8' template template0".encode())
            return with_database(server.url, name)

        book = daybook_on(database("book"), folder / "home")
        url = book.settings["DAYBOOK_DATABASE_URL"]
        fill(book, arguments.events)
        events = book.log_size()
        seen, file, dump = Measured(events), folder / "book.daybook", folder / "book.dump"
        sizes: dict[str, Any] = {}
        for _ in range(arguments.rounds):
            with seen.timed("backup"):
                sizes["backup"] = admin(book).write(file, force=True, passphrase=None, progress=None).size
            with seen.timed("check"):
                admin(book).check(file, checkpoint=None, progress=None)
            with seen.timed("pg_dump"):
                run(binaries() / "pg_dump", "-d", url, "-n", "daybook", "-Fc", "-Z1", "-f", dump)
            sizes["pg_dump"] = dump.stat().st_size
            copies = folder / "copies"
            copies.mkdir(exist_ok=True)
            with seen.timed("copy_out"):
                copy_out(url, copies)

            watch = Watch()
            moved = book.with_settings(DAYBOOK_DATABASE_URL=database("moved"))
            began = time.perf_counter()
            admin(moved).restore(
                file,
                checkpoint=None,
                tombstones=None,
                restoring=Restoring(lambda: "", watch.loading, watch.rebuilding),
            )
            seen.note("restore", watch.loaded - began)
            seen.note("rebuild", time.perf_counter() - watch.loaded)
            target = database("dumped")
            with seen.timed("pg_restore"):
                run(binaries() / "pg_restore", "-d", target, "--no-owner", "--no-privileges", dump)
            empty = book.with_settings(DAYBOOK_DATABASE_URL=database("copied"))
            empty("db", "migrate")
            with seen.timed("copy_in"):
                copy_in(empty.settings["DAYBOOK_DATABASE_URL"], copies)
        rate = fsync_rate(folder)
    figures = {f"{name}_events_per_s": round(seen.rate(name)) for name in seen.seen}
    print(
        json.dumps(
            {
                "name": "backup",
                "figures": {
                    **figures,
                    "backup_times_pg_dump": round(seen.rate("backup") / seen.rate("pg_dump"), 2),
                    "restore_times_pg_restore": round(seen.rate("restore") / seen.rate("pg_restore"), 2),
                    "backup_times_copy": round(seen.rate("backup") / seen.rate("copy_out"), 2),
                    "restore_times_copy": round(seen.rate("restore") / seen.rate("copy_in"), 2),
                },
                "machine": f"{platform.machine()}, {os.cpu_count()} cores, {platform.python_version()}",
                "fdatasync_per_s": rate,
                "sizes": {"events": events, "text": len(TEXT), **sizes},
                "rounds": arguments.rounds,
            }
        )
    )


if __name__ == "__main__":
    main()
