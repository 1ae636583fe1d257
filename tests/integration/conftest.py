"""A PostgreSQL server for the tests of one run, and throw-away databases copied from a migrated template.

`DAYBOOK_TEST_DATABASE_URL` names a server to use (as a superuser); without it
one is started on a Unix socket, without durability, and stopped at the end.
"""

import os
import uuid
from collections.abc import Iterator

import psycopg
import pytest

from infrastructure.postgres.database import Database
from infrastructure.postgres.migrate import migrate
from tests.support.postgres_server import PostgresServer, with_database


@pytest.fixture(scope="session")
def server_url() -> Iterator[str]:
    given = os.environ.get("DAYBOOK_TEST_DATABASE_URL")  # noqa: TID251 - of the test run, not of the product
    if given:
        yield given
        return
    with PostgresServer(
        options={"fsync": "off", "synchronous_commit": "off", "full_page_writes": "off"}
    ) as server:
        yield server.url


@pytest.fixture(scope="session")
def template_database(server_url: str) -> Iterator[str]:
    name = f"daybook_template_{uuid.uuid4().hex[:12]}"
    _statement(server_url, f"create database {name} encoding 'UTF8' template template0")
    database = Database(with_database(server_url, name))
    migrate(database)
    database.check_server()
    database.close()
    yield name
    _statement(server_url, f"drop database {name} with (force)")
    _statement(server_url, f"drop owned by {database.role}")
    _statement(server_url, f"drop role {database.role}")


@pytest.fixture
def database_url(server_url: str, template_database: str) -> Iterator[str]:
    """A migrated database of this test's own."""
    yield from _throw_away(server_url, f"template {template_database}")


@pytest.fixture
def empty_database_url(server_url: str) -> Iterator[str]:
    """A database of this test's own with nothing in it."""
    yield from _throw_away(server_url, "encoding 'UTF8' template template0")


@pytest.fixture
def database(database_url: str) -> Iterator[Database]:
    """A book as the application has it: it takes on its role, and cannot change the log."""
    database = Database(database_url, max_connections=20)
    yield database
    database.close()


def _throw_away(server_url: str, how: str) -> Iterator[str]:
    name = f"daybook_test_{uuid.uuid4().hex[:12]}"
    _statement(server_url, f"create database {name} {how}")
    yield with_database(server_url, name)
    _statement(server_url, f"drop database {name} with (force)")


def _statement(server_url: str, statement: str) -> None:
    with psycopg.connect(server_url, autocommit=True) as connection:
        connection.execute(statement.encode())
