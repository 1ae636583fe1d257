"""The application's rights, tried: all that it does goes well, and all else on the log is refused."""

from __future__ import annotations

from collections.abc import Iterator
from contextlib import closing
from pathlib import Path

import psycopg
import pytest
from psycopg.errors import InsufficientPrivilege

from application.commands import HoldConversation
from application.erasing import hold_conversation
from infrastructure.postgres.append_call import call_append, encoded
from infrastructure.postgres.database import Database
from infrastructure.postgres.log import EventLog
from infrastructure.postgres.roles import protection
from infrastructure.proofs.auditor import PostgresAuditor
from tests.integration.roles.conftest import Cluster, Shared
from tests.integration.test_erasure import Process
from tests.support.events import request as some_events

ALL, READ = {"select", "insert", "update", "delete"}, {"select"}
# What the application may do with each relation of the schema; in brackets: on some of its columns.
RIGHTS = {
    "book": {"select", "(insert)", "(update)"},  # to replace the master key
    "checkpoints": {"select", "(insert)"},
    "data_keys": ALL,
    "epoch_keys": ALL,
    "events": READ,
    "grant_uses": ALL,
    "head": READ,
    "live_answers": ALL,
    "migrations": READ,
    "model_cards": ALL,
    "owners": ALL,
    "quarantine": ALL,
    "read_model_builds": ALL,
    "read_models": ALL,
    "requests": READ,
    "roles": READ,
    "signing_keys": {"select", "(insert)"},
    "snapshots": ALL,
    "stops": ALL,
    "tombstones": READ,
    "turns": ALL,
}
LOG = sorted(name for name, rights in RIGHTS.items() if rights is not ALL and name != "head")


def live_in(database: Database, home: Path) -> None:
    """Do in a book what the application does."""
    process = Process(database)
    with closing(process.live):
        kept, gone = process.write("kept"), process.write("gone")
        process.pump.catch_up()
        hold = HoldConversation(
            conversation_id=kept.id, reason="kept", actor="ada", source="cli", idempotency_key=str(kept.id)
        )
        assert hold_conversation(process.services, hold) is not None
        process.erase(gone)
        assert process.finish().rewritten
        process.pump.rebuild()
        auditor = PostgresAuditor(database, home, lambda: process.keyring.book_id)
        auditor.checkpoint()
        process.write("after")
        auditor.checkpoint()
        assert auditor.verify().ok
        process.pump.catch_up()
        assert process.pump.scrub()
        process.pump.catch_up()
        assert kept.id in {hit.conversation_id for hit in process.search.search("kept", limit=9).hits}
        assert process.transcript.branch(gone.id)[0].erased


@pytest.fixture(scope="module")
def lived_in(book: Shared, tmp_path_factory: pytest.TempPathFactory) -> Shared:
    """A book with something in every table, put there by either login of the application's."""
    home = tmp_path_factory.mktemp("home")
    for url in (book.url, book.owner_url):
        with closing(Database(url)) as database:
            live_in(database, home)
    return book


@pytest.fixture(params=["login", "role"])
def session(request: pytest.FixtureRequest, lived_in: Shared) -> Iterator[psycopg.Connection]:
    """A connection of the application's: by its own login, and by the owner's, whose rights it gave up."""
    url = lived_in.url if request.param == "login" else lived_in.owner_url
    with closing(Database(url)) as database, database.session() as connection:
        assert protection(connection) == request.param
        yield connection


@pytest.fixture
def build(session: psycopg.Connection) -> Iterator[str]:
    """A schema that the application may put things in."""
    name = "daybook_shadow_v1"
    session.execute("select daybook.create_build(%s)", (name,))
    yield name
    session.execute("select daybook.drop_build(%s)", (name,))


def refused(session: psycopg.Connection, *statements: str) -> None:
    for statement in statements:
        with pytest.raises(InsufficientPrivilege):
            session.execute(statement.encode())


def contents(url: str, *tables: str) -> list[list[tuple[object, ...]]]:
    with psycopg.connect(url) as connection:
        return [connection.execute(f"select * from daybook.{table}".encode()).fetchall() for table in tables]


def test_the_rights_are_these_and_no_others(book: Shared) -> None:
    """A table that a migration adds is listed here, and in application_rights.sql."""
    with psycopg.connect(book.owner_url) as connection:
        rows = connection.execute(
            """
            select c.relname, r.name,
                   has_table_privilege(%(role)s, c.oid, r.name),
                   r.name in ('select', 'insert', 'update', 'references')
                       and has_any_column_privilege(%(role)s, c.oid, r.name)
              from pg_class c
             cross join unnest('{select,insert,update,delete,truncate,references,trigger}'::text[]) as r(name)
             where c.relnamespace = 'daybook'::regnamespace and c.relkind in ('r', 'p', 'v', 'm', 'f')
            """,
            {"role": book.role},
        ).fetchall()
        sequences = connection.execute(
            """
            select c.relname from pg_class c
             where c.relnamespace = 'daybook'::regnamespace
               and case c.relkind when 'S' then has_sequence_privilege(%s, c.oid, 'usage, select, update') end
            """,
            (book.role,),
        ).fetchall()
    found: dict[str, set[str]] = {}
    for relation, right, whole, some in rows:
        found.setdefault(relation, set()).update([right] if whole else [f"({right})"] if some else [])
    assert found == RIGHTS
    assert sequences == []


