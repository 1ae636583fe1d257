"""A superuser's hand on the log and its checkpoints: one alteration at random, mended afterwards.

What is asked of a verification is more than "something is wrong": it must name what was altered. An event is
named by its log index or, where a forger computed all hashes again, by a stretch that it lies in, between two
checkpoints; a checkpoint by its number, or by what was done to it.
"""

from __future__ import annotations

import random
import re
from collections.abc import Callable, Iterator
from contextlib import contextmanager
from dataclasses import dataclass
from typing import TYPE_CHECKING

from application.ports.audit import Verified
from infrastructure.postgres.database import Database
from infrastructure.postgres.log import EventLog
from infrastructure.proofs.auditor import PostgresAuditor
from tests.support import tampered_checkpoints
from tests.support.merkle import leaf_hash, leaf_record, tree_hash

if TYPE_CHECKING:
    import psycopg

_TABLES = ("events", "checkpoints", "signing_keys")
_RANGE = re.compile(r"among the events (\d+)-(\d+)")

# What is set for a column of the event {a}; {b} is another event.
_EDITS = {
    "payload": "set_byte(payload, {byte} % length(payload), get_byte(payload, {byte} % length(payload)) # 1)",
    "actor": "convert_to(replace(convert_from(metadata, 'UTF8'), ':\"', ':\"x') || ' ', 'UTF8')",
    "type": "type || '.'",
    "schema version": "schema_version + 1",
    "time": "time - interval '1 microsecond'",
    "event id": "gen_random_uuid()",
    "stream": "gen_random_uuid()",
    "version": "version + 1000",
    "node": "sha256(node)",
}
_COLUMNS = {
    "actor": "metadata",
    "schema version": "schema_version",
    "event id": "event_id",
    "stream": "stream_id",
}
_SWAPPED = ("payload", "actor", "event id", "time", "node")
_MOVES = ("edit", "edit", "edit", "delete", "insert", "reorder", "swap", "swap", "truncate", "double", "fork")


@dataclass(frozen=True)
class Tampering:
    """What was done, and whether a verification names it."""

    kind: str
    what: str
    named: Callable[[Verified], bool]


def recompute_nodes(database: Database, log: EventLog, first: int) -> bytes:
    """Do what a careful forger does: compute the stored hashes again from an event on; return the root."""
    rows = log.read(0, 1_000_000)
    leaves = [leaf_hash(leaf_record(row)) for row in rows]
    with database.owner_session() as connection, connection.transaction():
        for at, row in enumerate(rows[first:], first):
            span = (at + 1) & -(at + 1)
            node = tree_hash(leaves[at + 1 - span : at + 1])
            connection.execute(
                "update daybook.events set node = %s where log_index = %s", (node, row.log_index)
            )
    return tree_hash(leaves)


@contextmanager
def tamper(
    database: Database, log: EventLog, auditor: PostgresAuditor, chance: random.Random
) -> Iterator[Tampering]:
    """Alter log or checkpoints in one way; yield what was done, and undo it afterwards."""
    with database.owner_session() as connection, connection.transaction():
        for table in _TABLES:
            connection.execute(
                f"create table if not exists public.kept_{table} as table daybook.{table}".encode()
            )
    try:
        if chance.random() < 0.25:
            with database.owner_session() as connection, connection.transaction():
                done, clues = tampered_checkpoints.alter(connection, auditor, chance)
            yield Tampering(done, done, lambda found: _told(found, clues))
        else:
            yield _alter_events(database, log, auditor, chance)
    finally:
        with database.owner_session() as connection, connection.transaction():
            for table in _TABLES:
                connection.execute(f"truncate daybook.{table}".encode())
                as_it_was = "overriding system value" if table == "checkpoints" else ""
                connection.execute(
                    f"insert into daybook.{table} {as_it_was} table public.kept_{table}".encode()
                )


