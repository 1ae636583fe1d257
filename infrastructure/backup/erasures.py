"""Erasures that are known outside the database, so that no older backup brings back what was erased.

The home keeps a list beside its checkpoints: after each erasure, each checkpoint and each backup it holds
what the database has, and what it held before. A line is OWNER-ID TIME ACTOR.
"""

from __future__ import annotations

from collections.abc import Iterable
from datetime import datetime
from typing import TYPE_CHECKING, NamedTuple
from uuid import UUID

from domain.errors import InvalidInputError

if TYPE_CHECKING:
    from infrastructure.postgres.database import Database
    from infrastructure.proofs.kept import Kept

_ALL = "select owner_id, erased_at, erased_by from daybook.tombstones order by erasure"
_PARTS = 3


class Erasure(NamedTuple):
    """One owner whose key was destroyed: when, and on whose command."""

    owner_id: UUID
    erased_at: datetime
    erased_by: str


def to_lines(erasures: Iterable[Erasure]) -> str:
    """Return the list as it is kept in files."""
    return "".join(f"{one.owner_id} {one.erased_at.isoformat()} {one.erased_by}\n" for one in erasures)


def from_lines(text: str, *, where: str) -> list[Erasure]:
    """Read such a list.

    Raises:
        InvalidInputError: this is none; `where` names it.
    """
    found = []
    for number, line in enumerate(text.splitlines(), 1):
        try:
            owner, at, by = [*line.split(" "), ""][:_PARTS]
            found.append(Erasure(UUID(owner), datetime.fromisoformat(at), by))
        except ValueError:
            raise InvalidInputError(
                f"{where} is no list of erasures: line {number} is not OWNER-ID TIME ACTOR. Nothing was "
                "changed.",
                hint="daybook keys tombstones > FILE   (on the book that knows them)",
            ) from None
    return found


def of_database(database: Database) -> list[Erasure]:
    """Return the erasures that a database has, in their order."""
    with database.connection() as connection:
        return [Erasure(*row) for row in connection.execute(_ALL).fetchall()]


def of_home(kept: Kept, book_id: UUID) -> list[Erasure]:
    """Return the erasures that a home knows of."""
    return from_lines(kept.tombstones(book_id), where="The list of erasures that this home keeps")


def keep(kept: Kept, book_id: UUID, found: Iterable[Erasure]) -> list[Erasure]:
    """Add to what a home knows; return all of it."""
    before = of_home(kept, book_id)
    known = {one.owner_id for one in before}
    new = [one for one in found if one.owner_id not in known]
    if new:
        kept.keep_tombstones(book_id, to_lines([*before, *new]))
    return [*before, *new]
