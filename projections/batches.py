"""Applying a batch to a build, and what happens to an event that cannot be applied.

Invariant: a batch and the position after it commit together. An event that fails even alone is undone alone,
put into quarantine with a reason that holds no content, and passed over; what is not the event's fault (a
lost connection, a full disk, a missing key, an event of a newer Daybook) stops the batch and is never passed
over.
"""

from __future__ import annotations

from collections.abc import Sequence
from typing import TYPE_CHECKING, NamedTuple

from domain.content import Sealed
from domain.errors import ContentDamagedError, DaybookError
from domain.event import DamagedEventError, Recorded, UnknownEventTypeError
from projections.ports import LogReader
from projections.read_model import ReadModel

if TYPE_CHECKING:
    import psycopg

_QUARANTINE = """
insert into daybook.quarantine (schema_name, log_index, reason) values (%s, %s, %s)
on conflict (schema_name, log_index) do nothing
"""

_MOVE = "update daybook.read_model_builds set position = %s where schema_name = %s"

_FIRST = 500
_HEAVY = 16 * 1024 * 1024  # bytes of content that a stretch should not have much more of
_SAMPLE = 8  # one event of so many is weighed

_LIMIT_EXCEEDED = "54"
_INTERNAL = "XX000"  # what PostgreSQL says of values too large to allocate


class Stretch(NamedTuple):
    """A piece of the log: `start` up to, not including, `end`; `broken` could not be decoded."""

    start: int
    end: int
    events: Sequence[Recorded]
    broken: Sequence[tuple[int, str]] = ()


class Window:
    """Reads the log for several read models at once: those that stand at the same place share one reading."""

    def __init__(self, log: LogReader, size: int) -> None:
        self._log = log
        self._size = size
        self._limit = min(size, _FIRST)
        self._last = Stretch(0, 0, ())

    def read(self, start: int) -> Stretch:
        """Return the next stretch of the log; empty at its end.

        Raises:
            UnknownEventTypeError: the event at `start` is of a type this Daybook does not know.
        """
        if not self._last.start <= start < self._last.end:
            self._last = self._read(start, self._limit)
            if len(self._last.events) == self._limit:
                self._adapt(_weight(self._last.events))
        last = self._last
        if start == last.start:
            return last
        return Stretch(start, last.end, last.events[start - last.start :], last.broken)

    def _adapt(self, weight: int) -> None:
        """Read more next time, or less where texts are long: a stretch is held in memory."""
        if weight > _HEAVY:
            self._limit = max(1, self._limit * _HEAVY // weight)
        else:
            self._limit = min(self._size, self._limit * 2)

    def _read(self, start: int, limit: int) -> Stretch:
        """Read; where an event cannot be decoded, read fewer, so that those before it are applied."""
        try:
            events = self._log.read(start, limit)
        except UnknownEventTypeError:
            if limit == 1:
                raise
        except Exception as error:
            if not events_fault(error):
                raise
            if limit == 1:
                return Stretch(start, start + 1, (), ((start, reason(error)),))
        else:
            return Stretch(start, start + len(events), events)
        return self._read(start, limit // 2)


def _weight(events: Sequence[Recorded]) -> int:
    """Estimate the bytes of content in events."""
    sample = events[::_SAMPLE]
    boxes = (v for recorded in sample for v in recorded.event.__dict__.values() if isinstance(v, Sealed))
    return sum(len(box.box) for box in boxes) * len(events) // max(1, len(sample))


def apply_stretch(connection: psycopg.Connection, model: ReadModel, schema: str, stretch: Stretch) -> None:
    """Apply a stretch inside the caller's transaction and move the build's position behind it."""
    for log_index, why in stretch.broken:
        connection.execute(_QUARANTINE, (schema, log_index, why))
    if stretch.events:
        _apply(connection, model, schema, stretch.events)
    connection.execute(_MOVE, (stretch.end, schema))


def _apply(connection: psycopg.Connection, model: ReadModel, schema: str, events: Sequence[Recorded]) -> None:
    try:
        with connection.transaction():
            model.apply(connection, events)
    except Exception as error:
        if not events_fault(error):
            raise
        if len(events) == 1:
            connection.execute(_QUARANTINE, (schema, events[0].log_index, reason(error)))
            return
    else:
        return
    middle = len(events) // 2
    _apply(connection, model, schema, events[:middle])
    _apply(connection, model, schema, events[middle:])


def events_fault(error: Exception) -> bool:
    """Say whether an error comes from what an event holds, and not from the world around it."""
    import psycopg

    if isinstance(error, ContentDamagedError | DamagedEventError):
        return True
    if isinstance(error, DaybookError | OSError | MemoryError):
        return False
    if isinstance(error, psycopg.Error):
        state = error.sqlstate or ""
        return (
            isinstance(error, psycopg.DataError | psycopg.IntegrityError)
            or state.startswith(_LIMIT_EXCEEDED)
            or state == _INTERNAL
        )
    return True


def reason(error: Exception) -> str:
    """Name an error without its message, which may quote content."""
    state = getattr(error, "sqlstate", None)
    return f"{type(error).__name__} ({state})" if state else type(error).__name__
