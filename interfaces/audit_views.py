"""The JSON shapes of the log and its proofs; the rules are those of `views.py`."""

from __future__ import annotations

from collections.abc import Mapping, Sequence
from dataclasses import dataclass
from typing import TYPE_CHECKING

from interfaces import viewing
from interfaces.views import EventView

if TYPE_CHECKING:
    from application.ports.audit import MadeCheckpoint, StoredCheckpoint
    from interfaces.book import Book
    from interfaces.parts import RecordedHead


@dataclass(frozen=True, kw_only=True)
class EventListView:
    """A page of events. With filters it may be short, even empty, while `next_cursor` leads on."""

    events: list[EventView]
    log_size: int
    next_cursor: str | None = None


@dataclass(frozen=True, kw_only=True)
class LogSizeView:
    """How many events the log holds."""

    log_size: int


@dataclass(frozen=True, kw_only=True)
class CheckpointView:
    """A signed statement about the log's first `event_count` events. `note` is what to keep elsewhere."""

    event_count: int
    root: str
    note: str
    fresh: bool | None = None


@dataclass(frozen=True, kw_only=True)
class CheckpointListView:
    """A page of checkpoints, the newest first."""

    checkpoints: list[CheckpointView]
    next_cursor: str | None = None


@dataclass(frozen=True, kw_only=True)
class PublicKeyView:
    """The key that checkpoints are checked with, in C2SP's form."""

    key: str


def made(checkpoint: MadeCheckpoint) -> CheckpointView:
    """Show a checkpoint that was asked for; `fresh` is false where the log had not grown since the last."""
    return CheckpointView(
        event_count=checkpoint.size, root=checkpoint.root, note=checkpoint.note, fresh=checkpoint.fresh
    )


def stored(checkpoints: Sequence[StoredCheckpoint]) -> list[CheckpointView]:
    """Show checkpoints that were made before."""
    return [CheckpointView(event_count=one.size, root=one.root, note=one.note) for one in checkpoints]


def names_of_actors(book: Book, events: Sequence[RecordedHead]) -> Mapping[str, str]:
    """Return the names of those actors of events that are tokens."""
    return book.access.names(frozenset(found.actor for found in events)) if events else {}


def with_names(book: Book, events: Sequence[RecordedHead]) -> list[EventView]:
    """Show events, each with the name of the token that did it."""
    names = names_of_actors(book, events)
    return [viewing.event(found, names.get(found.actor)) for found in events]
