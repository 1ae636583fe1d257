"""How many bytes an event takes on disk, beside the library's stock recorder and the bare payload.

    python benchmarks/disk.py [--events 12000]

Starts a PostgreSQL of its own, without fsync, which changes no byte. Conversations of realistic sizes (a
prompt of some 30 words, thinking of some 350 and an answer of some 250, words of these pages) are appended as
in real use: prompt and start of the answer in one append, its end in the next. The stock recorder gets the
same bytes (sealed payload and metadata as the state) in the same commits, and once more what the library
would keep by itself: the same fields as JSON, not encrypted, which PostgreSQL compresses where it can. WAL is
counted from a checkpoint on, so it has the full pages that a new checkpoint calls for. Prints one JSON line a
contender, then one with the ratios.
"""

import argparse
import json
import os
import platform
import random
import re
import sys
from collections.abc import Callable, Iterator
from pathlib import Path
from typing import Any

import msgspec
import psycopg
from eventsourcing.persistence import StoredEvent
from eventsourcing.postgres import PostgresApplicationRecorder  # noqa: TID251 - the stock one, to compare with

sys.path.insert(0, str(Path(__file__).parents[1]))

from application.ports.log import Origin
from benchmarks.append import stock_recorder
from benchmarks.rebuild import Book, ask, complete, text
from domain.content import Sealed
from domain.conversation.conversation import Conversation
from domain.ids import new_id
from infrastructure.postgres.codec import to_event
from infrastructure.postgres.log import LogRow
from tests.support.postgres_server import PostgresServer, with_database

ROOT = Path(__file__).parents[1]

_RELATIONS = """
select 'table' as what, pg_relation_size(%(table)s::regclass) as bytes
union all
select 'toast', coalesce(pg_total_relation_size(nullif(c.reltoastrelid, 0)), 0)
  from pg_class c where c.oid = %(table)s::regclass
union all
select 'index ' || (select string_agg(a.attname, ', ' order by a.attnum)
                      from pg_attribute a where a.attrelid = i.indexrelid),
       pg_relation_size(i.indexrelid)
  from pg_index i where i.indrelid = %(table)s::regclass
union all
select 'all', pg_total_relation_size(%(table)s::regclass)
"""


def words(mean: int) -> str:
    """Return prose-like text; lengths scatter as those of people and models do: a few are very long."""
    count = max(3, round(random.lognormvariate(0, 0.7) * mean / 1.28))
    return " ".join(random.choices(_vocabulary(), k=count))


def _vocabulary(found: list[str] = []) -> list[str]:  # noqa: B006 - read once
    if not found:
        for page in [ROOT / "README.md", *sorted((ROOT / "docs").glob("*.md"))]:
            found += re.findall(r"[A-Za-z][\w'-]*[.,]?", page.read_text(encoding="utf-8"))
    return found


def fill(book: Book, events: int) -> list[int]:
    """Append conversations as they come about; return how many events each append had."""
    origin = Origin("benchmark", "cli")
    groups: list[int] = []
    size = 0
    while size < events:
        made = Conversation.start(new_id(), project_id=None, title=text(4))
        for _ in range(random.randint(1, 15)):
            answer_id = ask(made, words(30))
            groups.append(_save(book, made, origin))
            complete(made, answer_id, words(250), words(350))
            groups.append(_save(book, made, origin))
            size += groups[-1] + groups[-2]
    return groups


def _save(book: Book, made: Conversation, origin: Origin) -> int:
    count = len(made.pending_events)
    book.log.save([made], origin)
    return count


def stored(
    rows: list[LogRow], groups: list[int], state: Callable[[LogRow], bytes]
) -> Iterator[list[StoredEvent]]:
    """Return the same events for the stock recorder, in the same commits."""
    place = 0
    for count in groups:
        group = rows[place : place + count]
        place += count
        yield [StoredEvent(row.stream_id, row.version, row.type, state(row)) for row in group]


def opened(book: Book) -> Callable[[LogRow], bytes]:
    """Return what makes JSON of an event with its content in the open."""

    def state(row: LogRow) -> bytes:
        event = to_event(row)
        fields = {
            name: book.keyring.open(value) if isinstance(value, Sealed) else value
            for name, value in event.__dict__.items()
            if not name.startswith("originator")
        }
        return msgspec.json.encode(fields | json.loads(row.metadata))

    return state


