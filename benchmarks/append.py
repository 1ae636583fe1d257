"""How fast events are appended, beside the stock recorder, a raw INSERT and pgbench on the same server.

    python benchmarks/append.py [--rounds 3] [--seconds 2] [--only CASE ...]

Starts a durable PostgreSQL of its own (fsync on) in the temporary directory. The contenders take turns, round
after round, so that a machine that gets slower gets slower for all; each figure is the median of its rounds.
Prints one JSON line for each measurement, then one with the ratios.
"""

import argparse
import json
import multiprocessing
import os
import platform
import re
import statistics
import subprocess
import sys
import threading
import time
from collections.abc import Callable
from pathlib import Path
from typing import Any
from uuid import uuid4

import psycopg
from eventsourcing.persistence import StoredEvent
from eventsourcing.postgres import (  # noqa: TID251 - the stock recorder, to compare with
    PostgresApplicationRecorder,
    PostgresDatastore,
)

sys.path.insert(0, str(Path(__file__).parents[1]))

from benchmarks.machine import fsync_rate
from infrastructure.postgres.database import Database
from infrastructure.postgres.log import AppendRequest, EventLog, EventRow
from infrastructure.postgres.migrate import migrate
from tests.support.postgres_server import PostgresServer, binaries, with_database

PAYLOAD, METADATA = b"p" * 300, b"m" * 60
TYPE = "conversation.prompt-added"

RAW_TABLE = """
create table raw (
    log_index bigint generated always as identity primary key,
    stream_id uuid not null, version bigint not null,
    event_id uuid not null unique, schema_version integer not null, time timestamptz not null default now(),
    type text not null, metadata bytea not null, payload bytea not null, unique (stream_id, version))
"""
RAW_INSERT = (
    "insert into raw (stream_id, version, event_id, schema_version, type, metadata, payload)"
    " values (%s, %s, %s, %s, %s, %s, %s)"
)
PGBENCH_INSERT = (
    "insert into raw (stream_id, version, event_id, schema_version, type, metadata, payload)"
    " values (gen_random_uuid(), 1, gen_random_uuid(), 1, 'conversation.prompt-added',"
    f" '\\x{METADATA.hex()}', '\\x{PAYLOAD.hex()}');\n"
)

Once = Callable[[], None]


def ours(url: str, batch: int, _threads: int) -> tuple[Callable[[], Once], Callable[[], None]]:
    """One EventLog shared by all threads."""
    database = Database(url, max_connections=4)
    log = EventLog(database)

    def worker() -> Once:
        def once() -> None:
            stream_id = uuid4()
            log.append(
                AppendRequest(
                    [
                        EventRow(stream_id, 1 + number, uuid4(), TYPE, 1, METADATA, PAYLOAD)
                        for number in range(batch)
                    ]
                )
            )

        return once

    return worker, database.close


def stock_recorder(url: str, pool_size: int) -> tuple[PostgresApplicationRecorder, PostgresDatastore]:
    """Make the library's recorder for a URL."""
    with psycopg.connect(url) as connection:
        info = connection.info
        datastore = PostgresDatastore(
            dbname=info.dbname,
            host=info.host,
            port=str(info.port),
            user=info.user,
            password="",
            pool_size=pool_size,
        )
    return PostgresApplicationRecorder(datastore, events_table_name="stored_events"), datastore


def stock(url: str, batch: int, threads: int) -> tuple[Callable[[], Once], Callable[[], None]]:
    """The eventsourcing library's own recorder, as it comes, with connections enough."""
    recorder, datastore = stock_recorder(url, threads)

    def worker() -> Once:
        def once() -> None:
            stream_id = uuid4()
            recorder.insert_events(
                [StoredEvent(stream_id, 1 + number, TYPE, METADATA + PAYLOAD) for number in range(batch)]
            )

        return once

    return worker, datastore.close


def raw(url: str, batch: int, _threads: int) -> tuple[Callable[[], Once], Callable[[], None]]:
    """A prepared INSERT on a connection of each thread's own: no order, no check, no proof."""
    connections: list[psycopg.Connection] = []

    def worker() -> Once:
        connection = psycopg.connect(url, autocommit=True)
        connections.append(connection)
        cursor = connection.cursor()

        def once() -> None:
            stream_id = uuid4()
            rows = [(stream_id, 1 + n, uuid4(), 1, TYPE, METADATA, PAYLOAD) for n in range(batch)]
            if batch == 1:
                cursor.execute(RAW_INSERT, rows[0], prepare=True)
            else:
                with connection.transaction():
                    cursor.executemany(RAW_INSERT, rows)

        return once

    def close() -> None:
        for connection in connections:
            connection.close()

    return worker, close


CONTENDERS = {"ours": ours, "stock": stock, "raw": raw}


def run_threads(contender: str, url: str, threads: int, batch: int, seconds: float) -> list[float]:
    """Let threads append for a while; return the latency of each append."""
    make, close = CONTENDERS[contender](url, batch, threads)
    latencies: list[float] = []
    start = threading.Barrier(threads)

    def run() -> None:
        once = make()
        for _ in range(10 if batch < 100 else 2):
            once()
        own: list[float] = []
        start.wait()
        until = time.perf_counter() + seconds
        while (began := time.perf_counter()) < until:
            once()
            own.append(time.perf_counter() - began)
        latencies.extend(own)

    workers = [threading.Thread(target=run) for _ in range(threads)]
    for worker in workers:
        worker.start()
    for worker in workers:
        worker.join()
    close()
    return latencies


