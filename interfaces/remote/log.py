"""The log of a book behind a server, and what proves it."""

from __future__ import annotations

import tarfile
from collections.abc import Iterator, Sequence
from dataclasses import dataclass
from pathlib import Path
from typing import IO, TYPE_CHECKING, Any
from uuid import UUID

from application.ports.audit import MadeCheckpoint, Problem, StoredCheckpoint, Verified
from domain.errors import InvalidInputError, NotFoundError
from interfaces.audit_views import (
    CheckpointListView,
    CheckpointView,
    EventListView,
    LogSizeView,
    PublicKeyView,
)
from interfaces.record_views import EventPlaceView, MeView
from interfaces.remote.decoding import view
from interfaces.views import EventView, VerifiedView
from projections.finding import to_cursor

if TYPE_CHECKING:
    from datetime import datetime

    from application.ports.audit import Progress
    from interfaces.remote.connection import Connection
    from projections.trail.queries import Filter

_MOST_A_PAGE = 200
_WAIT_SECONDS = 10


@dataclass(frozen=True)
class Head:
    """What an event says of itself."""

    type_name: str
    stream_id: UUID
    version: int
    about: UUID | None = None


@dataclass(frozen=True)
class Envelope:
    """An event's envelope. `actor_name` is that of a token."""

    event: Head
    log_index: int
    event_id: UUID
    time: datetime
    actor: str
    source: str
    correlation_id: UUID | None
    causation_id: UUID | None
    actor_name: str | None


class RemoteEvents:
    """Lists events. `names` are those of the actors that were met."""

    def __init__(self, connection: Connection) -> None:
        self._connection = connection
        self.names: dict[str, str] = {}

    def size(self) -> int:
        """Return how many events the log holds."""
        return self._connection.get("me", MeView).log_size

    def follow(self, size: int) -> Iterator[int]:
        """Yield the log's size whenever it is more than it was, for ever."""
        from interfaces.remote.decoding import read

        while True:
            found = self._connection.asked(
                "GET", "audit/log/size", params={"beyond": size}, headers={"Prefer": f"wait={_WAIT_SECONDS}"}
            )
            now = read(found.content, LogSizeView).log_size
            if now > size:
                self._connection.saw(now)
                yield now
                size = now

    def read(self, start: int, limit: int) -> Sequence[Envelope]:
        """Return events from a log index on, ascending."""
        found: list[Envelope] = []
        cursor: str | None = None
        while len(found) < limit:
            page = self._connection.get(
                "audit/log",
                EventListView,
                order="oldest",
                since=start,
                limit=min(limit - len(found), _MOST_A_PAGE),
                cursor=cursor,
            )
            found += map(_envelope, page.events)
            cursor = page.next_cursor
            if cursor is None:
                break
        self.names |= {one.actor: one.actor_name for one in found if one.actor_name}
        return found


class RemoteTrail:
    """Says who did what when. `events` keeps the names of the actors that are met."""

    def __init__(self, connection: Connection, events: RemoteEvents) -> None:
        self._connection = connection
        self._events = events

    def events(
        self,
        wanted: Filter,
        *,
        low: int = 0,
        high: int = 2**63 - 1,
        newest_first: bool = False,
        limit: int = 100,
    ) -> Sequence[Envelope]:
        """Return events from log index `low` on and before `high`, at most so many."""
        found: list[Envelope] = []
        cursor: str | None = None
        while len(found) < limit:
            page = self._connection.get(
                "audit/log",
                EventListView,
                order="newest" if newest_first else "oldest",
                since=low,
                until=high,
                limit=min(limit - len(found), _MOST_A_PAGE),
                cursor=cursor,
                type=None if wanted.type is None else wanted.type.removesuffix("*"),
                actor=wanted.actor,
                actor_end=wanted.actor_end,
                source=wanted.source,
                stream_id=wanted.stream_id,
                correlation_id=wanted.correlation_id,
            )
            found += map(_envelope, page.events)
            cursor = page.next_cursor
            if cursor is None:
                break
        self._events.names |= {one.actor: one.actor_name for one in found if one.actor_name}
        return found


