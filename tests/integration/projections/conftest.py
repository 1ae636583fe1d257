"""A book in memory, its read models in PostgreSQL, and queries on them."""

from __future__ import annotations

from collections.abc import Iterator

import psycopg
import pytest

from infrastructure.postgres.database import Database
from projections.catalogue import read_models
from projections.conversations.queries import ConversationQueries
from projections.projects.queries import ProjectQueries
from projections.pump import Pump
from projections.reading import Reading
from projections.routines.queries import RoutineQueries
from projections.search.queries import SearchQueries
from projections.transcript.queries import TranscriptQueries
from projections.usage.queries import UsageQueries
from tests.fakes.histories import Historian
from tests.support.databases import drop_database, make_database
from tests.support.postgres_server import with_database


class Book:
    """What a test needs of the read side. Queries see all that the memory log holds."""

    def __init__(self, database: Database) -> None:
        self.database = database
        self.history = Historian()
        self.log = self.history.log
        self.vault = self.history.vault
        self.pump = Pump(database, self.log, read_models(self.vault))
        self._reading = Reading(database, lambda: self.pump)

    @property
    def reading(self) -> Reading:
        self.pump.catch_up()
        return self._reading

    def reading_as_it_is(self) -> Reading:
        return Reading(self.database, lambda: self.pump, fresh=False)

    @property
    def conversations(self) -> ConversationQueries:
        return ConversationQueries(self.reading, self.vault)

    @property
    def transcript(self) -> TranscriptQueries:
        return TranscriptQueries(self.reading, self.vault)

    @property
    def projects(self) -> ProjectQueries:
        return ProjectQueries(self.reading, self.vault)

    @property
    def routines(self) -> RoutineQueries:
        return RoutineQueries(self.reading, self.vault)

    @property
    def search(self) -> SearchQueries:
        return SearchQueries(self.reading, self.vault)

    @property
    def usage(self) -> UsageQueries:
        return UsageQueries(self.reading)


@pytest.fixture(scope="session")
def shared_database_url(server_url: str, template_database: str) -> Iterator[str]:
    """One database for all tests of this folder: making one costs more than most of them."""
    name = make_database(server_url, template_database)
    yield with_database(server_url, name)
    drop_database(server_url, name)


@pytest.fixture
def database_url(shared_database_url: str) -> str:
    """The shared database, without any read model."""
    with psycopg.connect(shared_database_url) as connection:
        connection.execute("delete from daybook.read_models")
        connection.execute("delete from daybook.read_model_builds")
        rows = connection.execute("select nspname from pg_namespace where nspname like 'daybook\\_%'")
        for (schema,) in rows.fetchall():
            connection.execute(f"drop schema {schema} cascade".encode())
    return shared_database_url


@pytest.fixture
def book(database: Database) -> Book:
    return Book(database)
