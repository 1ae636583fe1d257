"""Migrating gives the application its rights: in old books and new ones, and where no role can be made."""

from __future__ import annotations

from concurrent.futures import ThreadPoolExecutor
from contextlib import closing
from pathlib import Path

import psycopg
import pytest
from psycopg.errors import InsufficientPrivilege

from application.errors import DatabaseError
from bootstrap.database_admin import BookDatabase
from bootstrap.doctor import log_rights
from bootstrap.home import Home
from bootstrap.settings import Settings
from domain.errors import RefusedError
from infrastructure.postgres import migrate as module
from infrastructure.postgres import wal
from infrastructure.postgres.database import Database
from infrastructure.postgres.migrate import Migration, known_migrations, migrate, prepare, require_current
from infrastructure.postgres.roles import Login, protection
from projections import builds
from projections.catalogue import read_models
from tests.integration.roles.conftest import PASSWORD, Cluster, migrated
from tests.integration.test_erasure import Process
from tests.support.write_side import keyring_of

ROLES = next(m for m in known_migrations() if m.name == "roles")
NEXT = Migration(len(known_migrations()) + 1, "next", "sha", "create table daybook.next (n int)")


def protected(url: str) -> str | None:
    with closing(Database(url)) as database, database.connection() as connection:
        return protection(connection)


def role_of(url: str) -> str | None:
    with closing(Database(url)) as database, database.connection():
        return database.role


def used(url: str) -> None:
    """Write, erase, rebuild and search, as a process of the application's."""
    with closing(Database(url)) as database:
        process = Process(database)
        with closing(process.live):
            kept, gone = process.write("kept"), process.write("gone")
            process.pump.catch_up()
            process.erase(gone)
            assert process.finish().rewritten
            process.pump.rebuild()
            assert kept.id in {hit.conversation_id for hit in process.search.search("kept", limit=9).hits}


def migrate_warned(url: str, login: str | None = None) -> list[str]:
    warnings: list[str] = []
    with closing(Database(url, as_owner=True)) as database:
        migrate(database, warn=warnings.append, login=Login(login, PASSWORD) if login else None)
        require_current(database)
    return warnings


def old_book(url: str, monkeypatch: pytest.MonkeyPatch) -> None:
    """Make a book as it was before there were roles: one login owns all, read models among it."""
    with monkeypatch.context() as before, closing(Database(url, as_owner=True)) as database:
        before.setattr(module, "known_migrations", lambda: tuple(m for m in known_migrations() if m != ROLES))
        before.setattr("infrastructure.postgres.roles.ensure", lambda *_: None)
        migrate(database)
        with database.transaction() as connection:
            for model in read_models(keyring_of(database)):
                schema = f"daybook_{model.name}_v{model.version}"
                connection.execute(f"create schema {schema}".encode())
                connection.execute(
                    "insert into daybook.read_model_builds (schema_name, name, version) values (%s, %s, %s)",
                    (schema, model.name, model.version),
                )
                builds.enter(connection, schema)
                connection.execute(model.tables())
                connection.execute(model.indexes())
                builds.point(connection, model, schema)
        process = Process(database)
        with closing(process.live):
            process.write("old")
            process.pump.catch_up()


@pytest.mark.parametrize("attributes", ["", "createrole"], ids=["a superuser", "createrole"])
def test_a_book_that_one_login_owned_is_upgraded_in_place(
    cluster: Cluster, monkeypatch: pytest.MonkeyPatch, attributes: str
) -> None:
    owner = cluster.login(attributes) if attributes else None
    name = cluster.database(owner)
    url = cluster.url_of(name, owner)
    old_book(url, monkeypatch)

    assert migrate_warned(url) == []

    assert protected(url) == "role"
    with closing(Database(url)) as database:
        assert Process(database).search.search("old", limit=9).hits
        assert Process(database).pump.scrub()  # the old tables, which the application owns now
    used(url)


