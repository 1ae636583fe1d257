"""What the read side needs from outside: the log, and connections to the database its tables are in."""

from __future__ import annotations

from contextlib import AbstractContextManager
from typing import TYPE_CHECKING, Protocol

if TYPE_CHECKING:
    import psycopg

    from domain.event import Recorded


class LogReader(Protocol):
    """Reads the log in its one order."""

    def size(self) -> int:
        """Return how many events the log holds."""
        ...

    def read(self, start: int, limit: int) -> list[Recorded]:
        """Return up to `limit` events from log index `start` on, in order.

        Raises:
            UnknownEventTypeError: one of them is of a type this Daybook does not know.
        """
        ...


class Connections(Protocol):
    """Lends connections; errors that leave these blocks have become Daybook's own."""

    def connection(self) -> AbstractContextManager[psycopg.Connection]:
        """Lend a connection in autocommit."""
        ...

    def transaction(self) -> AbstractContextManager[psycopg.Connection]:
        """Lend a connection in a transaction that commits when the block ends well."""
        ...

    def alone(self) -> AbstractContextManager[psycopg.Connection]:
        """Lend a session of the block's own, in autocommit, for LISTEN, session locks and VACUUM."""
        ...
