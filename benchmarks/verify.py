"""How fast the whole log is verified, beside plain reading of the same rows.

    python benchmarks/verify.py [--events 300000] [--rounds 3]

Starts a PostgreSQL of its own in the temporary directory and fills a log. Then the contenders take turns on
it: the whole verification (`daybook audit verify`), its inner loop alone, a binary COPY of the same columns
that is only counted, and psycopg's rows turned into tuples, as a plain loop over a cursor would have them.
Prints one JSON line; `hashes_only` is what SHA-256 alone would take for these events, four of them each.
"""

import argparse
import hashlib
import json
import os
import platform
import statistics
import sys
import tempfile
import time
from collections.abc import Callable
from pathlib import Path
from uuid import uuid4

import psycopg

sys.path.insert(0, str(Path(__file__).parents[1]))

from infrastructure.postgres.database import Database
from infrastructure.postgres.log import AppendRequest, EventLog, EventRow
from infrastructure.postgres.migrate import migrate
from infrastructure.proofs.auditor import PostgresAuditor
from infrastructure.proofs.scan import Scan
from tests.support.postgres_server import PostgresServer, with_database
from tests.support.write_side import keyring_of

PAYLOAD, METADATA = 300, 100
BATCH = 1_000
COLUMNS = "log_index, stream_id, version, event_id, schema_version, time, metadata, payload, node, type"
COPY = f"copy (select {COLUMNS} from daybook.events order by log_index) to stdout (format binary)"
SELECT = f"select {COLUMNS} from daybook.events where log_index >= %s order by log_index limit 1000"


def fill(database: Database, events: int) -> None:
    """Append so many events, in streams of ten."""
    log = EventLog(database)
    for _ in range(events // BATCH):
        rows = []
        for _ in range(BATCH // 10):
            stream = uuid4()
            rows += [
                EventRow(
                    stream,
                    1 + version,
                    uuid4(),
                    "conversation.prompt-added",
                    1,
                    os.urandom(METADATA),
                    os.urandom(PAYLOAD),
                )
                for version in range(10)
            ]
        log.append(AppendRequest(rows))
    with database.connection() as connection:
        connection.execute("vacuum analyze daybook.events")


def verify(auditor: PostgresAuditor) -> None:
    assert auditor.verify().ok


def scan(database: Database, events: int) -> None:
    with database.transaction() as connection:
        found = Scan(0, [], [])
        found.run(connection, events, None)
    assert not found.problems


def count_copied(database: Database) -> None:
    with database.connection() as connection, connection.cursor() as cursor, cursor.copy(COPY) as copy:
        while connection.pgconn.get_copy_data(0)[1] != b"\xff\xff":
            pass
        for _ in copy:
            pass


def fetch_rows(database: Database, events: int) -> None:
    with database.connection() as connection, connection.cursor(binary=True) as cursor:
        for start in range(0, events, 1000):
            cursor.execute(SELECT, (start,)).fetchall()


def hash_only(events: int) -> None:
    metadata, payload, record, node = bytes(METADATA), bytes(PAYLOAD), bytes(160), bytes(65)
    sha256 = hashlib.sha256
    for _ in range(events):
        sha256(metadata).digest()
        sha256(payload).digest()
        sha256(record).digest()
        sha256(node).digest()


def main() -> None:
    parser = argparse.ArgumentParser(
        description=__doc__, formatter_class=argparse.RawDescriptionHelpFormatter
    )
    parser.add_argument("--events", type=int, default=300_000)
    parser.add_argument("--rounds", type=int, default=3)
    arguments = parser.parse_args()
    events = arguments.events // BATCH * BATCH
    with PostgresServer() as server, tempfile.TemporaryDirectory() as home:
        with psycopg.connect(server.url, autocommit=True) as connection:
            version = connection.info.server_version
            connection.execute("create database book encoding 'UTF8' template template0")
        database = Database(with_database(server.url, "book"))
        migrate(database)
        fill(database, events)
        auditor = PostgresAuditor(database, Path(home), lambda: keyring_of(database).book_id)
        auditor.checkpoint()
        contenders: dict[str, Callable[[], None]] = {
            "verify": lambda: verify(auditor),
            "inner_loop": lambda: scan(database, events),
            "count_copied": lambda: count_copied(database),
            "fetch_rows": lambda: fetch_rows(database, events),
            "hashes_only": lambda: hash_only(events),
        }
        seen: dict[str, list[float]] = {name: [] for name in contenders}
        for _ in range(arguments.rounds):
            for name, run in contenders.items():
                began = time.perf_counter()
                run()
                seen[name].append(events / (time.perf_counter() - began))
        database.close()
    rates = {f"{name}_events_per_s": round(statistics.median(rounds)) for name, rounds in seen.items()}
    ratio = statistics.median(seen["fetch_rows"]) / statistics.median(seen["verify"])
    print(
        json.dumps(
            {
                "name": "verify",
                "figures": {**rates, "times_fetch_rows": round(ratio, 2)},
                "machine": f"{platform.machine()}, {os.cpu_count()} cores, {platform.python_version()}",
                "postgres": version,
                "sizes": {"events": events, "payload": PAYLOAD, "metadata": METADATA},
                "rounds": arguments.rounds,
            }
        )
    )


if __name__ == "__main__":
    main()
