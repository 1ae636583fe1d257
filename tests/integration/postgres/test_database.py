"""The pool: lends idle connections of a server that lives, and tells errors as ours."""

import threading
from concurrent.futures import ThreadPoolExecutor

import psycopg
import pytest

from application.errors import DatabaseError, DatabaseUnreachableError
from infrastructure.postgres.database import Database
from tests.support.postgres_server import with_database


def test_connections_are_used_again(database: Database) -> None:
    with database.connection() as first:
        pass
    with database.connection() as second:
        assert second is first
        assert second.autocommit


def test_what_is_left_open_is_not_lent_again(database: Database) -> None:
    with database.connection() as first:
        first.execute("begin")
    with database.connection() as second:
        assert second is not first
        assert second.info.transaction_status == psycopg.pq.TransactionStatus.IDLE


def test_a_transaction_commits_whole_or_not(database: Database) -> None:
    with database.transaction() as connection:
        connection.execute("create temporary table kept (n int)")
    with pytest.raises(DatabaseError), database.transaction() as connection:
        connection.execute("create temporary table dropped (n int); select 1/0")
    with database.connection() as connection:
        row = connection.execute("select to_regclass('kept')::text, to_regclass('dropped')::text").fetchone()
    assert row == ("kept", None)


def test_an_idle_connection_that_the_server_ended_is_not_lent(database: Database, database_url: str) -> None:
    with database.connection() as connection:
        pid = connection.info.backend_pid
    with psycopg.connect(database_url, autocommit=True) as other:
        other.execute("select pg_terminate_backend(%s, 5000)", (pid,))
    with database.connection() as connection:
        assert connection.execute("select 1").fetchone() == (1,)


def test_an_error_of_a_statement_comes_out_as_ours(database: Database) -> None:
    with pytest.raises(DatabaseError, match="daybook_nowhere"), database.connection() as connection:
        connection.execute("select * from daybook_nowhere.nothing")
    with database.connection() as connection:
        assert connection.execute("select 1").fetchone() == (1,)


def test_no_more_connections_than_allowed_are_open(database_url: str) -> None:
    database = Database(database_url, max_connections=3, connect_timeout=1.0)
    pids: set[int] = set()

    def use(_: int) -> None:
        with database.connection() as connection:
            pids.add(connection.info.backend_pid)
            connection.execute("select pg_sleep(0.002)")

    with ThreadPoolExecutor(12) as pool:
        list(pool.map(use, range(100)))
    assert len(pids) <= 3
    database.close()


def test_a_pool_that_stays_busy_says_so(database_url: str) -> None:
    database = Database(database_url, max_connections=1, connect_timeout=1.0)
    taken, done = threading.Event(), threading.Event()

    def hold() -> None:
        with database.connection():
            taken.set()
            done.wait(10)

    holder = threading.Thread(target=hold)
    holder.start()
    taken.wait(10)
    with pytest.raises(DatabaseError, match="busy"), database.connection():
        pass
    done.set()
    holder.join()
    database.close()


def test_a_closed_database_lends_nothing(database_url: str) -> None:
    database = Database(database_url)
    with database.connection() as connection:
        database.close()
        connection.execute("select 1")
    assert connection.closed
    with pytest.raises(DatabaseError, match="closed"), database.connection():
        pass


def test_a_session_is_its_own_and_named(database: Database) -> None:
    with database.session() as session, database.connection() as pooled:
        assert session is not pooled
        assert session.execute("select current_setting('application_name')").fetchone() == ("daybook",)
        assert session.execute("select current_setting('lock_timeout')").fetchone() == ("0",)


def test_the_server_s_version_is_told(database: Database) -> None:
    assert database.check_server() >= 150000


def test_a_missing_database_is_told(server_url: str) -> None:
    database = Database(with_database(server_url, "daybook_not_there"))
    with pytest.raises(DatabaseError, match="no database of that name"):
        database.check_server()


def test_a_server_that_is_not_there_is_told_and_nothing_was_written() -> None:
    database = Database("postgresql://ann:s3cret@127.0.0.1:1/book", connect_timeout=1.0)
    with pytest.raises(DatabaseUnreachableError, match="Nothing was read or written") as caught:
        database.check_server()
    assert "s3cret" not in caught.value.message


def test_an_older_server_is_refused(database_url: str, monkeypatch: pytest.MonkeyPatch) -> None:
    monkeypatch.setattr("infrastructure.postgres.database.OLDEST_SERVER", 990000)
    with pytest.raises(DatabaseError, match="needs 15 or newer"):
        Database(database_url).check_server()


def test_a_session_that_is_lost_in_its_block_is_told_in_our_words(
    database: Database, database_url: str
) -> None:
    def rewrite() -> None:
        with database.alone() as session:
            with psycopg.connect(database_url, autocommit=True) as other:
                other.execute("select pg_terminate_backend(%s, 5000)", (session.info.backend_pid,))
            session.execute("vacuum (full) daybook.data_keys")

    with pytest.raises(DatabaseUnreachableError):
        rewrite()


def test_a_session_of_a_block_is_closed_at_its_end(database: Database) -> None:
    with database.alone() as session:
        assert session.autocommit
    assert session.closed
