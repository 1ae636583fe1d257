"""The log's Merkle tree is that of RFC 6962, whatever the sizes and batches; its leaves never change their
layout."""

import json
from datetime import UTC, datetime, timedelta
from pathlib import Path
from types import SimpleNamespace
from uuid import UUID

import psycopg
import pytest
from hypothesis import HealthCheck, given, settings
from hypothesis import strategies as st

from infrastructure.postgres.database import Database
from infrastructure.postgres.log import AppendRequest, EventLog
from tests.support.events import request
from tests.support.merkle import frontier, leaf_hash, leaf_record, root_of, tree_hash

VECTORS = json.loads((Path(__file__).parents[2] / "vectors" / "leaf.json").read_text(encoding="utf-8"))


def leaves_of(log: EventLog) -> list[bytes]:
    return [leaf_hash(leaf_record(row)) for row in log.read(0, 1_000_000)]


def frontier_at(database: Database, size: int) -> list[bytes]:
    with database.connection() as connection:
        row = connection.execute("select daybook.frontier(%s)", (size,)).fetchone()
    assert row is not None
    return [bytes(node) for node in row[0]]


def test_every_frontier_equals_the_reference(database: Database) -> None:
    log = EventLog(database)
    for count in (1, 1, 1, 2, 3, 1, 8, 1, 16, 5, 1, 1, 60, 1, 27):
        log.append(request(count=count))
    leaves = leaves_of(log)
    for size in range(len(leaves) + 1):
        roots = frontier_at(database, size)
        assert roots == frontier(leaves[:size])
        assert root_of(roots) == tree_hash(leaves[:size])


def test_the_head_is_where_the_log_stands(database: Database) -> None:
    with database.connection() as connection:
        assert connection.execute("select size, frontier from daybook.head").fetchall() == [(0, [])]
    log = EventLog(database)
    log.append(request(count=13))
    with database.connection() as connection:
        [(size, time, roots)] = connection.execute("select size, time, frontier from daybook.head").fetchall()
    assert (size, time, roots) == (13, log.read(12, 1)[0].time, frontier(leaves_of(log)))


def test_batches_with_refused_requests_leave_the_tree_whole(database: Database) -> None:
    log = EventLog(database)
    log.append(request(count=5))
    with database.connection() as connection:
        from infrastructure.postgres.append_call import call_append, encoded

        for _ in range(4):
            call_append(
                connection, encoded([request(first=9), request(), request(first=5), request(count=2)])
            )
    assert frontier_at(database, 17) == frontier(leaves_of(log))


class TestWhateverTheBatches:
    """One database for all of hypothesis's examples; each begins with an empty log."""

    @pytest.fixture(autouse=True)
    def _log(self, database: Database) -> None:
        self.database = database
        self.log = EventLog(database)

    @settings(max_examples=40, deadline=None, suppress_health_check=[HealthCheck.function_scoped_fixture])
    @given(st.lists(st.integers(1, 40), min_size=1, max_size=6), st.floats(0, 1))
    def test_the_frontier_equals_the_reference(self, counts: list[int], part: float) -> None:
        with self.database.owner_session() as connection:
            connection.execute("truncate daybook.events")
        leaves: list[bytes] = []
        for count in counts:
            appended = self.log.append(request(count=count))
            assert appended.first_index == len(leaves)
            leaves += [leaf_hash(leaf_record(row)) for row in self.log.read(len(leaves), count)]
        size = round(part * len(leaves))
        assert frontier_at(self.database, size) == frontier(leaves[:size])
        assert root_of(frontier_at(self.database, len(leaves))) == tree_hash(leaves)


@pytest.mark.parametrize("vector", VECTORS["leaves"], ids=lambda vector: str(vector["about"]))
def test_a_leaf_is_as_written_down(database_url: str, vector: dict[str, str]) -> None:
    time = datetime(1970, 1, 1, tzinfo=UTC) + timedelta(microseconds=int(vector["time_us"]))
    row = SimpleNamespace(
        log_index=int(vector["log_index"]),
        stream_id=UUID(vector["stream_id"]),
        version=int(vector["version"]),
        event_id=UUID(vector["event_id"]),
        type=vector["type"],
        schema_version=int(vector["schema_version"]),
        time=time,
        metadata=bytes.fromhex(vector["metadata"]),
        payload=bytes.fromhex(vector["payload"]),
    )
    assert leaf_record(row).hex() == vector["record"]
    assert leaf_hash(leaf_record(row)).hex() == vector["leaf"]
    with psycopg.connect(database_url) as connection:
        computed = connection.execute(
            "select encode(daybook.leaf(%(log_index)s, %(stream_id)s, %(version)s, %(event_id)s, %(type)s,"
            " %(schema_version)s, %(time)s, %(metadata)s, %(payload)s), 'hex')",
            vars(row),
        ).fetchone()
    assert computed == (vector["leaf"],)


def test_what_append_stores_is_the_leaf_function_s(database: Database) -> None:
    log = EventLog(database)
    log.append(request())
    log.append(AppendRequest([*request(count=2).events, *request(count=1).events]))
    with database.connection() as connection:
        wrong = connection.execute(
            "select e.log_index from daybook.events e where e.log_index & 1 = 0 and e.node <> daybook.leaf("
            "e.log_index, e.stream_id, e.version, e.event_id, e.type, e.schema_version, e.time, e.metadata,"
            " e.payload)"
        ).fetchall()
    assert wrong == []
