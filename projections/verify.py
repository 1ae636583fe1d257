"""Holding the live read models against a fresh fold of the log.

Algorithm. The fresh builds are made as a rebuild makes them. Then, for each read model, its live build is
held where it is for a moment (nobody pumps), the fresh one is brought to just the same position, and a
snapshot of both is taken; the live one goes on at once, and tables are compared in the snapshot at leisure.

Invariants: nothing is switched and the fresh builds are dropped; what is compared is of one position, however
much is appended meanwhile.
"""

from __future__ import annotations

from collections.abc import Sequence
from dataclasses import dataclass
from typing import TYPE_CHECKING, LiteralString

from psycopg.sql import SQL, Identifier, Literal

from projections import builds
from projections.batches import Stretch, Window, apply_stretch
from projections.errors import ReadModelStalledError
from projections.rebuild import BATCH, index_all, load

if TYPE_CHECKING:
    import psycopg

    from projections.ports import Connections, LogReader
    from projections.pump import Pump
    from projections.read_model import ReadModel
    from projections.rebuild import Progress

MOST_NAMED = 20
"""So many differences of a table are named; the others are counted."""

_HOLD: LiteralString = """
select b.position, p.schema_name
  from daybook.read_models p
  join daybook.read_model_builds b using (schema_name)
 where p.name = %s and p.version = %s
   for share of p
   for update of b
"""

_TABLES: LiteralString = r"""
select c.relname, array(
           select a.attname
             from pg_catalog.pg_index i
             join pg_catalog.pg_attribute a on a.attrelid = c.oid and a.attnum = any(i.indkey::smallint[])
            where i.indrelid = c.oid and i.indisprimary
            order by array_position(i.indkey::smallint[], a.attnum))
  from pg_catalog.pg_class c
  join pg_catalog.pg_namespace n on n.oid = c.relnamespace
 where n.nspname = %s and c.relkind = 'r'
 order by c.relname
"""

# Rows that only one of both has; of those with one key on both sides the row was changed.
_COMPARE = """
with surplus as (select * from {live} except all select * from {fresh}),
     wanted  as (select * from {fresh} except all select * from {live}),
     told as (
    select coalesce(s.key, w.key) as key,
           case when w.key is null then 'extra' when s.key is null then 'missing' else 'changed' end as kind
      from (select {key} as key from surplus t) s
      full join (select {key} as key from wanted t) w on s.key = w.key
)
select t.kind, t.key, count(*) over () from told t order by t.kind, t.key limit %s
"""


@dataclass(frozen=True, slots=True)
class Difference:
    """A row of a table that is not as a fresh fold has it.

    `kind`: `changed`, `missing` (a fresh fold has it), `extra` (it has none); `key` is its primary key.
    """

    table: str
    kind: str
    key: str


@dataclass(frozen=True, slots=True)
class Verified:
    """What the comparison of one read model found, at a position; the first differences, and how many."""

    name: str
    position: int
    differences: tuple[Difference, ...]
    difference_count: int


def verify(
    connections: Connections,
    log: LogReader,
    pump: Pump,
    models: Sequence[ReadModel],
    progress: Progress | None = None,
) -> tuple[Verified, ...]:
    """Compare live read models with a fresh fold.

    Raises:
        RebuildUnderWayError: another process builds one of them.
    """
    pump.catch_up([model.name for model in models])  # also brings a form of an older Daybook to this one
    with builds.making(connections, [model.name for model in models]):
        made = {}
        for model in models:
            builds.clean(connections, model.name)
            with connections.transaction() as connection:
                made[model.name] = builds.make(connection, model, indexes=False)
        try:
            position = load(connections, log, models, made, progress)
            index_all(connections, models, made)
            pump.catch_up([model.name for model in models], position)
            return tuple(_verified(connections, log, model, made[model.name], position) for model in models)
        finally:
            for model in models:
                builds.clean(connections, model.name)


def _verified(
    connections: Connections, log: LogReader, model: ReadModel, fresh: str, position: int
) -> Verified:
    with connections.alone() as session:
        with connections.transaction() as holding:
            row = holding.execute(_HOLD, (model.name, model.version)).fetchone()
            if row is None or row[0] < position:
                raise ReadModelStalledError(
                    f"The read model {model.name!r} went back while it was compared. Nothing was changed.",
                    hint="daybook projections status",
                )
            standing, live = row
            _bring(connections, log, model, fresh, position, standing)
            session.execute("begin isolation level repeatable read, read only")
            session.execute("select 1 from daybook.head")  # the snapshot is taken here
        found: list[Difference] = []
        count = 0
        for table, keys in session.execute(_TABLES, (live,)).fetchall():
            differences, number = _compared(session, live, fresh, table, keys)
            found += differences
            count += number
        session.execute("rollback")
    return Verified(model.name, standing, tuple(found), count)


def _bring(
    connections: Connections, log: LogReader, model: ReadModel, schema: str, position: int, to: int
) -> None:
    """Apply the log to a build up to just this position."""
    while position < to:
        stretch = Window(log, BATCH).read(position)
        end = min(stretch.end, to)
        events = tuple(one for one in stretch.events if one.log_index < end)
        broken = tuple(one for one in stretch.broken if one[0] < end)
        with connections.transaction() as connection:
            builds.enter(connection, schema)
            apply_stretch(connection, model, schema, Stretch(position, end, events, broken))
        position = end


def _compared(
    session: psycopg.Connection, live: str, fresh: str, table: str, keys: Sequence[str]
) -> tuple[list[Difference], int]:
    named = SQL(", ").join(
        SQL("{} || '=' || t.{}::text").format(Literal(key), Identifier(key)) for key in keys
    )
    statement = SQL(_COMPARE).format(
        live=Identifier(live, table),
        fresh=Identifier(fresh, table),
        key=SQL("concat_ws(', ', {})").format(named) if keys else SQL("md5(t::text)"),
    )
    rows = session.execute(statement, (MOST_NAMED,)).fetchall()
    return [Difference(table, kind, key) for kind, key, _ in rows], rows[0][2] if rows else 0
