"""Recorders of the eventsourcing library on top of the log, for code that wants the library's ways in.

The library counts notifications from 1 and the log from 0, so a notification's id is its log index + 1, which
is also the log size just after it. Invariant: whatever is read here compares equal to what the library itself
would have read, and carries the whole row beside it.

There are no tracking and process recorders: positions belong to the read models, and move with them.
"""

import contextlib
import select
import socket
from collections import deque
from collections.abc import Sequence
from dataclasses import dataclass
from typing import TYPE_CHECKING, Any, Never
from uuid import UUID

from eventsourcing.persistence import (
    AggregateRecorder,
    ApplicationRecorder,
    InfrastructureFactory,
    IntegrityError,
    Notification,
    NotSupportedError,
    OperationalError,
    StoredEvent,
    Subscription,
)
from eventsourcing.persistence import DatabaseError as LibraryDatabaseError

from application.errors import DatabaseError, DatabaseUnreachableError
from domain.errors import ConflictError
from domain.ids import new_id
from infrastructure.postgres.database import Database
from infrastructure.postgres.log import Appended, AppendRequest, EventLog, EventRow, LogRow

if TYPE_CHECKING:
    import psycopg

_READ_NOTIFICATIONS = """
select log_index, stream_id, version, event_id, schema_version, time, type, metadata, payload
  from daybook.events
 where log_index >= %(first)s
   and (%(last)s::bigint is null or log_index <= %(last)s)
   and (cardinality(%(types)s::text[]) = 0 or type = any(%(types)s::text[]))
 order by log_index
 limit %(limit)s
"""

_POLL_SECONDS = 2.0
_PAGE = 500


@dataclass(frozen=True, eq=False)
class LoggedEvent(StoredEvent):
    """A stored event with its row of the log; equal to a plain `StoredEvent` of the same content."""

    row: LogRow

    def __eq__(self, other: object) -> bool:
        if not isinstance(other, StoredEvent):
            return NotImplemented
        return _content(self) == _content(other)

    def __hash__(self) -> int:
        return hash(_content(self))


@dataclass(frozen=True, eq=False)
class LoggedNotification(Notification):
    """A notification with its row of the log; equal to a plain `Notification` of the same content."""

    row: LogRow

    def __eq__(self, other: object) -> bool:
        if not isinstance(other, Notification):
            return NotImplemented
        return self.id == other.id and _content(self) == _content(other)

    def __hash__(self) -> int:
        return hash((*_content(self), self.id))


@dataclass(frozen=True)
class EventToLog(StoredEvent):
    """A stored event to insert together with what the log keeps beside topic and state."""

    event_id: UUID
    schema_version: int = 1
    metadata: bytes = b""


class DaybookAggregateRecorder(AggregateRecorder):
    """Inserts and selects the events of single streams."""

    def __init__(self, log: EventLog) -> None:
        self.log = log

    def insert_events(self, stored_events: Sequence[StoredEvent], **kwargs: Any) -> Sequence[int] | None:
        """Append events together or not at all."""
        self._append(stored_events, kwargs)
        return None

    def select_events(
        self,
        originator_id: UUID | str,
        *,
        gt: int | None = None,
        lte: int | None = None,
        desc: bool = False,
        limit: int | None = None,
    ) -> Sequence[StoredEvent]:
        """Return events of one stream."""
        rows = self.log.read_stream(
            _stream_id(originator_id),
            after_version=-1 if gt is None else gt,
            up_to=lte,
            newest_first=desc,
            limit=limit,
        )
        return [LoggedEvent(row.stream_id, row.version, row.type, row.payload, row) for row in rows]

    def _append(self, stored_events: Sequence[StoredEvent], kwargs: dict[str, Any]) -> Appended | None:
        if kwargs:
            raise NotSupportedError(f"the log takes no {', '.join(sorted(kwargs))} with events")
        if not stored_events:
            return None
        try:
            return self.log.append(AppendRequest([_row(event) for event in stored_events]))
        except ConflictError as error:
            raise IntegrityError(error.message) from error
        except DatabaseUnreachableError as error:
            raise OperationalError(error.message) from error
        except DatabaseError as error:
            raise LibraryDatabaseError(error.message) from error


class DaybookApplicationRecorder(DaybookAggregateRecorder, ApplicationRecorder):
    """Inserts events and selects them in log order."""

    def __init__(self, log: EventLog, database: Database) -> None:
        super().__init__(log)
        self.database = database

    def insert_events(self, stored_events: Sequence[StoredEvent], **kwargs: Any) -> Sequence[int] | None:
        """Append events together or not at all, and return their notification ids."""
        appended = self._append(stored_events, kwargs)
        if appended is None or appended.first_index is None:
            return []
        first = appended.first_index + 1
        return list(range(first, first + len(stored_events)))

    def select_notifications(
        self,
        start: int | None,
        limit: int,
        stop: int | None = None,
        topics: Sequence[str] = (),
        *,
        inclusive_of_start: bool = True,
    ) -> Sequence[Notification]:
        """Return events in log order."""
        first = (start or 1) - 1 if inclusive_of_start or start is None else start
        parameters = {
            "first": first,
            "last": None if stop is None else stop - 1,
            "types": list(topics),
            "limit": limit,
        }
        with self.database.connection() as connection, connection.cursor(binary=True) as cursor:
            rows = map(LogRow._make, cursor.execute(_READ_NOTIFICATIONS, parameters).fetchall())
        return [
            LoggedNotification(row.stream_id, row.version, row.type, row.payload, row.log_index + 1, row)
            for row in rows
        ]

    def max_notification_id(self) -> int | None:
        """Return the id of the last event, or None while the log is empty."""
        return self.log.size() or None

    def subscribe(self, gt: int | None = None, topics: Sequence[str] = ()) -> "LogSubscription":
        """Return an iterator over events after `gt` that waits for new ones."""
        return LogSubscription(self, gt, topics)


