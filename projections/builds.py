"""The schemas that read models live in: made, pointed at, cleaned up.

A read model has one live build for each form (version) that some process knows: while an old and a new
release run side by side, each fills and reads its own. A process that stays holds a shared lock on its forms;
a form older than the newest, on which nobody has one, is dropped.

Invariants: a pointer names a complete build; builds of one read model are made under its advisory lock, so
there is at most one maker, and what is neither live nor being made is left over from a process that died.
"""

from __future__ import annotations

from collections.abc import Iterable, Iterator
from contextlib import contextmanager, suppress
from typing import TYPE_CHECKING, NamedTuple

from projections.errors import NewerReadModelError, RebuildUnderWayError
from projections.ports import Connections
from projections.read_model import ReadModel

if TYPE_CHECKING:
    import psycopg

_LOCK_SPACE = 1_684_109_666  # "dayb", the first half of the advisory locks' keys
_IN_USE_SPACE = 1_684_109_685  # "dayu"

_LIVE = """
select p.schema_name, p.version, b.position
  from daybook.read_models p
  join daybook.read_model_builds b using (schema_name)
 where p.name = %(name)s and (%(version)s::integer is null or p.version = %(version)s)
 order by p.version desc
 limit 1
"""

_OLDER = """
select p.version, p.schema_name from daybook.read_models p where p.name = %s and p.version < %s
"""

# New readers queue behind this lock; half a second at a time, so that one slow reader does not stop all the
# others.
CLOSE_THE_DOOR = """
set local lock_timeout = '500ms';
lock table daybook.read_models in exclusive mode;
set local lock_timeout = '30s'
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


def live(connection: psycopg.Connection, name: str, version: int | None = None) -> Live | None:
    """Return the live build of a read model in a form (None: the newest) as it is now, without a lock."""
    row = connection.execute(_LIVE, {"name": name, "version": version}).fetchone()
    return Live(*row) if row else None


def enter(connection: psycopg.Connection, schema: str) -> None:
    """Make a build's schema the search path of this transaction.

    Its commit need not wait for the disk: tables and position go together, and after a crash the lost end of
    a read model is applied again from the log.
    """
    connection.execute(_ENTER, (schema,))


def refuse_newer(model: ReadModel, version: int) -> None:
    """Raise where a newer release has taken over: it knows a newer form, and this one is dropped."""
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
        if live(connection, model.name, model.version) is None:
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
    """Make a build the live one of its form."""
    connection.execute(
        "insert into daybook.read_models (name, version, schema_name) values (%s, %s, %s) "
        "on conflict (name, version) do update set schema_name = excluded.schema_name",
        (model.name, model.version, schema),
    )


def drop(connection: psycopg.Connection, schema: str) -> None:
    """Drop a build that no pointer names."""
    connection.execute("select daybook.drop_build(%s)", (schema,))
    connection.execute("delete from daybook.read_model_builds where schema_name = %s", (schema,))


def clean(connections: Connections, name: str) -> None:
    """Drop what dead processes left; the caller's session holds the read model's lock."""
    with connections.transaction() as connection:
        rows = connection.execute("select schema_name from daybook.read_models where name = %s", (name,))
        kept = {row[0] for row in rows}
        for (schema,) in connection.execute(_SCHEMAS, {"name": name}).fetchall():
            if schema not in kept:
                drop(connection, schema)


def hold(session: psycopg.Connection, models: Iterable[ReadModel]) -> None:
    """Keep the forms of these read models from being dropped, until the session ends."""
    for model in models:
        session.execute(
            "select pg_advisory_lock_shared(%s, hashtext(%s))",
            (_IN_USE_SPACE, f"{model.name}_v{model.version}"),
        )


def drop_older(connections: Connections, model: ReadModel) -> None:
    """Drop the older forms of a read model that no running process holds.

    Those in use stay, and all do while somebody reads; the next call looks again.
    """
    import psycopg

    with connections.connection() as connection:
        if not connection.execute(_OLDER, (model.name, model.version)).fetchall():
            return
    with suppress(psycopg.errors.LockNotAvailable), connections.transaction() as connection:
        connection.execute(CLOSE_THE_DOOR)
        for version, schema in connection.execute(_OLDER, (model.name, model.version)).fetchall():
            (free,) = connection.execute(
                "select pg_try_advisory_xact_lock(%s, hashtext(%s))",
                (_IN_USE_SPACE, f"{model.name}_v{version}"),
            ).fetchone() or (False,)
            if free:
                connection.execute("delete from daybook.read_models where schema_name = %s", (schema,))
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
