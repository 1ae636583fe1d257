"""Rewriting tables after an erasure, for the bytes of a deleted row stay in its page.

Invariant: the tables' contents do not change. VACUUM FULL writes each table and its indexes anew and unlinks
the old files; it closes a table while it does so, and waits for it no longer than a few seconds at a time, so
that queries do not queue behind it.
"""

from __future__ import annotations

from collections.abc import Sequence

from projections.ports import Connections

_TABLES = """
select format('%%I.%%I', n.nspname, c.relname)
  from daybook.read_model_builds b
  join pg_catalog.pg_namespace n on n.nspname = b.schema_name
  join pg_catalog.pg_class c on c.relnamespace = n.oid and c.relkind = 'r'
 where b.name = any(%s)
 order by 1
"""

_TRIES = 5


def scrub(connections: Connections, names: Sequence[str]) -> bool:
    """Rewrite every table of these read models; False where one could not be had."""
    import psycopg

    whole = True
    with connections.alone() as session:
        session.execute("set lock_timeout = '2s'")
        for (table,) in session.execute(_TABLES, (list(names),)).fetchall():
            for attempt in range(1, _TRIES + 1):
                try:
                    session.execute(f"vacuum (full, analyze) {table}".encode())
                    break
                except psycopg.errors.UndefinedTable:  # a rebuild has switched meanwhile
                    break
                except psycopg.errors.LockNotAvailable:
                    whole = whole and attempt < _TRIES
    return whole