def _alter_events(
    database: Database, log: EventLog, auditor: PostgresAuditor, chance: random.Random
) -> Tampering:
    size = log.size()
    first, second = sorted(chance.sample(range(size), 2))
    move = chance.choice(_MOVES)
    with database.owner_session() as connection, connection.transaction():
        if move == "fork":
            kind = _edit(connection, first, chance, but="node")
        else:
            kind = _move(connection, move, first, second, chance)
            if kind.startswith("swap") and _same(connection):  # swapped with its like: that is no change
                move, kind = "edit", _edit(connection, first, chance)
    touched = {"insert": [second], "truncate": [second], "double": [size]}.get(move, [first, second])
    touched = [first] if move in {"edit", "fork"} else touched
    # A forged node is the right one again.
    forged = move == "fork" or (
        move not in {"insert", "double"} and not kind.endswith("node") and chance.random() < 0.5
    )
    if forged:
        root = recompute_nodes(database, log, 0)
    if move == "fork":
        with database.owner_session() as connection, connection.transaction():
            tampered_checkpoints.sign_fork(connection, auditor, size, root, from_size=first + 1)
        kind = "fork: rewritten and signed again"
    kind += ", forged" if forged and move != "fork" else ""

    def named(found: Verified) -> bool:
        if move == "fork":
            return _told(found, ("fork", "was altered somewhere"))
        indexes = {problem.log_index for problem in found.problems}
        if not forged:
            return indexes.issuperset(touched)
        ranges = [_RANGE.search(problem.what) for problem in found.problems]
        return touched[0] in indexes or any(
            one is not None and int(one[1]) <= touched[0] <= int(one[2]) for one in ranges
        )

    return Tampering(kind, f"{kind} of events {first} and {second}", named)


def _edit(connection: psycopg.Connection, index: int, chance: random.Random, *, but: str = "") -> str:
    what = chance.choice([one for one in _EDITS if one != but])
    value = _EDITS[what].replace("{byte}", str(chance.randrange(1000)))
    column = _COLUMNS.get(what, what)
    connection.execute(f"update daybook.events set {column} = {value} where log_index = {index}".encode())
    return f"edit {what}"


def _move(connection: psycopg.Connection, move: str, first: int, second: int, chance: random.Random) -> str:
    def run(statement: str) -> None:
        connection.execute(statement.encode())

    if move == "edit":
        return _edit(connection, first, chance)
    if move == "swap":
        what = chance.choice(_SWAPPED)
        column = _COLUMNS.get(what, what)
        run("alter table daybook.events drop constraint events_event_id")
        run(
            f"update daybook.events e set {column} = o.{column} from daybook.events o where"
            f" (e.log_index, o.log_index) in (({first}, {second}), ({second}, {first}))"
        )
        run("alter table daybook.events add constraint events_event_id unique (event_id)")
        return f"swap {what}"
    if move == "reorder":
        for old, new in ((first, -1), (second, first), (-1, second)):
            run(f"update daybook.events set log_index = {new} where log_index = {old}")
    elif move == "delete":
        run(f"delete from daybook.events where log_index in ({first}, {second})")
    elif move == "truncate":
        run(f"delete from daybook.events where log_index >= {second}")
    elif move == "insert":
        run(f"update daybook.events set log_index = -log_index - 1 where log_index >= {second}")
        run("update daybook.events set log_index = -log_index where log_index < 0")
        run(
            f"insert into daybook.events select {second}, gen_random_uuid(), 1, gen_random_uuid(), 1, time,"
            f" type, metadata, payload, node from daybook.events where log_index = {second - 1}"
        )
    else:  # double
        run(
            "insert into daybook.events select max(log_index) over () + 1, gen_random_uuid(), 1,"
            f" gen_random_uuid(), 1, time, type, metadata, payload, node from daybook.events"
            f" order by log_index = {first} desc limit 1"
        )
    return move


def _same(connection: psycopg.Connection) -> bool:
    row = connection.execute(
        "select not exists (table daybook.events except table public.kept_events)"
    ).fetchone()
    return bool(row and row[0])


def _told(found: Verified, clues: tuple[str, ...]) -> bool:
    """Whether some problem has one of these words."""
    return any(clue in problem.what for problem in found.problems for clue in clues)
