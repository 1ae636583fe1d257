"""How long a search takes with each filter, beside the same search without one.

    python benchmarks/search.py [--messages 200000] [--rounds 20]

Starts a PostgreSQL of its own and fills the tables of the search read model directly: conversations of twenty
messages in a hundred projects (one of them only in the oldest tenth of the book), two models (one only in the
oldest tenth), a tag on all of them, one on one in fifty and one on a single old one, over two years. The
words: one that stands in every message, one in each hundredth, one in five of all. Prints one JSON line:
milliseconds at the median and at the 95th percentile a question, and the ratio to the bare one.
"""

import argparse
import json
import os
import platform
import statistics
import sys
import time
from collections.abc import Sequence
from datetime import UTC, datetime, timedelta
from pathlib import Path
from uuid import UUID

import psycopg

sys.path.insert(0, str(Path(__file__).parents[1]))

from benchmarks.machine import fsync_rate
from domain.tags import folded
from infrastructure.postgres.database import Database
from infrastructure.postgres.migrate import migrate
from projections.catalogue import read_models
from projections.pump import Pump
from projections.reading import Reading
from projections.search import NAME, SEGMENT_BITS, VERSION, model_mark, project_mark, tag_mark
from projections.search.queries import SearchQueries, Within
from tests.fakes.log import MemoryLog, MemoryVault
from tests.support.postgres_server import PostgresServer, with_database

BEGAN = datetime(2024, 1, 1, tzinfo=UTC)
PROJECT, OLD_PROJECT = UUID(int=7), UUID(int=1000)
PLACES_A_MESSAGE = 2
CONVERSATION = "lpad(to_hex(i / 20), 32, '0')"

_FILL = f"""
insert into messages (message_id, conversation_id, kind, log_index, at, words)
select lpad(to_hex(i), 32, '0')::uuid, {CONVERSATION}::uuid, k.kind, i * {PLACES_A_MESSAGE},
       %(began)s + i * %(step)s,
       to_tsvector('pg_catalog.simple', 'common ' || t.words || case when i %% 5 = 0 then ' five' else '' end
                   || case when i %% 100 = 0 then ' seldom' else '' end
                   || case when i = 12345 then ' once' else '' end)
       || array_to_tsvector(array_remove(array[
              E'\\x01s' || ((i * {PLACES_A_MESSAGE}) >> {SEGMENT_BITS}), E'\\x01c' || {CONVERSATION},
              E'\\x01k' || k.kind,
              case when k.kind = 'prompt' then null when i < %(old)s then %(old_model)s else %(model)s end,
              case when i < %(old)s and i / 20 %% 10 = 0 then %(old_project)s
                   else E'\\x01p' || lpad(to_hex(i / 20 %% 100), 32, '0') end,
              %(everywhere)s, case when i / 20 %% 50 = 0 then %(tag)s end,
              case when i / 20 = 3 then %(old_tag)s end], null))
  from generate_series(0, %(count)s - 1) i
 cross join lateral (select case when i %% 2 = 0 then 'prompt' else 'answer' end) as k(kind)
 cross join lateral (
    select array_to_string(
        array(select 'w' || floor(20000 * power(random() + i * 0, 3)) from generate_series(1, 40)), ' ')
 ) as t(words)
"""


