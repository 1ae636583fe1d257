"""Migrations: applied once, in order, by one runner at a time, never to another's database unasked."""

import subprocess
import sys
from collections.abc import Iterator
from concurrent.futures import ThreadPoolExecutor
from pathlib import Path

import psycopg
import pytest

from application.errors import DatabaseError
from infrastructure.postgres import migrate as module
from infrastructure.postgres.database import Database
from infrastructure.postgres.migrate import (
    Migration,
    form,
    known_form,
    known_migrations,
    migrate,
    prepare,
    require_current,
    status,
)

LABELS = [m.label for m in known_migrations()]


@pytest.fixture
def empty(empty_database_url: str) -> Iterator[Database]:
    database = Database(empty_database_url, as_owner=True)
    yield database
    database.close()


def execute(database: Database, statement: str) -> None:
    with database.connection() as connection:
        connection.execute(statement.encode())


def pretend(monkeypatch: pytest.MonkeyPatch, *migrations: Migration) -> None:
    monkeypatch.setattr(module, "known_migrations", lambda: migrations)


NEXT = Migration(len(LABELS) + 1, "next", "sha", "create table daybook.next (n int)")


def test_an_empty_database_gets_every_migration_once(empty: Database) -> None:
    said: list[str] = []
    assert migrate(empty, say=said.append) == LABELS
    assert [line.removeprefix("Applying ") for line in said] == LABELS
    assert migrate(empty) == []
    now = status(empty)
    assert (now.current, list(now.applied), now.pending, now.foreign_tables) == (True, LABELS, (), ())
    assert now.server_version >= 150000


def test_before_migrating_everything_is_pending(empty: Database) -> None:
    now = status(empty)
    assert (now.current, now.applied, list(now.pending)) == (False, (), LABELS)
    with pytest.raises(DatabaseError, match="no book") as caught:
        require_current(empty)
    assert caught.value.hint == "daybook db migrate"


def test_sixteen_threads_at_once_all_end_well(empty_database_url: str) -> None:
    def run(_: int) -> list[str]:
        database = Database(empty_database_url)
        done = migrate(database)
        require_current(database)
        database.close()
        return done

    with ThreadPoolExecutor(16) as pool:
        results = list(pool.map(run, range(16)))
    assert sorted(results) == [[]] * 15 + [LABELS]


def test_four_processes_at_once_all_end_well(empty_database_url: str) -> None:
    code = (
        "import sys; from infrastructure.postgres.database import Database;"
        "from infrastructure.postgres.migrate import prepare, require_current;"
        "d = Database(sys.argv[1]); prepare(d, auto=False); require_current(d)"
    )
    root = Path(__file__).parents[3]
    runs = [subprocess.Popen([sys.executable, "-c", code, empty_database_url], cwd=root) for _ in range(4)]
    assert [run.wait(60) for run in runs] == [0] * 4


def test_a_database_of_somebody_else_s_is_refused_until_adopted(empty: Database) -> None:
    execute(empty, "create table public.customers (n int)")
    for attempt in (lambda: migrate(empty), lambda: prepare(empty, auto=True)):
        with pytest.raises(DatabaseError, match=r"public\.customers") as caught:
            attempt()
        assert "--adopt" in caught.value.hint
    assert status(empty).applied == ()
    assert migrate(empty, adopt=True) == LABELS
    require_current(empty)
    assert status(empty).foreign_tables == ("public.customers",)


def test_a_schema_of_our_name_without_a_ledger_is_refused_even_when_adopting(empty: Database) -> None:
    execute(empty, "create schema daybook; create table daybook.events (n int)")
    with pytest.raises(DatabaseError, match="not a book"):
        migrate(empty, adopt=True)


def test_a_newer_book_is_left_alone(empty: Database) -> None:
    migrate(empty)
    execute(empty, "insert into daybook.migrations (number, name, sha256) values (9999, 'future', 'x')")
    assert status(empty).unknown == ("9999_future",)
    for attempt in (migrate, require_current, lambda database: prepare(database, auto=True)):
        with pytest.raises(DatabaseError, match="newer Daybook"):
            attempt(empty)


