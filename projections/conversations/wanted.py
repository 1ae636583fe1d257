"""Which conversations a list is to hold, and in which order: conditions on the table and places in it."""

from __future__ import annotations

from collections.abc import Sequence
from dataclasses import dataclass
from datetime import datetime
from typing import Any, Literal, LiteralString, NamedTuple, TypeAlias
from uuid import UUID

from domain.content import Vault
from domain.errors import InvalidInputError
from domain.moments import from_micros, to_micros
from domain.tags import folded
from projections.finding import from_cursor, no_cursor

Archived: TypeAlias = Literal["exclude", "include", "only"]
Sort: TypeAlias = Literal["activity", "created", "title", "messages"]

_HAS_TAGS: LiteralString = """c.id in (
    select t.conversation_id from tags t
     where t.name_hash = any(%(tags)s)
     group by t.conversation_id
    having count(distinct t.name_hash) = %(tag_count)s)"""


@dataclass(frozen=True, slots=True, kw_only=True)
class Wanted:
    """Which conversations: those that meet all of it.

    They have all the `tags`, the routine opened them, the `model` has answered in them, and they were last
    active from `since` on and before `until`. `pinned`: None for both kinds.
    """

    project_id: UUID | None = None
    routine_id: UUID | None = None
    archived: Archived = "exclude"
    pinned: bool | None = None
    tags: Sequence[str] = ()
    model: str | None = None
    since: datetime | None = None
    until: datetime | None = None

    def condition(self, vault: Vault) -> tuple[LiteralString, dict[str, Any]]:
        """Return the condition on table `c` and its parameters; what an order adds goes on with `and`."""
        hashes = {vault.name_hash(folded(name)) for name in self.tags}
        parts: list[LiteralString | None] = [
            " where true",
            {"exclude": "not c.archived", "only": "c.archived", "include": None}[self.archived],
            {True: "c.pinned", False: "not c.pinned", None: None}[self.pinned],
            "c.project_id = %(project_id)s" if self.project_id is not None else None,
            "c.routine_id = %(routine_id)s" if self.routine_id is not None else None,
            "c.updated_at >= %(since)s" if self.since is not None else None,
            "c.updated_at < %(until)s" if self.until is not None else None,
            "c.id in (select m.conversation_id from models m where m.model = %(model)s)"
            if self.model is not None
            else None,
            _HAS_TAGS if hashes else None,
        ]
        values = {
            "project_id": self.project_id,
            "routine_id": self.routine_id,
            "since": self.since,
            "until": self.until,
            "model": self.model,
            "tags": list(hashes),
            "tag_count": len(hashes),
        }
        return " and ".join(part for part in parts if part is not None), values


class Order(NamedTuple):
    """How a list is sorted, which of its columns say where it stands, and what comes behind a place."""

    by: LiteralString
    columns: tuple[int, ...]
    kinds: tuple[type, ...]
    behind: LiteralString

    def place(self, sort: Sort, cursor: str) -> dict[str, Any]:
        """Return the parameters of `behind`.

        Raises:
            InvalidInputError: the cursor is not of a list in this order.
        """
        of, *place = from_cursor(cursor, str, *self.kinds)
        must_be_of(sort, of)
        values = dict(zip(("first", "second", "third"), place, strict=False))
        try:
            return {
                name: from_micros(value) if at in _TIMES else value
                for (name, value), at in zip(values.items(), self.columns, strict=True)
            }
        except OverflowError:
            raise no_cursor() from None

    def of(self, row: Sequence[Any]) -> tuple[Any, ...]:
        """Return where a row of the queries stands, as cursors hold it; times in microseconds since 1970."""
        return tuple(to_micros(row[at]) if at in _TIMES else row[at] for at in self.columns)


MESSAGE_COUNT, CREATED_AT, UPDATED_AT, PINNED, ACTIVE_INDEX, FIRST_INDEX = 4, 7, 8, 18, 20, 21
"""Places of columns that lists are sorted by, in a row of the queries."""

_TIMES = (CREATED_AT, UPDATED_AT)

ORDERS: dict[Sort, Order] = {
    "activity": Order(
        " order by c.pinned desc, c.updated_at desc, c.active_index desc",
        (PINNED, UPDATED_AT, ACTIVE_INDEX),
        (bool, int, int),
        " and (c.pinned, c.updated_at, c.active_index) < (%(first)s, %(second)s, %(third)s)",
    ),
    "created": Order(
        " order by c.created_at desc, c.first_index desc",
        (CREATED_AT, FIRST_INDEX),
        (int, int),
        " and (c.created_at, c.first_index) < (%(first)s, %(second)s)",
    ),
    "messages": Order(
        " order by c.message_count desc, c.active_index desc",
        (MESSAGE_COUNT, ACTIVE_INDEX),
        (int, int),
        " and (c.message_count, c.active_index) < (%(first)s, %(second)s)",
    ),
}


def must_be_of(sort: Sort, of: str) -> None:
    """Raise `InvalidInputError` where a cursor is of a list in another order."""
    if of != sort:
        raise InvalidInputError(
            "The cursor is of a list in another order. Begin again without a cursor; nothing was changed."
        )
