"""A superuser's hand on the log: one alteration at random, mended afterwards."""

from __future__ import annotations

import random
from collections.abc import Iterator
from contextlib import contextmanager
from typing import TYPE_CHECKING

from infrastructure.postgres.database import Database
from infrastructure.postgres.log import EventLog
from tests.support.merkle import leaf_hash, leaf_record, tree_hash

if TYPE_CHECKING:
    import psycopg

# What is set for a column of the event {a}; {b} is another event.
_EDITS = {
    "payload": "set_byte(payload, {byte} % length(payload), get_byte(payload, {byte} % length(payload)) # 1)",
    "metadata": "metadata || '\\x00'",
    "type": "type || '.'",
    "schema_version": "schema_version + 1",
    "time": "time - interval '1 microsecond'",
    "event_id": "gen_random_uuid()",
    "stream_id": "gen_random_uuid()",
    "version": "version + 1000",
    "node": "sha256(node)",
}
_SWAPPED = ("payload", "metadata", "event_id", "time", "node")
_MOVES = ("edit", "edit", "edit", "delete", "insert", "swap events", "swap columns", "cut", "double")


def recompute_nodes(database: Database, log: EventLog, first: int) -> None:
    """Do what a careful forger does: compute the stored hashes again from the altered event on."""
    rows = log.read(0, 1_000_000)
    leaves = [leaf_hash(leaf_record(row)) for row in rows]
    with database.owner_session() as connection, connection.transaction():
        for at, row in enumerate(rows[first:], first):
            span = (at + 1) & -(at + 1)
            node = tree_hash(leaves[at + 1 - span : at + 1])
            connection.execute(
                "update daybook.events set node = %s where log_index = %s", (node, row.log_index)
            )


@contextmanager
def tamper(database: Database, log: EventLog, chance: random.Random) -> Iterator[str]:
    """Alter the log in one way; yield what was done, and undo it afterwards."""
    with database.owner_session() as connection:
        connection.execute("create table if not exists public.kept as table daybook.events")
    size = log.size()
    first, second = sorted(chance.sample(range(size), 2))
    move = chance.choice(_MOVES)
    forged = move not in {"insert", "double"} and chance.random() < 0.5
    with database.owner_session() as connection, connection.transaction():
        what = _move(connection, move, first, second, chance)
        if what.endswith(("payload", "metadata", "time")) and _same(connection):
            what = _move(
                connection, "edit", first, second, chance
            )  # swapped with its like: that is no change
    forged = forged and not what.endswith("node")  # a forged node is the right one again
    if forged:
        recompute_nodes(database, log, 0)
    try:
        yield f"{what} of events {first} and {second}{', forged' if forged else ''}"
    finally:
        with database.owner_session() as connection, connection.transaction():
            connection.execute("truncate daybook.events")
            connection.execute("insert into daybook.events table public.kept")


def _move(connection: psycopg.Connection, move: str, first: int, second: int, chance: random.Random) -> str:
    def run(statement: str) -> None:
        connection.execute(statement.encode())

    if move == "edit":
        column = chance.choice(list(_EDITS))
        value = _EDITS[column].replace("{byte}", str(chance.randrange(1000)))
        run(f"update daybook.events set {column} = {value} where log_index = {first}")
        return f"edit {column}"
    if move == "swap columns":
        column = chance.choice(_SWAPPED)
        run("alter table daybook.events drop constraint events_event_id")
        run(
            f"update daybook.events e set {column} = o.{column} from daybook.events o where"
            f" (e.log_index, o.log_index) in (({first}, {second}), ({second}, {first}))"
        )
        run("alter table daybook.events add constraint events_event_id unique (event_id)")
        return f"swap {column}"
    if move == "swap events":
        for old, new in ((first, -1), (second, first), (-1, second)):
            run(f"update daybook.events set log_index = {new} where log_index = {old}")
    elif move == "delete":
        run(f"delete from daybook.events where log_index in ({first}, {second})")
    elif move == "cut":
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
    row = connection.execute("select not exists (table daybook.events except table public.kept)").fetchone()
    return bool(row and row[0])