def test_the_world_has_no_right_at_all(book: Shared, cluster: Cluster) -> None:
    with psycopg.connect(book.owner_url) as connection:
        granted = connection.execute(
            """
            with lists(name, acl) as (
                select nspname::text, nspacl from pg_namespace where nspname ~ '^daybook'
                union all
                select oid::regclass::text, relacl from pg_class where relnamespace = 'daybook'::regnamespace
                union all
                select oid::regprocedure::text, coalesce(proacl, acldefault('f', proowner))
                  from pg_proc where pronamespace = 'daybook'::regnamespace
            )
            select name from lists, aclexplode(acl) where grantee = 0
            """
        ).fetchall()
    assert granted == []
    stranger = cluster.login()
    with psycopg.connect(book.owner_url, user=stranger, password='it\'s \\ "quoted"') as connection:
        refused(connection, "select from daybook.events")


def test_the_application_owns_nothing_that_runs_with_the_owner_s_rights(
    book: Shared, session: psycopg.Connection
) -> None:
    owned = session.execute(
        "select relnamespace::regnamespace::text from pg_class"
        " where relowner = %s::regrole and relnamespace <> 'pg_toast'::regnamespace",
        (book.role,),
    ).fetchall()
    functions = session.execute(
        "select proname, proconfig from pg_proc where prosecdef and pronamespace = 'daybook'::regnamespace"
    ).fetchall()

    assert {schema.rpartition("_v")[0] for (schema,) in owned} == {
        f"daybook_{name}"
        for name in (
            "access",
            "conversations",
            "projects",
            "replays",
            "routines",
            "search",
            "trail",
            "transcript",
            "usage",
        )
    }
    assert {name for name, _ in functions} == {"append", "erase", "create_build", "drop_build", "rewrite"}
    assert all("search_path=pg_catalog, pg_temp" in settings for _, settings in functions)


def test_no_row_of_the_log_can_be_changed(session: psycopg.Connection, book: Shared) -> None:
    before = contents(book.owner_url, *LOG)
    assert all(before)
    for table in LOG:
        column = session.execute(
            "select quote_ident(attname) from pg_attribute"
            " where attrelid = %s::regclass and attnum > 0 and attidentity = '' order by attnum limit 1",
            (f"daybook.{table}",),
        ).fetchone()
        assert column is not None
        refused(
            session,
            f"update daybook.{table} set {column[0]} = {column[0]}",
            f"delete from daybook.{table}",
            f"truncate daybook.{table} cascade",
            f"insert into daybook.{table} overriding system value select * from daybook.{table}",
            f"merge into daybook.{table} t using daybook.{table} s on true when matched then delete",
            f"copy daybook.{table} from stdin",
            *([] if table == "book" else [f"select from daybook.{table} for update"]),
        )
    refused(
        session, "update daybook.book set book_id = book_id", "update daybook.book set created_at = now()"
    )
    assert contents(book.owner_url, *LOG) == before


def test_no_checkpoint_or_key_can_be_stated_but_as_of_now(session: psycopg.Connection) -> None:
    refused(
        session,
        "insert into daybook.checkpoints (size, root, note, made_at) values (1, 'r', 'n', 'yesterday')",
        "insert into daybook.checkpoints (checkpoint_id, size, root, note) overriding system value"
        " values (1, 1, 'r', 'n')",
        "insert into daybook.signing_keys (verifier, registered_at) values ('v', 'yesterday')",
        "select setval('daybook.checkpoints_checkpoint_id_seq', 1)",
        "select setval('daybook.tombstones_erasure_seq', 1)",
        "select nextval('daybook.tombstones_erasure_seq')",
    )
    with pytest.raises(psycopg.errors.UniqueViolation):
        session.execute("insert into daybook.book (book_id, master_check) values (gen_random_uuid(), 'x')")


def test_nothing_of_the_book_s_form_can_be_changed(session: psycopg.Connection) -> None:
    for table in RIGHTS:
        if table == "head":
            continue
        refused(
            session,
            f"alter table daybook.{table} disable trigger all",
            f"alter table daybook.{table} enable row level security",
            f"alter table daybook.{table} add column extra integer",
            f"alter table daybook.{table} owner to current_user",
            f"drop table daybook.{table} cascade",
            f"create index on daybook.{table} ((1))",
            f"create rule shadow as on insert to daybook.{table} do instead nothing",
            f"create trigger shadow before delete on daybook.{table} for each row"
            " execute function suppress_redundant_updates_trigger()",
        )
    refused(
        session,
        "create or replace view daybook.head as select 1",
        "create table daybook.more (n integer)",
        "create function daybook.more() returns integer language sql return 1",
        "create or replace function daybook.frontier(size bigint) returns bytea[] language sql return '{}'",
        "drop function daybook.erase",
        "alter function daybook.leaf rename to other",
        "drop schema daybook cascade",
        "alter schema daybook rename to other",
    )


