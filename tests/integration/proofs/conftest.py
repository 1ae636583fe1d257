"""A book with some history, its auditor, and a superuser's hand on its tables."""

from __future__ import annotations

from pathlib import Path
from uuid import UUID, uuid4

import pytest

from application.ports.audit import Verified
from infrastructure.postgres.database import Database
from infrastructure.postgres.log import AppendRequest, EventLog, EventRow
from infrastructure.proofs.auditor import PostgresAuditor
from tests.support.write_side import keyring_of

STREAMS = 4
SIZE = 24


class Audited:
    """A log of 24 events in 4 streams, and its auditor."""

    def __init__(self, database: Database, home: Path) -> None:
        self.database = database
        self.home = home
        self.log = EventLog(database)
        self.streams = [uuid4() for _ in range(STREAMS)]
        self._versions = dict.fromkeys(self.streams, 0)
        self.auditor = self.in_home(home)

    def in_home(self, home: Path) -> PostgresAuditor:
        return PostgresAuditor(self.database, home, lambda: keyring_of(self.database).book_id)

    def append(self, count: int = 1, stream: UUID | None = None) -> None:
        for number in range(count):
            to = stream or self.streams[number % STREAMS]
            self._versions[to] = self._versions.get(to, 0) + 1
            row = EventRow(to, self._versions[to], uuid4(), "test.happened", 1, b"who", uuid4().bytes)
            self.log.append(AppendRequest([row]))

    def sql(self, statement: str, *values: object) -> list[tuple[object, ...]]:
        with self.database.owner_session() as connection:
            cursor = connection.execute(statement.encode(), values or None)
            return cursor.fetchall() if cursor.description else []

    def verify(self, **how: object) -> Verified:
        return self.auditor.verify(**how)  # type: ignore[arg-type]

    def named(self) -> list[int | None]:
        return [problem.log_index for problem in self.verify().problems]


@pytest.fixture
def empty(database: Database, tmp_path: Path) -> Audited:
    return Audited(database, tmp_path)


@pytest.fixture
def book(empty: Audited) -> Audited:
    """24 events, the first 16 signed."""
    empty.append(16)
    empty.auditor.checkpoint()
    empty.append(SIZE - 16)
    return empty
