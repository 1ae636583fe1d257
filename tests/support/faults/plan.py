"""One run: a new book on a server, processes, harm, and the verdict."""

from __future__ import annotations

import collections
import time
from collections.abc import Callable, Mapping
from dataclasses import dataclass, field
from pathlib import Path
from typing import Any

import psycopg

from application.errors import DatabaseError
from infrastructure.postgres.database import Database
from infrastructure.postgres.log import EventLog
from infrastructure.postgres.migrate import migrate
from tests.support.faults import books, readers, writers
from tests.support.faults.judge import Judge
from tests.support.faults.judge_book import judge_book
from tests.support.faults.nemesis import Harm, Nemesis, Slot, Work
from tests.support.faults.servers import Crashing
from tests.support.faults.verdict import Verdict
from tests.support.postgres_server import with_database
from tests.support.write_side import keyring_of


@dataclass(frozen=True)
class Plan:
    """How much of everything; `kills` and `processes` by kind: the keys of `_slots` below."""

    seed: int
    processes: Mapping[str, int]
    kills: Mapping[str, int] = field(default_factory=dict)
    stops: int = 0
    cuts: int = 0
    crashes: int = 0
    events: int = 0  # the log shall have at least so many
    load: writers.Load = field(default_factory=writers.Load)
    pace: float = 0.05  # seconds between two blows, on average
    pause: float = 0.02  # seconds that those who keep the book rest, on average
    fuse: float = 0.05  # how likely a reader dies in the middle of a batch by itself
    batch: int = 200
    most_seconds: float = 100.0
    judge_rebuild: bool = True


def run(plan: Plan, server: Crashing, folder: Path) -> Verdict:
    """Do what the plan says in a new database of the server; `folder` takes the journals."""
    started = time.monotonic()
    url = _book(server.url, f"faults_{plan.seed}")
    database = Database(url)
    harm = Harm(collections.Counter(plan.kills), plan.stops, plan.cuts, plan.crashes)
    nemesis = Nemesis(_slots(plan, url, folder), server, url, folder, plan.seed, harm, plan.pace)
    try:
        nemesis.rage(_grown(database, plan.events), plan.most_seconds)
        nemesis.finish()
    finally:
        nemesis.end()
    raged = time.monotonic() - started
    judge = Judge(database, folder, rebuild=plan.judge_rebuild)
    judge.verdict.problems += nemesis.problems
    verdict = judge.judge()
    judge_book(database, folder, verdict)
    database.close()
    verdict.figures.update(
        {f"SIGKILLs of {kind}": count for kind, count in harm.killed.items()}
        | {f"deaths in mid-batch of {kind}": count for kind, count in harm.by_own_fuse.items()}
        | {f"{way} (server)": count for way, count in harm.crashed.items()}
        | {
            "SIGSTOPs": harm.stopped,
            "connections cut": harm.cut,
            "recoveries of the server": server.recoveries(),
        }
        | {"blows that there was no time for": harm.owed()}
        | {"seconds": round(raged), "seconds of judgement": round(time.monotonic() - started - raged)}
    )
    return verdict


def _book(server: str, name: str) -> str:
    with psycopg.connect(server, autocommit=True) as connection:
        connection.execute(f"create database {name} encoding 'UTF8' template template0".encode())
    database = Database(url := with_database(server, name))
    migrate(database)
    keyring_of(database).unlock()
    database.close()
    return url


def _grown(database: Database, events: int) -> Callable[[], bool]:
    log, due = EventLog(database), [0.0]

    def grown() -> bool:
        if time.monotonic() < due[0]:
            return False
        due[0] = time.monotonic() + 0.5
        try:
            return log.size() >= events
        except DatabaseError:
            return False

    return grown


def _slots(plan: Plan, url: str, folder: Path) -> list[Slot]:
    works: dict[str, tuple[Work, tuple[Any, ...]]] = {
        "writer": (writers.write, (plan.load,)),
        "book": (books.keep, (plan.pause,)),
        "rotate": (books.rotate, (5 * plan.pause,)),
        "sign": (books.sign, (5 * plan.pause,)),
        "pump": (readers.pump, (plan.fuse, plan.batch)),
        "build": (readers.build, (plan.fuse, 5 * plan.pause)),
        "tail": (readers.tail, (plan.batch,)),
    }
    slots = []
    for kind, count in plan.processes.items():
        work, more = works[kind]
        for number in range(count):

            def arguments(
                incarnation: int, kind: str = kind, number: int = number, more: tuple[Any, ...] = more
            ) -> tuple[Any, ...]:
                return (url, folder, number if kind == "tail" else incarnation, plan.seed, *more)

            def journal(incarnation: int, kind: str = kind, number: int = number) -> Path:
                return folder / f"{kind}-{number if kind == 'tail' else incarnation}.txt"

            slots.append(Slot(kind, work, arguments, journal))
    return slots
