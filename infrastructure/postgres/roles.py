"""The application's role: found by whoever connects, made and given its rights by `daybook db migrate`.

Algorithm. The book names its role in `daybook.roles`. A connection looks it up and does `set role`, so that
what it makes belongs to the role, and what the role may not do fails, whoever logged in. The role counts
from the moment it has its rights on the schema, which come in one transaction.

Invariant: it is given what `application_rights.sql` says and nothing else, and owns the tables of read models
and nothing else.
"""

from __future__ import annotations

from collections.abc import Callable
from dataclasses import dataclass
from pathlib import Path
from typing import TYPE_CHECKING, Literal, TypeAlias

if TYPE_CHECKING:
    import psycopg
    from psycopg import sql

_SET_IS_A_RIGHT = 160000  # the server's version from which a member may be forbidden to act as the role
_RIGHTS = Path(__file__).parent / "application_rights.sql"

_FIND = """
select r.rolname
  from daybook.roles d
  join pg_catalog.pg_roles r on r.rolname = d.application
 where has_schema_privilege(r.oid, 'daybook', 'usage')
"""

_PROTECTION = """
select has_table_privilege(current_user, e.oid, 'insert, update, delete, truncate'),
       s.rolsuper or s.rolcreaterole or pg_has_role(s.oid, e.relowner, 'member')
  from pg_catalog.pg_class e, pg_catalog.pg_roles s
 where e.oid = to_regclass('daybook.events') and s.rolname = session_user
"""

_KNOWN = """
select d.application, o.rolname
  from daybook.roles d, pg_catalog.pg_namespace n
  join pg_catalog.pg_roles o on o.oid = n.nspowner
 where n.nspname = 'daybook'
"""

_SCHEMA_OWNER = """
select o.rolname, o.rolname = current_user
  from pg_catalog.pg_namespace n join pg_catalog.pg_roles o on o.oid = n.nspowner
 where n.nspname = 'daybook'
"""

_RECORD = "update daybook.roles set application = %(role)s where application <> %(role)s"

_BUILDS = r"""
select n.nspname
  from pg_catalog.pg_namespace n
 where n.nspname ~ '^daybook_[a-z0-9_]+_v\d+(_b\d+)?$'
"""

_NOT_ITS_OWN = """
select c.relname
  from pg_catalog.pg_class c
  join pg_catalog.pg_namespace n on n.oid = c.relnamespace
 where n.nspname = %s and c.relkind = 'r' and c.relowner <> %s::regrole
"""


Protection: TypeAlias = Literal["login", "role", "none"]
"""What keeps the application from changing the log.

`login`: it connects as one that has no right to. `role`: it gives the right up when it connects, and whoever
has its password can take it back. `none`: it connects as the log's owner.
"""


@dataclass(frozen=True)
class Login:
    """Whom the application connects as, where that is not the owner."""

    name: str
    password: str | None


Warn = Callable[[str], None]


def find(connection: psycopg.Connection) -> str | None:
    """Return the role that the application is to take on; None where there is none that may do anything."""
    from psycopg.errors import InvalidSchemaName, UndefinedTable

    try:
        row = connection.execute(_FIND).fetchone()
    except (UndefinedTable, InvalidSchemaName):
        return None
    return None if row is None else str(row[0])


def take_on(connection: psycopg.Connection, role: str) -> None:
    """Go on as this role, until the session ends."""
    connection.execute(_composed("set role {}", role))


def protection(connection: psycopg.Connection) -> Protection | None:
    """Say what keeps this connection from changing the log; None where there is no log."""
    row = connection.execute(_PROTECTION).fetchone()
    if row is None:
        return None
    may_now, could = row
    if may_now:
        return "none"
    return "role" if could else "login"


def become_owner(connection: psycopg.Connection) -> bool:
    """Go on as the role that owns the book, where there is one; False where this login may not."""
    from psycopg.errors import InsufficientPrivilege

    row = connection.execute(_SCHEMA_OWNER).fetchone()
    if row is None or row[1]:
        return True
    try:
        take_on(connection, row[0])
    except InsufficientPrivilege:
        return False
    return True


def is_owner(connection: psycopg.Connection) -> bool:
    """Whether this session has the rights of the role that owns the book."""
    row = connection.execute(_SCHEMA_OWNER).fetchone()
    return row is not None and bool(row[1])


def ensure(connection: psycopg.Connection, login: Login | None, warn: Warn) -> None:
    """Make the application's role where it is missing and give it its rights; safe to repeat.

    Args:
        connection: the owner's, in autocommit, with the lock of migrations.
        login: whom the application connects as, where that is not the owner; made where it is missing.
        warn: told what could not be done, what that means and how to mend it.
    """
    known, owner = _known(connection)
    connection.execute("reset role")  # the login may have rights that the owner lacks: to make roles
    role = _made(connection, known, owner, login)
    if role is None:
        warn(_without_roles(connection, known, owner, login))
    elif login is not None and login.name != role:
        _admit(connection, role, login, warn)
    become_owner(connection)
    if role is not None:
        with connection.transaction():
            connection.execute(_RECORD, {"role": role})
            connection.execute(_composed(_RIGHTS.read_text(encoding="utf-8"), application=role))
            for (schema,) in connection.execute(_BUILDS).fetchall():
                _hand_over(connection, schema, role)