def test_a_book_of_the_embedded_kind_is_upgraded_when_it_is_opened(
    cluster: Cluster, monkeypatch: pytest.MonkeyPatch
) -> None:
    url = cluster.url_of(cluster.database())
    old_book(url, monkeypatch)

    with closing(Database(url)) as database:
        prepare(database, auto=True)
        assert Process(database).search.search("old", limit=9).hits

    assert protected(url) == "role"


def test_a_book_whose_role_the_server_does_not_know_gets_another_chance(cluster: Cluster) -> None:
    """A dump brought to another server comes without roles; the embedded database mends that by itself."""
    name = cluster.database()
    url = cluster.url_of(name)
    migrate_warned(url)
    role = role_of(url)
    cluster.run(f"drop owned by {role}", database=name)
    cluster.run(f"drop role {role}")
    assert protected(url) == "none"

    with closing(Database(url)) as database:
        prepare(database, auto=True)

    assert (protected(url), role_of(url)) == ("role", role)


def test_migrating_makes_the_login_that_the_application_is_to_use(cluster: Cluster) -> None:
    name, login = cluster.database(), cluster.name()
    book = migrated(cluster.url_of(name), cluster.url_of(name, login), login)

    assert (protected(book.owner_url), protected(book.url)) == ("role", "login")
    assert role_of(book.url) == role_of(book.owner_url) == book.role
    [(stored,)] = cluster.run(f"select rolpassword from pg_authid where rolname = '{login}'")
    assert str(stored).startswith("SCRAM-SHA-256$")
    assert migrate_warned(book.owner_url, login) == []  # and again, with nothing to do


def test_a_login_that_is_there_keeps_its_password_and_is_let_in(cluster: Cluster) -> None:
    name, login = cluster.database(), cluster.login()
    before = cluster.run(f"select rolpassword from pg_authid where rolname = '{login}'")

    assert migrate_warned(cluster.url_of(name), login) == []

    assert cluster.run(f"select rolpassword from pg_authid where rolname = '{login}'") == before
    assert protected(cluster.url_of(name, login)) == "login"


def test_without_the_right_to_make_roles_everything_works_and_a_warning_says_what_is_lost(
    cluster: Cluster, monkeypatch: pytest.MonkeyPatch
) -> None:
    owner = cluster.login()
    name = cluster.database(owner)
    url = cluster.url_of(name, owner)

    [warning] = migrate_warned(url)

    assert "may not make roles" in warning
    assert "could change or delete events" in warning
    assert "daybook audit verify" in warning
    assert protected(url) == "none"
    used(url)
    with closing(Database(url)) as database:
        found = log_rights(database)
    assert (found.ok, found.required, found.fix) == (False, False, "daybook db migrate")

    for line in warning.splitlines():
        if line.startswith("    "):
            cluster.run(line)
    assert protected(url) == "none"  # a role without rights yet
    assert migrate_warned(url) == []

    assert protected(url) == "role"
    used(url)


def test_without_the_right_to_make_roles_a_login_made_by_somebody_else_will_do(
    cluster: Cluster, monkeypatch: pytest.MonkeyPatch
) -> None:
    owner, login = cluster.login(), cluster.login()
    name = cluster.database(owner)
    url = cluster.url_of(name, login)
    old_book(cluster.url_of(name, owner), monkeypatch)

    assert migrate_warned(cluster.url_of(name, owner), login) == []

    assert (protected(url), role_of(url)) == ("login", login)
    used(url)
    with closing(Database(url)) as database, database.session() as session:
        with pytest.raises(InsufficientPrivilege):
            session.execute("delete from daybook.events")
        assert (
            Process(database).search.search("old", limit=9).hits
        )  # built anew: its old tables could not be given


def test_a_login_that_neither_is_there_nor_can_be_made_is_told(cluster: Cluster) -> None:
    owner, login = cluster.login(), cluster.name()
    name = cluster.database(owner)

    [warning] = migrate_warned(cluster.url_of(name, owner), login)

    assert f'to "{login}";' in warning
    assert protected(cluster.url_of(name, owner)) == "none"