class LogSubscription(Subscription[ApplicationRecorder]):
    """Yields events as they come. LISTEN only wakes it; otherwise it looks by itself now and then."""

    def __init__(
        self, recorder: DaybookApplicationRecorder, gt: int | None = None, topics: Sequence[str] = ()
    ) -> None:
        super().__init__(recorder, gt, topics)
        self._database = recorder.database
        self._page: deque[Notification] = deque()
        self._listener: psycopg.Connection | None = None
        self._wake, self._woken = socket.socketpair()

    def __exit__(self, *args: object, **kwargs: Any) -> None:
        super().__exit__(*args, **kwargs)
        self._forget_listener()
        self._wake.close()
        self._woken.close()

    def stop(self) -> None:
        """End the iteration, from any thread."""
        super().stop()
        with contextlib.suppress(OSError):
            self._wake.send(b"\0")

    def __next__(self) -> Notification:
        while not self._has_been_stopped:
            if not self._page:
                self._listen()  # before looking, so that nothing can come between
                self._fill()
                if not self._page:
                    self._wait()
                continue
            notification = self._page.popleft()
            self._last_notification_id = notification.id
            return notification
        raise StopIteration

    def _fill(self) -> None:
        page = self._recorder.select_notifications(
            self._last_notification_id or 0, _PAGE, topics=self._topics, inclusive_of_start=False
        )
        self._page.extend(page)

    def _listen(self) -> None:
        import psycopg

        if self._listener is None:
            try:
                self._listener = self._database.session()
                self._listener.execute("listen daybook_log")
            except DatabaseUnreachableError:
                return  # polling goes on
            except psycopg.Error:
                self._forget_listener()

    def _wait(self) -> None:
        """Sleep until a notification, a stop, a broken connection or the polling time."""
        import psycopg

        sources: list[Any] = [self._woken]
        if self._listener is not None:
            sources.append(self._listener.pgconn.socket)
        ready, _, _ = select.select(sources, [], [], _POLL_SECONDS)
        if self._listener is not None and self._listener.pgconn.socket in ready:
            try:
                self._listener.pgconn.consume_input()
                while self._listener.pgconn.notifies() is not None:
                    pass
            except psycopg.Error:
                self._forget_listener()

    def _forget_listener(self) -> None:
        if self._listener is not None:
            self._listener.close()
            self._listener = None


class DaybookFactory(InfrastructureFactory[Never]):
    """Lets the library find the recorders; DATABASE_URL in its environment names the database."""

    DATABASE_URL = "DATABASE_URL"

    def __init__(self, env: Any) -> None:
        super().__init__(env)
        url = self.env.get(self.DATABASE_URL)
        if not url:
            raise OSError(f"{self.DATABASE_URL} is not set")
        self._database = Database(url)
        self._log = EventLog(self._database)

    def aggregate_recorder(self, purpose: str = "events") -> DaybookAggregateRecorder:
        """Return the recorder of single streams; snapshots have none."""
        if purpose != "events":
            raise NotSupportedError(f"the log keeps no {purpose}")
        return DaybookAggregateRecorder(self._log)

    def application_recorder(self) -> DaybookApplicationRecorder:
        """Return the recorder of the whole log."""
        return DaybookApplicationRecorder(self._log, self._database)

    def tracking_recorder(self, tracking_recorder_class: type[Never] | None = None) -> Never:  # noqa: ARG002
        """Refuse: positions belong to the read models."""
        raise NotSupportedError("positions are kept by the read models")

    def process_recorder(self) -> Never:
        """Refuse: positions belong to the read models."""
        raise NotSupportedError("positions are kept by the read models")

    def close(self) -> None:
        """Close the connections."""
        self._database.close()


def _content(event: StoredEvent) -> tuple[object, ...]:
    return (event.originator_id, event.originator_version, event.topic, event.state)


def _stream_id(originator_id: UUID | str) -> UUID:
    return originator_id if isinstance(originator_id, UUID) else UUID(originator_id)


def _row(event: StoredEvent) -> EventRow:
    extra = event if isinstance(event, EventToLog) else None
    return EventRow(
        stream_id=_stream_id(event.originator_id),
        version=event.originator_version,
        event_id=extra.event_id if extra else new_id(),
        type=event.topic,
        schema_version=extra.schema_version if extra else 1,
        metadata=extra.metadata if extra else b"",
        payload=event.state,
    )
