"""A disk that runs full refuses appends and loses none; when there is room again, appends go on."""

from __future__ import annotations

import os
import shutil
from collections.abc import Iterator
from pathlib import Path
from uuid import uuid4

import psycopg
import pytest

from application.errors import DatabaseError
from infrastructure.postgres.database import Database
from infrastructure.postgres.log import AppendRequest, EventLog
from infrastructure.postgres.migrate import migrate
from tests.support.events import event
from tests.support.faults.books import auditor_of
from tests.support.faults.servers import CrashingServer
from tests.support.postgres_server import PostgresServer, with_database
from tests.support.small_disk import NoSmallDiskError, small_disk
from tests.support.write_side import keyring_of

MEGABYTE = bytes(range(256)) * 4096


@pytest.fixture
def disk() -> Iterator[Path]:
    try:
        with small_disk(120) as place:
            yield place
    except NoSmallDiskError as why:
        pytest.skip(str(why))


def filled(log: EventLog) -> tuple[list[int], DatabaseError]:
    """Append until it is refused; return the acknowledged log indexes and the refusal."""
    acknowledged: list[int] = []
    for _ in range(200):
        try:
            done = log.append(AppendRequest([event(uuid4(), payload=MEGABYTE)]))
        except DatabaseError as error:
            return acknowledged, error
        assert done.first_index is not None
        acknowledged.append(done.first_index)
    raise AssertionError("the disk did not run full")


def test_an_append_on_a_full_disk_is_refused_with_the_reason_and_nothing_is_lost(
    crashing_server: CrashingServer, disk: Path, tmp_path: Path
) -> None:
    """The events are on the full disk, the server's WAL is not: the statement fails, the server lives."""
    owner = crashing_server.data.stat()
    space = disk / "space"
    space.mkdir()
    os.chown(space, owner.st_uid, owner.st_gid)
    with psycopg.connect(crashing_server.url, autocommit=True) as connection:
        connection.execute(f"create tablespace small location '{space}'".encode())
        connection.execute("create database full_disk template template0 tablespace small")
    database = Database(with_database(crashing_server.url, "full_disk"))
    migrate(database)
    keyring_of(database).unlock()
    ballast = disk / "ballast"
    ballast.write_bytes(MEGABYTE * 40)
    log, auditor = EventLog(database), auditor_of(database, tmp_path)

    acknowledged, refusal = filled(log)

    assert "disk" in refusal.message
    assert "is full. Nothing of this command was written." in refusal.message
    assert [row.log_index for row in log.read(0, 1_000)] == acknowledged == list(range(len(acknowledged)))
    ballast.unlink()
    assert log.append(AppendRequest([event(payload=MEGABYTE)])).first_index == len(acknowledged)
    assert auditor.verify().ok
    auditor.checkpoint()
    database.close()
    with psycopg.connect(crashing_server.url, autocommit=True) as connection:
        connection.execute("drop database full_disk")
        connection.execute("drop tablespace small")


def test_a_server_that_stops_because_its_disk_is_full_has_all_that_was_acknowledged_when_it_is_back(
    disk: Path, tmp_path: Path
) -> None:
    """All of the server is on the full disk: it cannot even write its WAL, and ends in a panic."""
    ballast = disk / "ballast"
    with PostgresServer(folder=disk, options={"max_wal_size": "32MB", "min_wal_size": "32MB"}) as server:
        with psycopg.connect(server.url, autocommit=True) as connection:
            connection.execute("create database full_disk template template0")
        database = Database(with_database(server.url, "full_disk"))
        migrate(database)
        keyring_of(database).unlock()
        log, auditor = EventLog(database, settle_seconds=0.5), auditor_of(database, tmp_path)
        free = shutil.disk_usage(disk).free
        ballast.write_bytes(bytes(max(0, free - 12 * len(MEGABYTE))))

        acknowledged, refusal = filled(log)

        ballast.unlink()
        server.stop()
        server.start()
        rows = log.read(0, 1_000)
        assert [row.log_index for row in rows] == list(range(len(rows)))
        assert len(acknowledged) <= len(rows) <= len(acknowledged) + 1
        if len(rows) > len(acknowledged):  # then it was not told to be refused
            assert "may or may not" in refusal.message
        assert log.append(AppendRequest([event(payload=MEGABYTE)])).first_index == len(rows)
        assert auditor.verify().ok
        database.close()
