"""Migrations: numbered SQL files, forward only, recorded in the ledger `daybook.migrations`.

Invariants: one runner at a time (an advisory lock); all pending files in one transaction together with their
ledger rows, so that a database always has the form of one release, whose programs can work on it; a lock that
cannot be had soon ends the migration instead of making every reader queue behind it; a database with other
people's tables is never touched unasked.
"""

import hashlib
import re
from collections.abc import Callable, Iterable
from dataclasses import dataclass
from functools import cache
from pathlib import Path
from typing import TYPE_CHECKING, LiteralString, NamedTuple

from application.errors import DatabaseError
from domain.errors import RefusedError
from infrastructure.postgres import roles
from infrastructure.postgres.database import Database
from infrastructure.postgres.failures import translate

if TYPE_CHECKING:
    import psycopg

Form = tuple[tuple[int, str, str], ...]
_Ledger = dict[int, tuple[str, str]]  # number → name and SHA-256

_FOLDER = Path(__file__).parent / "migrations"
_FILE_NAME = re.compile(r"(\d{4})_(\w+)\.sql")
_ADVISORY_LOCK = 0x6461_7962_6F6F_6B  # "daybook"

_CREATE_LEDGER = """
create schema if not exists daybook;
create table if not exists daybook.migrations (
    number     integer     primary key,
    name       text        not null,
    sha256     text        not null,
    applied_at timestamptz not null default clock_timestamp()
)
"""

_READ_LEDGER = "select number, name, sha256 from daybook.migrations order by number"

_WAIT_FOR_RUNNER = "select pg_advisory_lock_shared(%s)"

# Tables of somebody else's: those of extensions do not count.
_FOREIGN_TABLES = """
select n.nspname || '.' || c.relname
  from pg_catalog.pg_class c
  join pg_catalog.pg_namespace n on n.oid = c.relnamespace
 where c.relkind in ('r', 'p', 'f')
   and n.nspname !~ '^(pg_|daybook)'
   and n.nspname <> 'information_schema'
   and not exists (select from pg_catalog.pg_depend d
                    where d.classid = 'pg_catalog.pg_class'::regclass and d.objid = c.oid and d.deptype = 'e')
 order by 1
"""

_TABLES_WITHOUT_LEDGER = """
select c.relname
  from pg_catalog.pg_class c
  join pg_catalog.pg_namespace n on n.oid = c.relnamespace
 where c.relkind in ('r', 'p') and n.nspname = 'daybook' and to_regclass('daybook.migrations') is null
 order by 1
"""


class Migration(NamedTuple):
    """One file of the migrations folder."""

    number: int
    name: str
    sha256: str
    sql: str

    @property
    def label(self) -> str:
        """Return its name as people see it, such as `0001_the_log`."""
        return f"{self.number:04}_{self.name}"


@dataclass(frozen=True)
class MigrationStatus:
    """How a database stands to the migrations this Daybook knows."""

    applied: tuple[str, ...]
    pending: tuple[str, ...]
    unknown: tuple[str, ...]
    changed: tuple[str, ...]
    foreign_tables: tuple[str, ...]
    server_version: int

    @property
    def current(self) -> bool:
        """Whether this Daybook can work on the database as it is."""
        return not (self.pending or self.unknown or self.changed)


def migrate(
    database: Database,
    *,
    adopt: bool = False,
    say: Callable[[str], None] = lambda _text: None,
    warn: Callable[[str], None] = lambda _text: None,
    login: roles.Login | None = None,
) -> list[str]:
    """Apply every pending migration and return their labels; nothing to do is no error.

    Then the application's role is given its rights.

    Args:
        database: its login owns the book, or comes to own it.
        adopt: put the book beside tables of somebody else's.
        say: told what is done.
        warn: told what could not be done about the application's role.
        login: whom the application connects as, where that is not the owner.

    Raises:
        RefusedError: this login does not own the book.
    """
    import psycopg

    with database.owner_session() as connection:
        try:
            done = _migrate(connection, database.name, adopt=adopt, say=say)
            if roles.is_owner(connection):
                roles.ensure(connection, login, warn)
        except psycopg.Error as error:
            raise translate(error, database.name) from error
    database.renew()
    return done