def test_a_changed_migration_is_noticed(empty: Database) -> None:
    migrate(empty)
    execute(empty, "update daybook.migrations set sha256 = 'other' where number = 1")
    assert status(empty).changed == (LABELS[0],)
    for attempt in (migrate, require_current):
        with pytest.raises(DatabaseError, match="other migrations"):
            attempt(empty)


def test_a_pending_migration_waits_for_the_command_unless_automatic(
    empty: Database, monkeypatch: pytest.MonkeyPatch
) -> None:
    prepare(empty, auto=False)
    pretend(monkeypatch, *known_migrations(), NEXT)
    for attempt in (require_current, lambda database: prepare(database, auto=False)):
        with pytest.raises(DatabaseError, match=NEXT.label) as caught:
            attempt(empty)
        assert caught.value.hint == "daybook db migrate"
    prepare(empty, auto=True)
    assert status(empty).current


def test_a_migration_that_fails_leaves_nothing_and_can_be_run_again(
    empty: Database, monkeypatch: pytest.MonkeyPatch
) -> None:
    migrate(empty)
    pretend(
        monkeypatch, *known_migrations(), NEXT._replace(sql="create table daybook.next (n int); select 1/0")
    )
    with pytest.raises(DatabaseError, match="division by zero"):
        migrate(empty)
    monkeypatch.undo()
    require_current(empty)
    pretend(monkeypatch, *known_migrations(), NEXT)
    assert migrate(empty) == [NEXT.label]


def test_where_one_of_several_fails_none_is_applied(empty: Database, monkeypatch: pytest.MonkeyPatch) -> None:
    migrate(empty)
    before = form(empty)
    last = NEXT._replace(number=NEXT.number + 1, name="the_one_after", sql="select 1/0")
    pretend(monkeypatch, *known_migrations(), NEXT, last)
    with pytest.raises(DatabaseError, match="division by zero"):
        migrate(empty)
    monkeypatch.undo()
    require_current(empty)
    assert form(empty) == before == known_form()


def test_a_lock_that_cannot_be_had_ends_the_migration(
    empty: Database, empty_database_url: str, monkeypatch: pytest.MonkeyPatch
) -> None:
    migrate(empty)
    impatient = "set local lock_timeout = '50ms'; alter table daybook.events add column extra int"
    pretend(monkeypatch, *known_migrations(), NEXT._replace(sql=impatient))
    with psycopg.connect(empty_database_url) as reader:
        reader.execute("select count(*) from daybook.events")
        with pytest.raises(DatabaseError, match="holds a lock"):
            migrate(empty)
    assert migrate(empty) == [NEXT.label]


def test_an_encoding_other_than_utf8_is_refused(server_url: str) -> None:
    with psycopg.connect(server_url, autocommit=True) as connection:
        connection.execute("create database daybook_ascii encoding 'SQL_ASCII' locale 'C' template template0")
        try:
            database = Database(server_url + " dbname=daybook_ascii")
            with pytest.raises(DatabaseError, match="SQL_ASCII"):
                migrate(database)
            database.close()
        finally:
            connection.execute("drop database daybook_ascii with (force)")


def test_the_files_are_numbered_from_one_without_gaps() -> None:
    assert [m.number for m in known_migrations()] == list(range(1, len(LABELS) + 1))


def test_all_objects_live_in_schemas_of_our_name(empty: Database) -> None:
    migrate(empty)
    with empty.connection() as connection:
        strange = connection.execute(
            "select n.nspname, c.relname from pg_class c join pg_namespace n on n.oid = c.relnamespace"
            " where n.nspname !~ '^(daybook|pg_)' and n.nspname <> 'information_schema'"
            " union all"
            " select n.nspname, p.proname from pg_proc p join pg_namespace n on n.oid = p.pronamespace"
            " where n.nspname !~ '^(daybook|pg_)' and n.nspname <> 'information_schema'"
        ).fetchall()
    assert strange == []
