"""A book behind a server as it was: the same queries, with the moment in each request."""

from __future__ import annotations

from functools import cached_property
from typing import TYPE_CHECKING, Any, TypeVar

from interfaces.history_views import HistoryView
from interfaces.remote import records
from interfaces.remote.queries import (
    MOST_A_PAGE,
    RemoteConversations,
    RemoteProjects,
    RemoteSearch,
    RemoteTranscript,
)
from interfaces.views import AsOfView, utc
from projections.past.history import Moment

if TYPE_CHECKING:
    from datetime import datetime
    from uuid import UUID

    from interfaces.remote.connection import Asks, Connection
    from projections.past.happenings import Happening

T = TypeVar("T")


class RemotePast:
    """Shows the book as it was."""

    def __init__(self, connection: Connection) -> None:
        self._connection = connection

    def at(self, wanted: int | datetime) -> RemoteSeen:
        """Return the book as of a log index, or of a time."""
        meant = str(wanted) if isinstance(wanted, int) else utc(wanted)
        found = self._connection.get(f"moments/{meant}", AsOfView)
        return RemoteSeen(self._connection, Moment(found.log_index, found.time))

    def happenings(self, conversation_id: UUID, *, after: int = 0, limit: int = 100) -> tuple[Happening, ...]:
        """Return what happened to a conversation behind version `after` of it, in order."""
        found = self._connection.get(
            f"conversations/{conversation_id}/history",
            HistoryView,
            cursor=after,
            limit=min(limit, MOST_A_PAGE),
        )
        return tuple(map(records.happening, found.events))


class RemoteSeen:
    """A server's book as of a moment."""

    def __init__(self, connection: Connection, moment: Moment) -> None:
        self.moment = moment
        self._asks: Asks = _AsOf(connection, moment.log_index)

    @cached_property
    def conversations(self) -> RemoteConversations:
        """Lists conversations."""
        return RemoteConversations(self._asks)

    @cached_property
    def transcript(self) -> RemoteTranscript:
        """Shows messages."""
        return RemoteTranscript(self._asks)

    @cached_property
    def projects(self) -> RemoteProjects:
        """Shows projects."""
        return RemoteProjects(self._asks)

    @cached_property
    def search(self) -> RemoteSearch:
        """Finds messages."""
        return RemoteSearch(self._asks)


class _AsOf:
    """Puts the moment into every request."""

    def __init__(self, connection: Connection, log_index: int) -> None:
        self._connection = connection
        self._log_index = log_index

    def get(self, path: str, kind: type[T], /, **values: Any) -> T:
        return self._connection.get(path, kind, as_of=self._log_index, **values)

    def saw(self, log_size: int) -> None:
        self._connection.saw(log_size)
