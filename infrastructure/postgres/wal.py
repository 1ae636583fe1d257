"""Writing over what the write-ahead log holds of the past, for its old segments are kept to be used again.

Invariant: nothing is lost; every step is one that the server takes by itself, sooner or later.

Algorithm. After a change of segment and a checkpoint no earlier segment is needed: the server removes it, or
renames it to be a later one, with its bytes. A change of segment fills the rest of the present one with
zeros. So as many changes as there are files lead once through all of them, and each is written over. The
mark is there because a change of an empty segment does nothing.
"""

from __future__ import annotations

from collections.abc import Sequence
from typing import LiteralString

from domain.errors import RefusedError
from infrastructure.postgres.database import Database
from infrastructure.postgres.failures import translate

SCRUB: Sequence[LiteralString] = (
    "select pg_switch_wal()",
    "checkpoint",
    """\
do $$
begin
    for segment in 0 .. (select count(*) from pg_ls_waldir()) loop
        perform pg_logical_emit_message(false, 'daybook', 'scrub');
        perform pg_switch_wal();
    end loop;
end
$$""",
    "checkpoint",
)
"""What a superuser runs; docs/privacy.md shows the same."""

_NOW: LiteralString = "select pg_walfile_name(pg_current_wal_insert_lsn())"

# A name is timeline, then place; 24 hexadecimal digits.
_UP_TO: LiteralString = """
select name from pg_ls_waldir()
 where name ~ '^[0-9A-F]{24}$' and substr(name, 9) <= substr(%s, 9)
 order by name
"""

_COUNT: LiteralString = "select count(*) from pg_ls_waldir()"


def scrub_wal(database: Database) -> tuple[int, tuple[str, ...]]:
    """Write over the write-ahead log's past; return how many segments there are, and older ones still kept.

    Older ones are kept for a replication slot, an archive that lags, or `wal_keep_size`.

    Raises:
        RefusedError: the role may not.
    """
    import psycopg

    session = database.owner_session()
    try:
        row = session.execute(_NOW).fetchone()
        assert row is not None  # noqa: S101 - a function's value is one row
        for statement in SCRUB:
            session.execute(statement)
        kept = session.execute(_UP_TO, (row[0],)).fetchall()
        count = session.execute(_COUNT).fetchone()
    except psycopg.errors.InsufficientPrivilege:
        raise RefusedError(
            f"The role of {database.name} may not write over the write-ahead log. Nothing was changed.",
            hint="As a superuser: DAYBOOK_OWNER_DATABASE_URL=postgresql://SUPERUSER:PASSWORD@HOST/DATABASE "
            "daybook db scrub   (under Compose: docker compose run --rm migrate db scrub)",
        ) from None
    except psycopg.Error as error:
        raise translate(error, database.name) from error
    finally:
        session.close()
    return (0 if count is None else count[0]), tuple(name for (name,) in kept)