class RemoteAuditor:
    """Signs, proves and verifies the log."""

    def __init__(self, connection: Connection) -> None:
        self._connection = connection

    def key(self) -> str:
        """Return the public key in C2SP's form."""
        return self._connection.get("audit/key", PublicKeyView).key

    def checkpoint(self) -> MadeCheckpoint:
        """Sign the log as it stands."""
        from interfaces.remote.decoding import read

        made = read(self._connection.asked("POST", "audit/checkpoints").content, CheckpointView)
        return MadeCheckpoint(made.note, made.event_count, made.root, bool(made.fresh))

    def checkpoints(self, *, before: int | None = None, limit: int = 50) -> Sequence[StoredCheckpoint]:
        """Return checkpoints made before, the newest first. Their numbers are not told: all are 0."""
        page = self._connection.get(
            "audit/checkpoints",
            CheckpointListView,
            limit=min(limit, _MOST_A_PAGE),
            cursor=None if before is None else to_cursor(before),
        )
        return [StoredCheckpoint(0, one.note, one.event_count, one.root) for one in page.checkpoints]

    def verify(
        self, *, since: str | None = None, incremental: bool = False, progress: Progress | None = None
    ) -> Verified:
        """Have the server read its log and recompute it."""
        plain = self._connection.long(
            "audit/verification",
            body={"since": since, "incremental": incremental},
            told=counted(progress),
            again=True,
        )
        found = view(plain, VerifiedView)
        return Verified(
            events=found.events,
            root=found.root,
            checkpoint=found.checkpoint,
            problems=[Problem(one.log_index, one.stream, one.what) for one in found.problems],
            skipped=found.skipped_count,
            pinned=found.pinned,
        )

    def find_event(self, event_id: UUID) -> int | None:
        """Return the log index of an event."""
        return self._place(event_id=event_id)

    def find_message(self, conversation_id: UUID, message_id: UUID) -> int | None:
        """Return the log index of the last event that made a message what it is."""
        return self._place(conversation_id=conversation_id, message_id=message_id)

    def receipt(self, log_index: int) -> str:
        """Return the JSON text of a receipt for one event."""
        return self._connection.asked("GET", "audit/receipt", params={"log_index": log_index}).text

    def extension(self, old: str) -> str:
        """Return the JSON text that proves today's log to extend an older checkpoint."""
        return self._connection.asked("POST", "audit/extension", body={"checkpoint": old}).text

    def export(self, folder: Path, *, reveal: bool, progress: Progress | None = None) -> MadeCheckpoint:
        """Download checkpoint, tiles and entries into a new folder; with `reveal` what they say, too."""
        del progress  # an archive does not say how long it will be
        try:
            folder.mkdir(parents=True, exist_ok=True)
            if any(folder.iterdir()):
                raise InvalidInputError(f"{folder} is not empty; nothing was written into it.")
            with self._connection.download("audit/export", body={"reveal": reveal}) as pieces:
                _unpack(_Pieces(pieces), folder)
            note = (folder / "checkpoint").read_text(encoding="utf-8")
        except (OSError, tarfile.TarError) as problem:
            raise InvalidInputError(
                f"{folder} cannot be written: {problem}. The export is not whole."
            ) from None
        lines = note.split("\n")
        return MadeCheckpoint(note, int(lines[1]), "", fresh=False)

    def _place(self, **named: Any) -> int | None:
        try:
            return self._connection.get("audit/place", EventPlaceView, **named).log_index
        except NotFoundError:
            return None


def counted(progress: Progress | None) -> Any:
    """Return what hears of progress as the server tells it."""

    def told(news: dict[str, Any]) -> None:
        if progress is not None and "total_count" in news:
            progress(int(news["done_count"]), int(news["total_count"]))

    return told


class _Pieces:
    """A file that can be read once, made of pieces as they come."""

    def __init__(self, pieces: Iterator[bytes]) -> None:
        self._pieces = pieces
        self._rest = b""

    def read(self, size: int) -> bytes:
        while len(self._rest) < size:
            piece = next(self._pieces, None)
            if piece is None:
                break
            self._rest += piece
        taken, self._rest = self._rest[:size], self._rest[size:]
        return taken


def _unpack(source: Any, folder: Path) -> None:
    """Unpack the archive's one directory into a folder; nothing is written outside of it."""
    stream: IO[bytes] = source
    with tarfile.open(fileobj=stream, mode="r|") as archive:
        for entry in archive:
            _, _, inner = entry.name.partition("/")
            if inner and (entry.isfile() or entry.isdir()):
                archive.extract(entry.replace(name=inner), folder, filter="data")


def _envelope(found: EventView) -> Envelope:
    return Envelope(
        event=Head(found.type, found.stream, found.version, found.about),
        log_index=found.log_index,
        event_id=found.id,
        time=found.at,
        actor=found.actor,
        source=found.source,
        correlation_id=found.correlation_id,
        causation_id=found.causation_id,
        actor_name=found.actor_name,
    )