def status(database: Database) -> MigrationStatus:
    """Compare the ledger with the files."""
    with database.connection() as connection:
        return _status(connection)


def form(database: Database) -> Form:
    """Return the migrations that a database has: number, name and SHA-256 of each."""
    with database.connection() as connection:
        ledger = _ledger(connection) or {}
    return tuple((number, name, sha256) for number, (name, sha256) in ledger.items())


def known_form() -> Form:
    """Return the migrations that this release works with, in the same way."""
    return tuple((one.number, one.name, one.sha256) for one in known_migrations())


def require_current(database: Database) -> None:
    """Raise unless every migration known here, and no other, has been applied. One query."""
    with database.connection() as connection:
        ledger = _ledger(connection)
    if ledger is None:
        raise DatabaseError(
            f"There is no book in {database.name} yet. Nothing was read or written.",
            hint="daybook db migrate",
        )
    _refuse_unless_ours(ledger, database.name)
    pending = _pending(ledger)
    if pending:
        raise DatabaseError(
            f"The book in {database.name} was made by an older Daybook; migrations wait to be applied: "
            f"{_listed(m.label for m in pending)}. Your data is unchanged.",
            hint="daybook db migrate",
        )


def prepare(database: Database, *, auto: bool, warn: Callable[[str], None] = lambda _text: None) -> None:
    """Make a database ready: an empty one is migrated, an older one only with `auto`.

    With `auto` the application also gets its role, where the book came from another server without it.
    """
    with database.connection() as connection:
        ledger = _ledger(connection)
    if not ledger or (auto and (_pending(ledger) or database.role is None)):
        migrate(database, warn=warn)
        return
    if _pending(ledger):
        with database.session() as session:  # perhaps somebody is at it just now: wait for the end
            session.execute(_WAIT_FOR_RUNNER, (_ADVISORY_LOCK,))
    require_current(database)


@cache
def known_migrations() -> tuple[Migration, ...]:
    """Read the migrations folder: numbers run from 1 without gaps."""
    found = []
    for path in sorted(_FOLDER.glob("*.sql")):
        match = _FILE_NAME.fullmatch(path.name)
        if match is None:
            raise DatabaseError(f"{path.name} is not named like a migration (0001_name.sql).")
        text = path.read_text(encoding="utf-8")
        digest = hashlib.sha256(text.encode()).hexdigest()
        found.append(Migration(int(match[1]), match[2], digest, text))
    if [m.number for m in found] != list(range(1, len(found) + 1)):
        raise DatabaseError("The numbers of the migrations have a gap or a double.")
    return tuple(found)


def _migrate(
    connection: "psycopg.Connection", name: str, *, adopt: bool, say: Callable[[str], None]
) -> list[str]:
    connection.execute("set lock_timeout = '5min'")
    # Nothing is found in a schema that somebody else may write.
    connection.execute("set search_path = pg_catalog, pg_temp")
    connection.execute("select pg_advisory_lock(%s)", (_ADVISORY_LOCK,))
    ledger = _ledger(connection)
    if ledger is None:
        _refuse_unless_fit(connection, name, adopt=adopt)
        with connection.transaction():
            connection.execute(_CREATE_LEDGER)
        ledger = {}
    _refuse_unless_ours(ledger, name)
    pending = _pending(ledger)
    if not roles.become_owner(connection) and pending:
        raise RefusedError(
            f"The login of {name} does not own the book, so it may not change its form; migrations wait to "
            f"be applied: {_listed(m.label for m in pending)}. Nothing was changed.",
            hint="DAYBOOK_OWNER_DATABASE_URL=postgresql://OWNER:PASSWORD@HOST/DATABASE daybook db migrate   "
            "(under Compose: docker compose run --rm migrate)",
        )
    with connection.transaction():
        for migration in pending:
            say(f"Applying {migration.label}")
            connection.execute("set local lock_timeout = '10s'")
            connection.execute(migration.sql.encode())
            connection.execute(
                "insert into daybook.migrations (number, name, sha256) values (%s, %s, %s)",
                (migration.number, migration.name, migration.sha256),
            )
    return [migration.label for migration in pending]