def filled(database: Database, vault: MemoryVault, count: int) -> Reading:
    """Fill the live build of the search and return what queries open."""
    pump = Pump(database, MemoryLog(), read_models(vault))
    reading = Reading(database, lambda: pump, fresh=False)
    pump.catch_up()
    values = {
        "count": count,
        "old": count // 10,
        "began": BEGAN,
        "step": timedelta(days=730) / count,
        "model": model_mark("small"),
        "old_model": model_mark("large"),
        "old_project": project_mark(OLD_PROJECT.hex),
        "tag": tag_mark(vault.name_hash(folded("work"))),
        "everywhere": tag_mark(vault.name_hash(folded("everywhere"))),
        "old_tag": tag_mark(vault.name_hash(folded("first"))),
    }
    packed = vault.seal("a common text with some words", UUID(int=1), 1, "text").pack()
    with reading.open(NAME, VERSION) as connection:
        connection.execute(_FILL, values)
        connection.execute("insert into texts select message_id, %s from messages", (packed,))
        connection.execute(
            "insert into segments select log_index >> %s, min(at), max(at) from messages group by 1",
            (SEGMENT_BITS,),
        )
        connection.execute(
            "insert into conversations (id, marks) select conversation_id, "
            "array(select w from unnest(tsvector_to_array(min(words::text)::tsvector)) w "
            "where w ~ E'^\\x01[pt]') from messages where kind = 'prompt' group by 1"
        )
        connection.execute(
            "insert into places select distinct conversation_id, log_index >> %s from messages",
            (SEGMENT_BITS,),
        )
        connection.execute(
            "insert into model_places select distinct w, log_index >> %s "
            "from messages, unnest(tsvector_to_array(words)) w where w ~ E'^\\x01m'",
            (SEGMENT_BITS,),
        )
        connection.execute(
            "update daybook.read_model_builds set position = %s where name = 'search'",
            (count * PLACES_A_MESSAGE,),
        )
    with database.connection() as connection:
        for table in ("messages", "conversations", "places", "model_places", "segments"):
            connection.execute(f"vacuum analyze daybook_{NAME}_v{VERSION}.{table}".encode())
    return reading


def measured(search: SearchQueries, text: str, within: Within, rounds: int) -> dict[str, float]:
    """Return the times of one question, and how many hits were ranked first."""
    times = []
    for _ in range(rounds):
        began = time.perf_counter()
        page = search.search(text, within)
        times.append((time.perf_counter() - began) * 1000)
    times.sort()
    p95 = times[min(len(times) - 1, round(len(times) * 0.95))]
    return {
        "median_ms": round(statistics.median(times), 1),
        "p95_ms": round(p95, 1),
        "hits": len(page.hits),
    }


QUESTIONS: Sequence[tuple[str, Within]] = (
    ("bare", Within()),
    ("prompts", Within(kind="prompt")),
    ("project", Within(project_id=PROJECT)),
    ("old project", Within(project_id=OLD_PROJECT)),
    ("model", Within(model="small")),
    ("old model", Within(model="large")),
    ("tag", Within(tags=("work",))),
    ("tag on everything", Within(tags=("everywhere",))),
    ("old tag", Within(tags=("first",))),
    ("no such tag", Within(tags=("absent",))),
    ("old month", Within(since=BEGAN + timedelta(days=60), until=BEGAN + timedelta(days=90))),
    ("last week", Within(since=BEGAN + timedelta(days=723))),
    ("until old", Within(until=BEGAN + timedelta(days=30))),
    (
        "all of them",
        Within(project_id=OLD_PROJECT, kind="answer", model="large", until=BEGAN + timedelta(days=60)),
    ),
)


def main() -> None:
    parser = argparse.ArgumentParser()
    parser.add_argument("--messages", type=int, default=200_000)
    parser.add_argument("--rounds", type=int, default=20)
    given = parser.parse_args()
    with PostgresServer() as server:
        with psycopg.connect(server.url, autocommit=True) as connection:
            connection.execute("create database book")
        url = with_database(server.url, "book")
        database = Database(url)
        migrate(database)
        vault = MemoryVault()
        search = SearchQueries(filled(database, vault, given.messages), vault)
        figures: dict[str, dict[str, dict[str, float]]] = {}
        for word in ("common", "five", "seldom", "once", '"common five"', "common -five"):
            bare = 0.0
            for name, within in QUESTIONS:
                found = measured(search, word, within, given.rounds)
                bare = bare or found["median_ms"]
                figures.setdefault(word, {})[name] = {**found, "ratio": round(found["median_ms"] / bare, 2)}
        told = {
            "name": "search",
            "figures": figures,
            "machine": f"{platform.machine()}, {os.cpu_count()} cores, Python {platform.python_version()}",
            "sizes": {"messages": given.messages, "rounds": given.rounds},
            "fsyncs_per_s": fsync_rate(server.folder),
        }
        print(json.dumps(told))
        database.close()


if __name__ == "__main__":
    main()