def wal(url: str) -> Callable[[], int]:
    """Checkpoint; return what counts the bytes of WAL since then."""
    with psycopg.connect(url, autocommit=True) as connection:
        connection.execute("checkpoint")
        start = connection.execute("select pg_current_wal_lsn()").fetchone()

    def since() -> int:
        with psycopg.connect(url, autocommit=True) as connection:
            row = connection.execute("select pg_current_wal_lsn() - %s::pg_lsn", start).fetchone()
            assert row is not None
            return int(row[0])

    return since


def sizes(url: str, tables: list[str], events: int, wal_bytes: int) -> dict[str, float]:
    """Return bytes an event by relation, and of WAL."""
    found: dict[str, float] = {}
    with psycopg.connect(url, autocommit=True) as connection:
        for table in tables:
            for what, taken in connection.execute(_RELATIONS, {"table": table}):
                if table == tables[0]:
                    found[what] = taken / events
                elif what == "all":
                    found[table] = taken / events
    found["on disk"] = found.pop("all") + sum(found.get(table, 0) for table in tables[1:])
    found["wal"] = wal_bytes / events
    return {what: round(value, 1) for what, value in found.items()}


def stock(
    server: PostgresServer, name: str, groups: Iterator[list[StoredEvent]], events: int
) -> dict[str, float]:
    """Give the events to a stock recorder; return its sizes."""
    with psycopg.connect(server.url, autocommit=True) as connection:
        connection.execute(f"create database {name}".encode())
    url = with_database(server.url, name)
    recorder, datastore = stock_recorder(url, 1)
    assert isinstance(recorder, PostgresApplicationRecorder)
    recorder.create_table()
    since = wal(url)
    for group in groups:
        recorder.insert_events(group)
    taken = since()
    datastore.close()
    return sizes(url, ["stored_events"], events, taken)


def main() -> None:
    """Measure and print."""
    parser = argparse.ArgumentParser(
        description=__doc__, formatter_class=argparse.RawDescriptionHelpFormatter
    )
    parser.add_argument("--events", type=int, default=12_000)
    arguments = parser.parse_args()
    random.seed(1)
    with PostgresServer(options={"fsync": "off"}) as server:
        with psycopg.connect(server.url, autocommit=True) as connection:
            version = connection.info.server_version
            connection.execute("create database ours")
        url = with_database(server.url, "ours")
        book = Book(url)
        book.keyring.unlock()
        since = wal(url)
        groups = fill(book, arguments.events)
        taken = since()
        events = sum(groups)
        figures = {"ours": sizes(url, ["daybook.events", "daybook.data_keys"], events, taken)}
        rows = [
            row
            for start in range(0, events, 500)
            for row in book.log._events.read(start, min(500, events - start))  # noqa: SLF001 - rows as stored
        ]
        sealed = stored(rows, groups, lambda row: row.metadata + row.payload)
        figures["stock recorder, same bytes"] = stock(server, "same_bytes", sealed, events)
        plain = stored(rows, groups, opened(book))
        figures["stock recorder, unencrypted JSON"] = stock(server, "plain_json", plain, events)
        state = opened(book)
        payload = sum(len(row.payload) for row in rows) / events
        metadata = sum(len(row.metadata) for row in rows) / events
        text_bytes = sum(len(state(row)) for row in rows) / events
    common: dict[str, Any] = {
        "machine": f"{platform.machine()}, {os.cpu_count()} cores, Python {platform.python_version()}",
        "postgres": version,
        "sizes": {
            "events": events,
            "appends": len(groups),
            "payload_bytes": round(payload, 1),
            "metadata_bytes": round(metadata, 1),
            "unencrypted_json_bytes": round(text_bytes, 1),
        },
    }
    for name, one in figures.items():
        print(json.dumps({"name": f"disk {name}", "figures": {"bytes_an_event": one}, **common}))
    ratios = {
        f"{what}, ours : {other}": round(figures["ours"][what] / one[what], 2)
        for other, one in figures.items()
        if other != "ours"
        for what in ("on disk", "wal")
    }
    ratios["on disk : payload and metadata"] = round(figures["ours"]["on disk"] / (payload + metadata), 2)
    ratios["wal : payload and metadata"] = round(figures["ours"]["wal"] / (payload + metadata), 2)
    print(json.dumps({"name": "disk ratios", "figures": ratios, **common}))


if __name__ == "__main__":
    main()
