"""What views of the past need of the log: where a moment lies in it, and what streams were until then."""

from __future__ import annotations

from collections.abc import Collection, Sequence
from datetime import datetime
from typing import TYPE_CHECKING, NamedTuple, Protocol
from uuid import UUID

if TYPE_CHECKING:
    import psycopg

    from domain.event import Recorded


class Moment(NamedTuple):
    """A place in the log: events up to and including `log_index` had happened, the last of them at `time`."""

    log_index: int
    time: datetime


class History(Protocol):
    """Reads the log back from a moment. A `connection` is that of the query's own transaction."""

    def moment(self, wanted: int | datetime) -> Moment:
        """Return the moment of a log index, or of the last event that is not after a time.

        Raises:
            NotFoundError: the log has no such event, or none that early.
        """
        ...

    def of_streams(
        self, connection: psycopg.Connection, stream_ids: Collection[UUID], up_to: int
    ) -> list[Recorded]:
        """Return the events of streams up to and including a log index, in log order.

        A stream that was erased later ends with its erasure all the same.
        """
        ...

    def last_of(
        self,
        connection: psycopg.Connection,
        stream_ids: Collection[UUID],
        up_to: int,
        *,
        but: Sequence[str],
    ) -> dict[UUID, tuple[int, datetime, str]]:
        """Return log index, time and source of each stream's last event up to a log index.

        Events of the types `but` are left out.
        """
        ...

    def having(
        self, connection: psycopg.Connection, stream_ids: Collection[UUID], up_to: int, type_name: str
    ) -> set[UUID]:
        """Return those streams in which an event of a type had happened."""
        ...

    def page(self, stream_id: UUID, after: int, limit: int) -> list[Recorded]:
        """Return up to `limit` events of one stream behind a version, in order."""
        ...

    def latest(self, stream_id: UUID, up_to: int, type_names: Sequence[str]) -> Recorded | None:
        """Return the last event of these types in one stream, up to and including a version."""
        ...

    def all_of(self, stream_id: UUID, type_names: Sequence[str]) -> list[Recorded]:
        """Return all events of these types in one stream, in order."""
        ...
