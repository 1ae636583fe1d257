"""Some streams folded up to a moment, into tables of their own that live as long as one query.

Invariant: the tables are made by a read model's own statements and filled by its own projector, in the
session's temporary schema, and are rolled back; so a view of the past cannot differ from what the live one
showed then, and leaves nothing behind. Opening goes through the live read model, which tells of erasures.
"""

from __future__ import annotations

from collections.abc import Collection, Iterator
from contextlib import contextmanager
from typing import TYPE_CHECKING
from uuid import UUID

if TYPE_CHECKING:
    import psycopg

    from domain.content import Vault
    from projections.past.history import History
    from projections.read_model import ReadModel
    from projections.reading import Opens

_AT_ONCE = 1_000  # events
_INDEXED_FROM = 2_000  # events: fewer are looked through faster than they are indexed


class Fold:
    """Tables of one read model, holding the streams that were added."""

    def __init__(
        self,
        connection: psycopg.Connection,
        history: History,
        vault: Vault,
        model: ReadModel,
        up_to: int,
    ) -> None:
        self.connection = connection
        self._history = history
        self._vault = vault
        self._model = model
        self._up_to = up_to
        self._indexed = False

    def add(self, stream_ids: Collection[UUID]) -> None:
        """Fold streams that were not added before."""
        events = self._history.of_streams(self.connection, stream_ids, self._up_to)
        self._vault.prepare(stream_ids)
        for start in range(0, len(events), _AT_ONCE):
            self._model.apply(self.connection, events[start : start + _AT_ONCE])
        if len(events) >= _INDEXED_FROM and not self._indexed:
            self.connection.execute(self._model.indexes())
            self.connection.execute("analyze")
            self._indexed = True

    @contextmanager
    def open(self, name: str, version: int, at_least: int | None = None) -> Iterator[psycopg.Connection]:
        """Lend the connection to a query of this read model, as `Reading.open` does."""
        del version, at_least
        if name != self._model.name:
            raise ValueError(f"these are tables of {self._model.name}, not of {name}")
        yield self.connection


@contextmanager
def folded(
    reading: Opens,
    history: History,
    vault: Vault,
    model: ReadModel,
    up_to: int,
    *,
    at_least: int | None = None,
) -> Iterator[Fold]:
    """Lend empty tables of a read model for views of events up to and including a log index."""
    with (
        reading.open(model.name, model.version, at_least) as connection,
        connection.transaction(force_rollback=True),
    ):
        connection.execute("select set_config('search_path', 'pg_temp', true)")
        connection.execute(model.tables())
        yield Fold(connection, history, vault, model, up_to)
