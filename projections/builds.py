"""The schemas that read models live in: made, pointed at, cleaned up.

Invariants: the pointer of a read model names a complete build; builds of one read model are made under its
advisory lock, so there is at most one maker, and what is neither live nor being made is left over from a
process that died.
"""

from __future__ import annotations

from collections.abc import Iterator
from contextlib import contextmanager
from typing import TYPE_CHECKING, NamedTuple

from projections.errors import NewerReadModelError, RebuildUnderWayError
from projections.ports import Connections
from projections.read_model import ReadModel

if TYPE_CHECKING:
    import psycopg

_LOCK_SPACE = 1_684_109_666  # "dayb", the first half of the advisory locks' keys

_LIVE = """
select p.schema_name, p.version, b.position
  from daybook.read_models p
  join daybook.read_model_builds b using (schema_name)
 where p.name = %s
"""

_ENTER = """
select set_config('search_path', quote_ident(%s), true),
       set_config('synchronous_commit', 'off', true)
"""

_SCHEMAS = r"""
select n.nspname
  from pg_catalog.pg_namespace n
 where n.nspname ~ ('^daybook_' || %(name)s || '_v\d+(_b\d+)?$')
 union
select b.schema_name from daybook.read_model_builds b where b.name = %(name)s
"""


class Live(NamedTuple):
    """The build that queries read."""

    schema: str
    version: int
    position: int


def live(connection: psycopg.Connection, name: str) -> Live | None:
    """Return the live build of a read model as it is now, without a lock."""
    row = connection.execute(_LIVE, (name,)).fetchone()
    return Live(*row) if row else None


def enter(connection: psycopg.Connection, schema: str) -> None:
    """Make a build's schema the search path of this transaction.

    Its commit need not wait for the disk: tables and position go together, and after a crash the lost end of
    a read model is applied again from the log.
    """
    connection.execute(_ENTER, (schema,))


def refuse_newer(model: ReadModel, version: int) -> None:
    """Raise where the live build is of a version that this code does not know."""
    if version > model.version:
        raise NewerReadModelError(
            f"The read model {model.name!r} has form {version}; this Daybook knows only {model.version}. "
            "A newer Daybook has taken over this book; nothing is lost.",
            hint="Update Daybook.",
        )


def found(connections: Connections, model: ReadModel) -> None:
    """Make the first, empty build of a read model live, unless there is one. Safe to race."""
    with connections.transaction() as connection:
        connection.execute("select pg_advisory_xact_lock(%s, hashtext(%s))", (_LOCK_SPACE, model.name))
        if live(connection, model.name) is None:
            schema = make(connection, model, indexes=True)
            point(connection, model, schema)


def make(connection: psycopg.Connection, model: ReadModel, *, indexes: bool) -> str:
    """Make a new, empty build in this transaction, whose session holds the read model's lock."""
    taken = {row[0] for row in connection.execute(_SCHEMAS, {"name": model.name})}
    schema = base = f"daybook_{model.name}_v{model.version}"
    number = 0
    while schema in taken:
        number += 1
        schema = f"{base}_b{number}"
    connection.execute("select daybook.create_build(%s)", (schema,))
    connection.execute(
        "insert into daybook.read_model_builds (schema_name, name, version) values (%s, %s, %s)",
        (schema, model.name, model.version),
    )
    enter(connection, schema)
    connection.execute(model.tables())
    if indexes:
        connection.execute(model.indexes())
    return schema


def point(connection: psycopg.Connection, model: ReadModel, schema: str) -> None:
    """Make a build the live one."""
    connection.execute(
        "insert into daybook.read_models (name, version, schema_name) values (%s, %s, %s) "
        "on conflict (name) do update set version = excluded.version, schema_name = excluded.schema_name",
        (model.name, model.version, schema),
    )


def drop(connection: psycopg.Connection, schema: str) -> None:
    """Drop a build that no pointer names."""
    connection.execute("select daybook.drop_build(%s)", (schema,))
    connection.execute("delete from daybook.read_model_builds where schema_name = %s", (schema,))


def clean(connections: Connections, name: str) -> None:
    """Drop what dead processes left; the caller's session holds the read model's lock."""
    with connections.transaction() as connection:
        now = live(connection, name)
        kept = now.schema if now else None
        for (schema,) in connection.execute(_SCHEMAS, {"name": name}).fetchall():
            if schema != kept:
                drop(connection, schema)


@contextmanager
def making(connections: Connections, names: list[str]) -> Iterator[None]:
    """Hold the locks that make this process the only one to build these read models.

    Raises:
        RebuildUnderWayError: another process builds one of them.
    """
    with connections.alone() as session:
        for name in sorted(names):
            row = session.execute(
                "select pg_try_advisory_lock(%s, hashtext(%s))", (_LOCK_SPACE, name)
            ).fetchone()
            if row is None or not row[0]:
                raise RebuildUnderWayError(
                    f"The read model {name!r} is being built by another process. Queries go on as before.",
                    hint="daybook projections status",
                )
        yield