def test_a_superuser_may_migrate_a_book_of_another_owner_s_and_it_stays_that_owner_s(
    cluster: Cluster, monkeypatch: pytest.MonkeyPatch
) -> None:
    owner = cluster.login()
    name = cluster.database(owner)
    migrate_warned(cluster.url_of(name, owner))
    monkeypatch.setattr(module, "known_migrations", lambda: (*known_migrations(), NEXT))

    assert migrate_warned(cluster.url_of(name)) == []

    assert protected(cluster.url_of(name, owner)) == "role"
    owners = cluster.run(
        "select distinct relowner::regrole::text from pg_class where relnamespace = 'daybook'::regnamespace",
        database=name,
    )
    assert owners == [(owner,)]


def test_the_application_may_not_migrate_and_is_told_who_may(
    cluster: Cluster, monkeypatch: pytest.MonkeyPatch
) -> None:
    name, login = cluster.database(), cluster.name()
    book = migrated(cluster.url_of(name), cluster.url_of(name, login), login)
    assert migrate_warned(book.url) == []  # nothing to do: no harm

    monkeypatch.setattr(module, "known_migrations", lambda: (*known_migrations(), NEXT))
    with closing(Database(book.url)) as database, pytest.raises(RefusedError, match=NEXT.label) as caught:
        migrate(database)
    assert "DAYBOOK_OWNER_DATABASE_URL" in caught.value.hint


def test_the_write_ahead_log_is_written_over_as_the_owner_where_one_is_named(
    cluster: Cluster, tmp_path: Path, monkeypatch: pytest.MonkeyPatch
) -> None:
    name, login = cluster.database(), cluster.name()
    migrated(cluster.url_of(name), cluster.url_of(name, login), login)
    monkeypatch.setattr(wal, "SCRUB", ())  # only a superuser may look at the segments, too
    application = {"DAYBOOK_DATABASE_URL": cluster.url_of(name, login)}

    with pytest.raises(RefusedError) as caught:
        BookDatabase(Settings(application), Home(tmp_path)).scrub()
    assert "DAYBOOK_OWNER_DATABASE_URL" in caught.value.hint

    both = {**application, "DAYBOOK_OWNER_DATABASE_URL": cluster.url_of(name)}
    assert BookDatabase(Settings(both), Home(tmp_path)).scrub().segment_count > 0


def test_a_login_without_any_right_is_told_who_can_give_it(cluster: Cluster) -> None:
    name = cluster.database()
    migrate_warned(cluster.url_of(name))
    database = Database(cluster.url_of(name, cluster.login()))
    with pytest.raises(DatabaseError, match="lacks a right") as caught:
        database.check_server()
    assert "DAYBOOK_OWNER_DATABASE_URL" in caught.value.hint


def test_two_databases_of_one_cluster_migrated_at_once_share_no_rights(cluster: Cluster) -> None:
    names = [cluster.database() for _ in range(2)]
    login = cluster.name()

    def run(number: int) -> list[str]:
        return migrate_warned(cluster.url_of(names[number % 2]), login)

    with ThreadPoolExecutor(8) as pool:
        assert list(pool.map(run, range(8))) == [[]] * 8

    roles = [role_of(cluster.url_of(name)) for name in names]
    assert len(set(roles)) == 2
    for name in names:
        assert protected(cluster.url_of(name, login)) == "login"
    other = cluster.login()
    cluster.run(f"grant {roles[0]} to {other}")
    assert protected(cluster.url_of(names[0], other)) == "login"
    with psycopg.connect(cluster.url_of(names[1], other)) as connection, pytest.raises(InsufficientPrivilege):
        connection.execute("select from daybook.events")


def test_rights_that_somebody_added_go_with_the_next_migration(cluster: Cluster) -> None:
    name = cluster.database()
    url = cluster.url_of(name)
    migrate_warned(url)
    role = role_of(url)
    cluster.run(f"grant update (payload), delete on daybook.events to {role}", database=name)
    cluster.run("grant execute on all functions in schema daybook to public", database=name)
    assert protected(url) == "none"

    migrate_warned(url)

    assert protected(url) == "role"
    [(anybody,)] = cluster.run(
        "select has_function_privilege('public', 'daybook.drop_build(text)', 'execute')", database=name
    )
    assert anybody is False