def _in_process(task: tuple[str, str, int, float]) -> list[float]:
    contender, url, batch, seconds = task
    return run_threads(contender, url, 1, batch, seconds)


def run_processes(contender: str, url: str, processes: int, seconds: float) -> list[float]:
    """Let processes of one thread each append for a while."""
    with multiprocessing.get_context("spawn").Pool(processes) as pool:
        pool.map(_in_process, [(contender, url, 1, 0.05)] * processes)  # imports and connections first
        runs = pool.map(_in_process, [(contender, url, 1, seconds)] * processes)
        return [one for run in runs for one in run]


def pgbench(url: str, folder: Path, clients: int, seconds: float) -> float:
    """Plain inserts by PostgreSQL's own load generator, in transactions a second."""
    script = folder / "insert.sql"
    script.write_text(PGBENCH_INSERT, encoding="ascii")
    load = ["-n", "-M", "prepared", "-c", str(clients), "-j", "2", "-T", f"{seconds:.0f}"]
    command = [binaries() / "pgbench", *load, "-f", script, url]
    out = subprocess.run(command, check=True, capture_output=True, text=True).stdout
    found = re.search(r"tps = ([\d.]+)", out)
    assert found is not None, out
    return float(found[1])


def figures(latencies: list[float], batch: int, seconds: float) -> dict[str, float]:
    """Boil a run down to a rate and two latencies."""
    ordered = sorted(latencies)
    return {
        "events_per_s": len(ordered) * batch / seconds,
        "p50_ms": ordered[len(ordered) // 2] * 1000,
        "p99_ms": ordered[len(ordered) * 99 // 100] * 1000,
    }


CASES: dict[str, tuple[str, int, int]] = {  # name → threads or processes, workers, events a commit
    "1-thread": ("threads", 1, 1),
    "4-threads": ("threads", 4, 1),
    "16-threads": ("threads", 16, 1),
    "16-processes": ("processes", 16, 1),
    "1-thread-batch-100": ("threads", 1, 100),
    "1-thread-batch-1000": ("threads", 1, 1000),
}


def measure(server: PostgresServer, arguments: argparse.Namespace) -> dict[str, dict[str, float]]:
    """Run every contender in every case, in turns."""
    seen: dict[str, list[dict[str, float]]] = {}
    for round_number in range(arguments.rounds):
        for case, (kind, workers, batch) in CASES.items():
            if arguments.only and case not in arguments.only:
                continue
            for contender in CONTENDERS:
                name = f"bench_{round_number}_{len(seen)}_{contender}_{case.replace('-', '_')}"
                with psycopg.connect(server.url, autocommit=True) as connection:
                    connection.execute(f"create database {name}".encode())
                url = with_database(server.url, name)
                migrate(Database(url))
                with psycopg.connect(url, autocommit=True) as connection:
                    connection.execute(RAW_TABLE.encode())
                recorder, datastore = stock_recorder(url, 1)
                recorder.create_table()
                datastore.close()
                if kind == "threads":
                    latencies = run_threads(contender, url, workers, batch, arguments.seconds)
                else:
                    latencies = run_processes(contender, url, workers, arguments.seconds)
                result = figures(latencies, batch, arguments.seconds)
                seen.setdefault(f"{case} {contender}", []).append(result)
                if contender == "raw" and case in {"1-thread", "16-threads"}:
                    rate = pgbench(url, server.folder, workers, max(arguments.seconds, 1))
                    seen.setdefault(f"{case} pgbench", []).append({"events_per_s": rate})
                with psycopg.connect(server.url, autocommit=True) as connection:
                    connection.execute(f"drop database {name} with (force)".encode())
    return {
        name: {key: statistics.median(one[key] for one in rounds) for key in rounds[0]}
        for name, rounds in seen.items()
    }


def ratios(results: dict[str, dict[str, float]]) -> dict[str, float]:
    """Set ours against the others."""
    told: dict[str, float] = {}
    for case in CASES:
        for other in ("stock", "raw"):
            if f"{case} {other}" in results:
                rate = results[f"{case} ours"]["events_per_s"] / results[f"{case} {other}"]["events_per_s"]
                told[f"{case} times {other}"] = round(rate, 2)
    if "1-thread raw" in results:
        p50 = results["1-thread ours"]["p50_ms"] / results["1-thread raw"]["p50_ms"]
        told["1-thread p50 times raw"] = round(p50, 2)
    return told


def main() -> None:
    """Measure and print."""
    parser = argparse.ArgumentParser(
        description=__doc__, formatter_class=argparse.RawDescriptionHelpFormatter
    )
    parser.add_argument("--rounds", type=int, default=3)
    parser.add_argument("--seconds", type=float, default=2.0)
    parser.add_argument("--only", nargs="*", choices=list(CASES))
    arguments = parser.parse_args()
    with PostgresServer() as server:
        with psycopg.connect(server.url) as connection:
            version = connection.info.server_version
        common: dict[str, Any] = {
            "machine": f"{platform.machine()}, {os.cpu_count()} cores, Python {platform.python_version()}",
            "postgres": version,
            "fsyncs_per_s": fsync_rate(server.folder),
            "sizes": {"payload": len(PAYLOAD), "metadata": len(METADATA)},
            "rounds": arguments.rounds,
            "seconds": arguments.seconds,
        }
        results = measure(server, arguments)
    for name, result in results.items():
        rounded = {key: round(value, 3) for key, value in result.items()}
        print(json.dumps({"name": f"append {name}", "figures": rounded, **common}))
    print(json.dumps({"name": "append ratios", "figures": ratios(results), **common}))


if __name__ == "__main__":
    main()
