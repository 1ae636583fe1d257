"""Books whose owner and application are two, on the server of the test run."""

from __future__ import annotations

import contextlib
import uuid
from collections.abc import Iterator
from dataclasses import dataclass, field

import psycopg
import pytest
from psycopg import sql
from psycopg.conninfo import make_conninfo

from infrastructure.postgres.database import Database
from infrastructure.postgres.migrate import migrate
from infrastructure.postgres.roles import Login
from tests.support.postgres_server import with_database

PASSWORD = 'it\'s \\ "quoted"'


@dataclass
class Cluster:
    """The server, as its superuser; what a test makes on it goes away with the test."""

    url: str
    databases: list[str] = field(default_factory=list)
    logins: list[str] = field(default_factory=list)

    def run(self, statement: str, *, database: str | None = None) -> list[tuple[object, ...]]:
        where = self.url if database is None else with_database(self.url, database)
        with psycopg.connect(where, autocommit=True) as connection:
            cursor = connection.execute(statement.encode())
            return cursor.fetchall() if cursor.description else []

    def login(self, attributes: str = "") -> str:
        """Make a login without any right; return its name."""
        name = self.name()
        self.run(f"create role {name} login {attributes} password {self.quoted(PASSWORD)}")
        return name

    def name(self) -> str:
        """Return a name for a login, which is dropped in the end."""
        self.logins.append(f"daybook_test_{uuid.uuid4().hex[:12]}")
        return self.logins[-1]

    def database(self, owner: str | None = None) -> str:
        """Make an empty database; return its name."""
        name = f"daybook_test_{uuid.uuid4().hex[:12]}"
        of = f"owner {owner}" if owner else ""
        self.run(f"create database {name} {of} encoding 'UTF8' template template0 strategy file_copy")
        self.databases.append(name)
        return name

    def url_of(self, database: str, login: str | None = None) -> str:
        where = with_database(self.url, database)
        return make_conninfo(where, user=login, password=PASSWORD) if login else where

    def quoted(self, text: str) -> str:
        with psycopg.connect(self.url) as connection:
            return sql.Literal(text).as_string(connection)

    def clean_up(self) -> None:
        for name in self.databases:
            roles = []
            with contextlib.suppress(psycopg.errors.UndefinedTable):
                roles = self.run("select application from daybook.roles", database=name)
            self.run(f"drop database {name} with (force)")
            for (role,) in roles:
                with contextlib.suppress(psycopg.errors.UndefinedObject):
                    self.run(f"drop owned by {role}")
                self.run(f"drop role if exists {role}")
        for name in self.logins:
            self.run(f"drop role if exists {name}")


@dataclass(frozen=True)
class Shared:
    """A book with an owner and an application that logs in as itself."""

    owner_url: str
    url: str
    role: str


@pytest.fixture(scope="module")
def cluster(server_url: str) -> Iterator[Cluster]:
    made = Cluster(server_url)
    yield made
    made.clean_up()


@pytest.fixture(scope="module")
def book(cluster: Cluster) -> Shared:
    """A book whose application has a login of its own, made by migrating."""
    name, login = cluster.database(), cluster.name()
    return migrated(cluster.url_of(name), cluster.url_of(name, login), login)


def migrated(owner_url: str, url: str, login: str) -> Shared:
    owner = Database(owner_url)
    warnings: list[str] = []
    migrate(owner, warn=warnings.append, login=Login(login, PASSWORD))
    assert warnings == []
    with owner.connection():
        role = owner.role
    owner.close()
    assert role is not None
    return Shared(owner_url, url, role)
