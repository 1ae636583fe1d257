"""A PostgreSQL server for the tests of one process, and throw-away databases copied from a migrated template.

`DAYBOOK_TEST_DATABASE_URL` names a server to use (as a superuser); without it
one is started on a Unix socket, without durability, and stopped at the end.
The fixtures are a plugin of the whole run: what a `conftest.py` imports instead
is a fixture anew, with a server anew, in every folder that imports it.
"""

import os
import uuid
from collections.abc import Iterator

import psycopg
import pytest

from infrastructure.postgres.database import Database
from infrastructure.postgres.migrate import migrate
from tests.support.postgres_server import NOT_DURABLE, PostgresServer, quick_place, with_database


@pytest.fixture(scope="session")
def server_url() -> Iterator[str]:
    given = os.environ.get("DAYBOOK_TEST_DATABASE_URL")  # noqa: TID251 - of the test run, not of the product
    if given:
        yield given
        return
    with PostgresServer(options=NOT_DURABLE, folder=quick_place()) as server:
        yield server.url


@pytest.fixture(scope="session")
def template_database(server_url: str) -> Iterator[str]:
    name = _new_name("template")
    _statement(server_url, f"create database {name} encoding 'UTF8' template template0")
    database = Database(with_database(server_url, name))
    migrate(database)
    database.check_server()
    database.close()
    yield name
    drop_database(server_url, name)
    _statement(server_url, f"drop owned by {database.role}")
    _statement(server_url, f"drop role {database.role}")


def make_database(server_url: str, template: str) -> str:
    """Copy a migrated database; return the name of the copy."""
    name = _new_name("test")
    # Files, not WAL: a quarter of the work, on a server that has nothing else to write at its checkpoint.
    _statement(server_url, f"create database {name} template {template} strategy file_copy")
    return name


def drop_database(server_url: str, name: str) -> None:
    """Take a database away, whoever is still connected to it."""
    _statement(server_url, f"drop database {name} with (force)")


@pytest.fixture
def database_url(server_url: str, template_database: str) -> Iterator[str]:
    """A migrated database of this test's own."""
    name = make_database(server_url, template_database)
    yield with_database(server_url, name)
    drop_database(server_url, name)


@pytest.fixture
def empty_database_url(server_url: str) -> Iterator[str]:
    """A database of this test's own with nothing in it."""
    name = _new_name("test")
    _statement(server_url, f"create database {name} encoding 'UTF8' template template0 strategy file_copy")
    yield with_database(server_url, name)
    drop_database(server_url, name)


@pytest.fixture
def database(database_url: str) -> Iterator[Database]:
    """A book as the application has it: it takes on its role, and cannot change the log."""
    database = Database(database_url, max_connections=20)
    yield database
    database.close()


def _new_name(kind: str) -> str:
    return f"daybook_{kind}_{uuid.uuid4().hex[:12]}"


def _statement(server_url: str, statement: str) -> None:
    with psycopg.connect(server_url, autocommit=True) as connection:
        connection.execute(statement.encode())
