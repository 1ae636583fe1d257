"""PostgreSQL's errors reach people as sentences that say what happened and what to do, never with a
password."""

import psycopg
import pytest
from psycopg import errors

from application.errors import DatabaseError, DatabaseUnreachableError
from infrastructure.postgres.database import Database
from infrastructure.postgres.failures import connect_failure, described, translate

PARAMETERS = {"host": "db.example", "port": "5433", "dbname": "book", "user": "ann", "password": "s3cret"}


@pytest.mark.parametrize(
    ("kind", "words", "unreachable"),
    [
        (errors.DiskFull, "disk of database 'book' is full", False),
        (errors.TooManyConnections, "takes no more connections", True),
        (errors.ReadOnlySqlTransaction, "takes no writes", False),
        (errors.AdminShutdown, "shutting down", True),
        (errors.CrashShutdown, "crashed", True),
        (errors.CannotConnectNow, "starting or stopping", True),
        (errors.LockNotAvailable, "holds a lock", False),
        (errors.QueryCanceled, "cancelled", False),
        (errors.UndefinedTable, "lacks a table", False),
        (errors.InsufficientPrivilege, "lacks a right", False),
        (errors.SyntaxError, "refused a statement (42601)", False),
        (psycopg.OperationalError, "connection to database 'book' was lost", True),
        (errors.ConnectionFailure, "was lost", True),
    ],
)
def test_an_error_of_a_statement_is_told(kind: type[psycopg.Error], words: str, *, unreachable: bool) -> None:
    told = translate(kind("the server's words"), "database 'book'")
    assert words in told.message[0].lower() + told.message[1:]
    assert told.hint
    assert isinstance(told, DatabaseUnreachableError) is unreachable


@pytest.mark.parametrize(
    ("server", "words", "unreachable"),
    [
        ('FATAL:  password authentication failed for user "ann"', "refuses the login", False),
        ("fe_sendauth: no password supplied", "refuses the login", False),
        ('FATAL:  no pg_hba.conf entry for host "1.2.3.4"', "refuses the login", False),
        ('FATAL:  database "book" does not exist', "no database of that name", False),
        ('FATAL:  role "ann" does not exist', "does not know the user", False),
        ("FATAL:  sorry, too many clients already", "takes no more connections", True),
        ("FATAL:  the database system is starting up", "starting or stopping", True),
        ("FATAL:  the database system is shutting down", "shutting down", True),
        ('could not translate host name "db.example"', "is not known", True),
        ("Connection refused\n\tIs the server running on that host?", "does not answer", True),
        ("connection timeout expired", "does not answer", True),
        ("FATAL:  quelque chose de français", "No connection to", True),
    ],
)
def test_a_connection_that_cannot_be_made_is_told(server: str, words: str, *, unreachable: bool) -> None:
    error = psycopg.OperationalError(f'connection to server at "db.example", port 5433 failed: {server}')
    told = connect_failure(error, PARAMETERS)
    assert words in told.message
    assert "othing" in told.message
    assert told.hint
    assert "s3cret" not in told.message + told.hint
    assert isinstance(told, DatabaseUnreachableError) is unreachable


@pytest.mark.parametrize("password", ["x", "t"])
def test_a_short_password_is_not_told_by_the_gaps_it_would_leave(password: str) -> None:
    error = psycopg.OperationalError("FATAL:  something that does not exist")
    told = connect_failure(error, PARAMETERS | {"password": password})
    assert "…" not in told.message
    assert "something" not in told.message


def test_a_long_password_that_the_server_repeats_is_taken_out() -> None:
    error = psycopg.OperationalError("FATAL:  strange words about s3cret")
    told = connect_failure(error, PARAMETERS)
    assert "strange words about …" in told.message


@pytest.mark.parametrize(
    "url",
    ["mysql://ann:s3cret@host/book", "postgresql+psycopg://ann:s3cret@host/book", "host=a s3cret", "s3cret"],
)
def test_a_url_that_cannot_be_read_is_not_repeated(url: str) -> None:
    database = Database(url)
    with pytest.raises(DatabaseError, match="cannot be read") as caught:
        database.check_server()
    assert "s3cret" not in caught.value.message + caught.value.hint


def test_a_database_is_named_without_its_password() -> None:
    assert described(PARAMETERS) == "database 'book' at db.example:5433"
    assert described({"host": "/run/pg", "dbname": "book"}) == "database 'book' at /run/pg"
    assert Database("postgresql://ann:s3cret@db.example/book").name == "database 'book' at db.example"