def _made(connection: psycopg.Connection, role: str, owner: str, login: Login | None) -> str | None:
    """Return a role that is there and that owner or application can act as; None: this login cannot make one.

    Where no role can be made, the application's own login, made by somebody else, will do.
    """
    if not _exists(connection, role) and not _tried(connection, _composed("create role {}", role)):
        fits = login is not None and _exists(connection, login.name)
        return login.name if login and fits and not _may_act_as(connection, login.name, owner) else None
    if (login is not None and login.name == role) or _may_act_as(connection, owner, role):
        return role
    return role if _tried(connection, _composed("grant {} to {}", role, owner)) else None


def _known(connection: psycopg.Connection) -> tuple[str, str]:
    row = connection.execute(_KNOWN).fetchone()
    assert row is not None  # noqa: S101 - a migration put it there
    return row[0], row[1]


def _admit(connection: psycopg.Connection, role: str, login: Login, warn: Warn) -> None:
    """Let a login act as the role; make the login where it is missing."""
    if not _exists(connection, login.name):
        password = None
        if login.password is not None:  # as the server would store it, so that it gets into no log of its
            made = connection.pgconn.encrypt_password(
                login.password.encode(), login.name.encode(), b"scram-sha-256"
            )
            password = made.decode()
        create = _composed("create role {} login password {}", login.name, password=password)
        if not _tried(connection, create) and not _exists(connection, login.name):
            warn(
                f"There is no login {login.name!r}, which DAYBOOK_DATABASE_URL names, and this one may not "
                "make it. Until it is there, Daybook cannot be used. Whoever administers the server runs:\n"
                f"    create role {_quoted(connection, login.name)} login password '…';\n"
                f"    {_grant(connection, role, login.name)}"
            )
            return
    if not _may_act_as(connection, login.name, role) and not _tried(
        connection, _composed("grant {} to {}", role, login.name)
    ):
        warn(
            f"The login {login.name!r}, which DAYBOOK_DATABASE_URL names, may not act as the application's "
            f"role, and this one may not let it. Until it may, Daybook cannot be used. Whoever administers "
            f"the server runs:\n    {_grant(connection, role, login.name)}"
        )


def _hand_over(connection: psycopg.Connection, schema: str, role: str) -> None:
    """Give a build of a read model, made before there was a role, to the role; else have it built anew."""
    from psycopg import sql
    from psycopg.errors import InsufficientPrivilege

    tables = connection.execute(_NOT_ITS_OWN, (schema, _quoted(connection, role))).fetchall()
    connection.execute(_composed("grant usage, create on schema {} to {}", schema, role))
    try:
        with connection.transaction():
            for (table,) in tables:
                connection.execute(
                    sql.SQL("alter table {} owner to {}").format(
                        sql.Identifier(schema, table), sql.Identifier(role)
                    )
                )
    except InsufficientPrivilege:  # the role is a login that the owner cannot act as
        connection.execute("delete from daybook.read_models where schema_name = %s", (schema,))
        connection.execute("delete from daybook.read_model_builds where schema_name = %s", (schema,))
        connection.execute("select daybook.drop_build(%s)", (schema,))


def _exists(connection: psycopg.Connection, role: str) -> bool:
    found = connection.execute("select from pg_catalog.pg_roles where rolname = %s", (role,)).fetchone()
    return found is not None


def _may_act_as(connection: psycopg.Connection, member: str, role: str) -> bool:
    """Whether `member` can do `set role` to the other."""
    how = "set" if connection.info.server_version >= _SET_IS_A_RIGHT else "member"
    row = connection.execute("select pg_has_role(%s::name, %s::name, %s)", (member, role, how)).fetchone()
    return bool(row and row[0])


def _tried(connection: psycopg.Connection, statement: sql.Composed) -> bool:
    """Whether this login may do it: then it is done. Somebody who was faster did it, too."""
    from psycopg.errors import DuplicateObject, InsufficientPrivilege, UniqueViolation

    try:
        connection.execute(statement)
    except InsufficientPrivilege:
        return False
    except (DuplicateObject, UniqueViolation):
        return True
    return True


def _without_roles(connection: psycopg.Connection, role: str, owner: str, login: Login | None) -> str:
    statements = [
        *([] if _exists(connection, role) else [f"create role {_quoted(connection, role)};"]),
        _grant(connection, role, owner),
        *([_grant(connection, role, login.name)] if login is not None else []),
    ]
    listed = "\n".join(f"    {statement}" for statement in statements)
    return (
        "This login may not make roles, so the application goes on with the rights of the log's owner. "
        "Everything works; what is lost is one guard: a fault in Daybook, or whoever gets at its connection, "
        "could change or delete events. Checkpoints would show it (daybook audit verify). To mend it, let "
        f"whoever administers the server run this, and then run daybook db migrate again:\n{listed}"
    )


def _grant(connection: psycopg.Connection, role: str, to: str) -> str:
    return f"grant {_quoted(connection, role)} to {_quoted(connection, to)};"


def _quoted(connection: psycopg.Connection, name: str) -> str:
    from psycopg import sql

    return sql.Identifier(name).as_string(connection)


def _composed(statement: str, *names: str, password: str | None = None, **named: str) -> sql.Composed:
    from psycopg import sql

    places: list[sql.Composable] = [sql.Identifier(name) for name in names]
    if statement.endswith("password {}"):
        places.append(sql.Literal(password))
    return sql.SQL(statement).format(*places, **{key: sql.Identifier(name) for key, name in named.items()})
