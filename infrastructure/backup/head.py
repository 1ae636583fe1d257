"""What stands before the tables of a backup: which book, when, of what form, and its signed checkpoint."""

from __future__ import annotations

from collections.abc import Mapping, Sequence
from dataclasses import dataclass
from datetime import datetime
from typing import Any
from uuid import UUID

from domain.errors import InvalidInputError
from infrastructure.backup.archive import Document, Piece, damaged, no_backup
from infrastructure.backup.tables import TABLES, Table
from infrastructure.postgres.migrate import known_migrations

FORMAT = "daybook-backup/1"


@dataclass(frozen=True)
class Head:
    """What stands before the tables. `keys`: the book's keys under a passphrase, None where left out."""

    book_id: UUID
    made_at: datetime
    version: str
    migration: int
    event_count: int
    root: bytes
    checkpoint: str | None
    verifiers: tuple[str, ...]
    master_check: bytes
    former_check: bytes | None
    keys: dict[str, Any] | None
    tables: tuple[Table, ...]


def read_head(member: Piece | Document | None) -> Head:
    """Read the first member of a backup.

    Raises:
        InvalidInputError: this is no backup, or a newer Daybook made it.
        NotProvedError: it was altered.
    """
    if not isinstance(member, Document) or member.name != "backup":
        raise no_backup("it does not begin like one")
    values = member.values
    name, _, number = str(values.get("format")).partition("/")
    ours, _, form = FORMAT.partition("/")
    if name != ours:
        raise no_backup("it says that it is something else")
    if number != form:
        raise _newer(f"its format is {number[:20]!r}, and this one reads {form!r}")
    migration = values.get("migration")
    if isinstance(migration, int) and migration > (newest := known_migrations()[-1].number):
        raise _newer(f"its tables are of migration {migration}, and this one knows {newest}")
    try:
        former = values["former_check"]
        return Head(
            book_id=UUID(values["book_id"]),
            made_at=datetime.fromisoformat(values["made_at"]),
            version=str(values["daybook"]),
            migration=int(values["migration"]),
            event_count=int(values["events"]),
            root=bytes.fromhex(values["root"]),
            checkpoint=None if values["checkpoint"] is None else str(values["checkpoint"]),
            verifiers=tuple(map(str, values["verifiers"])),
            master_check=bytes.fromhex(values["master_check"]),
            former_check=None if former is None else bytes.fromhex(former),
            keys=None if values["keys"] is None else dict(values["keys"]),
            tables=_tables(values["tables"]),
        )
    except (LookupError, ValueError, TypeError, AttributeError):
        raise damaged("its first member cannot be read") from None


def _newer(why: str) -> InvalidInputError:
    return InvalidInputError(
        f"This backup was made by a newer Daybook: {why}. Nothing was changed.", hint="Update Daybook."
    )


def _tables(stated: Mapping[str, Sequence[str]]) -> tuple[Table, ...]:
    """Return the tables with the columns that are in the backup: an older Daybook may have had fewer."""
    tables = tuple(
        one._replace(columns=tuple(map(str, stated[one.name]))) for one in TABLES if one.name in stated
    )
    ours = {one.name: one.columns for one in TABLES}
    for one in tables:
        mine = ours[one.name]
        if (
            not set(one.columns) <= set(mine)
            or one.columns[0] != mine[0]
            or len(set(one.columns)) < len(one.columns)
        ):
            raise ValueError(one.name)
    if set(stated) - set(ours) or tables[-1] != TABLES[-1]:
        raise ValueError(stated)
    return tables
