"""A dump restored into a new cluster is the same book: it verifies, goes on, and extends its checkpoints."""

from __future__ import annotations

import subprocess
from collections.abc import Iterator
from pathlib import Path

import psycopg
import pytest

from domain.conversation.conversation import Conversation
from domain.ids import new_id
from infrastructure.postgres.database import Database
from infrastructure.postgres.log import EventLog
from infrastructure.postgres.migrate import migrate
from projections.catalogue import read_models
from projections.pump import Pump
from tests.support.events import request
from tests.support.faults.books import ORIGIN, auditor_of
from tests.support.postgres_server import NOT_DURABLE, PostgresServer, binaries, quick_place, with_database
from tests.support.write_side import keyring_of, log_on

needs_psql = pytest.mark.skipif(
    not (binaries() / "pg_dump").exists() or not (binaries() / "psql").exists(),
    reason="these server binaries come without pg_dump and psql",
)


@pytest.fixture
def another_cluster() -> Iterator[str]:
    """The URL of an empty database in a cluster that was just made."""
    with PostgresServer(options=NOT_DURABLE, folder=quick_place()) as server:
        with psycopg.connect(server.url, autocommit=True) as connection:
            connection.execute("create database restored encoding 'UTF8' template template0")
        yield with_database(server.url, "restored")


def dumped_and_restored(old: str, new: str) -> None:
    # Roles belong to a cluster and stay there; the migration makes the book's own in the new one.
    dump = subprocess.run(
        [binaries() / "pg_dump", "--no-privileges", "--no-owner", old], check=True, capture_output=True
    )
    subprocess.run(
        [binaries() / "psql", "-q", "-v", "ON_ERROR_STOP=1", "-1", "-d", new],
        input=dump.stdout, check=True, stdout=subprocess.DEVNULL,
    )  # fmt: skip
    restored = Database(new)
    assert migrate(restored) == []  # the ledger came along
    restored.close()


@needs_psql
def test_a_book_goes_on_in_the_cluster_it_was_restored_into(
    database: Database, database_url: str, another_cluster: str, tmp_path: Path
) -> None:
    before = log_on(database)
    stays, goes = new_id(), new_id()
    for one in (stays, goes):
        before.save([Conversation.start(one, project_id=None, title=f"title of {one}")], ORIGIN)
    gone = before.load(Conversation, goes)
    gone.erase("request")
    before.erase([gone], ORIGIN)
    Pump(database, before, read_models(keyring_of(database))).catch_up()
    old = auditor_of(database, tmp_path).checkpoint()
    before.save([Conversation.start(new_id(), project_id=None, title="after the checkpoint")], ORIGIN)
    rows = EventLog(database).read(0, 100)

    dumped_and_restored(database_url, another_cluster)

    restored = Database(another_cluster)
    log, after, auditor = EventLog(restored), log_on(restored), auditor_of(restored, tmp_path)
    assert log.read(0, 100) == rows
    assert auditor.verify(since=old.note).ok
    conversation = after.load(Conversation, stays)
    conversation.rename("renamed in the new cluster")
    after.save([conversation], ORIGIN)
    assert after.load(Conversation, goes).erased
    assert log.append(request(count=2)).first_index == len(rows) + 1
    times = [row.time for row in log.read(0, 100)]
    assert times == sorted(times)
    assert times[: len(rows)] == [row.time for row in rows]
    assert times[-1] > times[0]
    new = auditor.checkpoint()
    assert (old.size, new.size) == (len(rows) - 1, len(rows) + 3)
    found = auditor.verify(since=old.note)
    assert (found.ok, found.events) == (True, len(rows) + 3)
    restored.close()


@needs_psql
def test_an_old_dump_restored_over_a_newer_book_is_found(
    database: Database, database_url: str, another_cluster: str, tmp_path: Path
) -> None:
    keyring_of(database).unlock()
    log, auditor = EventLog(database), auditor_of(database, tmp_path)
    log.append(request(count=3))
    auditor.checkpoint()
    dumped_and_restored(database_url, another_cluster)
    log.append(request(count=4))
    auditor.checkpoint()

    restored = Database(another_cluster)
    found = auditor_of(restored, tmp_path).verify()

    assert any("put back to an older state" in problem.what for problem in found.problems)
    assert [problem.log_index for problem in found.problems if problem.log_index is not None] == [3, 4, 5, 6]
    restored.close()