def _status(connection: "psycopg.Connection") -> MigrationStatus:
    ledger = _ledger(connection) or {}
    known = {m.number: m for m in known_migrations()}
    return MigrationStatus(
        applied=tuple(f"{number:04}_{name}" for number, (name, _) in ledger.items()),
        pending=tuple(m.label for m in _pending(ledger)),
        unknown=tuple(f"{number:04}_{name}" for number, (name, _) in ledger.items() if number not in known),
        changed=tuple(_changed(ledger)),
        foreign_tables=_column(connection, _FOREIGN_TABLES),
        server_version=connection.info.server_version,
    )


def _ledger(connection: "psycopg.Connection") -> _Ledger | None:
    from psycopg.errors import InvalidSchemaName, UndefinedTable

    try:
        rows = connection.execute(_READ_LEDGER).fetchall()
    except (UndefinedTable, InvalidSchemaName):
        return None
    return {number: (name, sha256) for number, name, sha256 in rows}


def _pending(ledger: _Ledger) -> list[Migration]:
    return [m for m in known_migrations() if m.number not in ledger]


def _changed(ledger: _Ledger) -> list[str]:
    return [
        m.label for m in known_migrations() if m.number in ledger and ledger[m.number] != (m.name, m.sha256)
    ]


def _refuse_unless_ours(ledger: _Ledger, name: str) -> None:
    newest = known_migrations()[-1].number
    newer = [f"{number:04}_{label}" for number, (label, _) in ledger.items() if number > newest]
    if newer:
        raise DatabaseError(
            f"The book in {name} was migrated by a newer Daybook ({_listed(newer)}); this one cannot read it "
            "safely. Nothing was read or written.",
            hint="Update Daybook.",
        )
    changed = _changed(ledger)
    if changed:
        raise DatabaseError(
            f"The book in {name} was made with other migrations than this Daybook has: {_listed(changed)}. "
            "Nothing was read or written.",
            hint="Use the release of Daybook that made it, or restore a backup into a new database.",
        )


def _refuse_unless_fit(connection: "psycopg.Connection", name: str, *, adopt: bool) -> None:
    encoding = connection.info.parameter_status("server_encoding")
    if encoding != "UTF8":
        raise DatabaseError(
            f"The encoding of {name} is {encoding}; a book needs UTF8. Nothing was written.",
            hint="createdb --encoding=UTF8 --template=template0 daybook",
        )
    ours = _column(connection, _TABLES_WITHOUT_LEDGER)
    if ours:
        raise DatabaseError(
            f"The schema 'daybook' of {name} has tables ({_listed(ours)}) but no ledger of migrations, so it "
            "is not a book of Daybook's. Nothing was written.",
            hint="Use another database.",
        )
    foreign = _column(connection, _FOREIGN_TABLES)
    if foreign and not adopt:
        raise DatabaseError(
            f"There are tables in {name} that are not Daybook's ({_listed(foreign)}), and no book. "
            "Nothing was written.",
            hint="Use a database of its own, or keep the book beside them: daybook db migrate --adopt",
        )


def _column(connection: "psycopg.Connection", query: LiteralString) -> tuple[str, ...]:
    return tuple(row[0] for row in connection.execute(query).fetchall())


def _listed(names: Iterable[str]) -> str:
    listed = list(names)
    rest = len(listed) - 5
    return ", ".join(listed[:5]) + (f" and {rest} more" if rest > 0 else "")