def test_no_way_round_is_open(session: psycopg.Connection) -> None:
    refused(
        session,
        "set session_replication_role = replica",
        "create schema elsewhere",
        "create role another",
        f"alter role {session.info.user} superuser",
        "copy (select 1) to program 'true'",
        "copy (select 1) to '/tmp/daybook-never'",
        "alter system set fsync = off",
        "create extension file_fdw",
        "create table pg_catalog.more (n integer)",
        "create function pg_catalog.sha256(text) returns bytea language sql return null::bytea",
        "select daybook.create_build('public')",
        "select daybook.create_build('daybook')",
        "select daybook.create_build('pg_temp')",
        "select daybook.drop_build('daybook')",
        "select daybook.drop_build('public')",
        "select daybook.rewrite('events')",
    )


def test_a_login_of_the_application_s_own_cannot_take_more_rights(book: Shared) -> None:
    with Database(book.url).session() as session:
        [(owner,)] = session.execute(
            "select nspowner::regrole::text from pg_namespace where nspname = 'daybook'"
        ).fetchall()
        refused(session, f"set role {owner}", f"grant {owner} to current_user", "delete from daybook.events")
        session.execute("reset role")
        refused(session, f"set role {owner}", "delete from daybook.events", "create schema elsewhere")


def test_an_owner_s_login_that_gave_its_rights_up_can_take_them_back(book: Shared) -> None:
    """As docs/log.md says: with one password accidents are kept out, and who has it is not."""
    with Database(book.owner_url).session() as session:
        refused(session, "delete from daybook.events")
        session.execute("reset role")
        with session.transaction(force_rollback=True):
            session.execute("delete from daybook.events")


def shadow(session: psycopg.Connection, build: str) -> None:
    """Put functions, operators and tables of names that the log's functions use where they might be found."""
    session.execute(f"set search_path = {build}, pg_temp, pg_catalog")
    lie = "language plpgsql as $$ begin delete from daybook.events; return {}; end $$"
    for signature, result, value in (
        ("sha256(bytea)", "bytea", "'lie'::bytea"),
        ("greatest_time(timestamptz)", "timestamptz", "now()"),
        ("clock_timestamp()", "timestamptz", "'2001-01-01'::timestamptz"),
        ("int8send(bigint)", "bytea", "'lie'::bytea"),
        ("uuid_send(uuid)", "bytea", "'lie'::bytea"),
        ("cardinality(integer[])", "integer", "1"),
        ("array_fill(integer, integer[])", "integer[]", "'{1}'::integer[]"),
        ("pg_advisory_xact_lock(bigint)", "void", ""),
        ("glued(bytea, bytea)", "bytea", "'lie'::bytea"),
        ("same(uuid, uuid)", "boolean", "true"),
    ):
        session.execute(f"create function {build}.{signature} returns {result} {lie.format(value)}".encode())
    session.execute(
        f"create operator {build}.|| (function = {build}.glued, leftarg = bytea, rightarg = bytea)"
    )
    session.execute(f"create operator {build}.= (function = {build}.same, leftarg = uuid, rightarg = uuid)")
    for table in ("events", "requests", "tombstones", "data_keys", "live_answers", "head"):
        session.execute(f"create table {build}.{table} (n integer)".encode())
        session.execute(f"create temporary table {table} (n integer)".encode())
    session.execute(f"create domain {build}.bytea as pg_catalog.bytea check (false)")


def test_no_name_in_another_schema_is_taken_for_one_of_the_log_s(
    session: psycopg.Connection, build: str, book: Shared, tmp_path: Path
) -> None:
    shadow(session, build)

    outcomes = call_append(session, encoded([some_events(count=3), some_events()]))

    assert [outcome.word for outcome in outcomes] == ["appended", "appended"]
    session.execute("set search_path = pg_catalog")
    assert session.execute(f"select count(*) from {build}.events".encode()).fetchone() == (0,)
    with closing(Database(book.url)) as database:
        found = PostgresAuditor(database, tmp_path, lambda: Process(database).keyring.book_id).verify()
        assert (found.ok, found.events) == (True, EventLog(database).size())


def test_code_on_a_table_of_the_application_s_never_runs_as_the_owner(
    session: psycopg.Connection, build: str
) -> None:
    """Keys and live text, where `append` and `erase` write, are the owner's for this reason."""
    session.execute(
        f"create function {build}.strike() returns trigger language plpgsql as"
        " $$ begin delete from daybook.events; return old; end $$"
    )
    session.execute(f"create table {build}.mine (n integer)")
    session.execute(
        f"create trigger strike before delete on {build}.mine for each row execute function {build}.strike()"
    )
    session.execute(f"insert into {build}.mine values (1)")
    refused(
        session,
        f"delete from {build}.mine",
        "create trigger strike before delete on daybook.data_keys for each row"
        f" execute function {build}.strike()",
        f"alter table {build}.mine inherit daybook.data_keys",
        f"create table {build}.part partition of daybook.events default",
        f"create table {build}.child () inherits (daybook.live_answers)",
        f"create table {build}.pointing (owner_id uuid references daybook.data_keys on delete cascade)",
    )
