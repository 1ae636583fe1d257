"""The parts of an open book that commands of a person use, wherever the book is: here, or behind a server.

Invariant: nothing stands here that could not be asked over HTTP; what only the process that has the book can
do (letting others in, the line, saved text) is in `book.py` alone.
"""

from __future__ import annotations

from collections.abc import AsyncIterator, Callable, Iterator, Sequence
from contextlib import AbstractContextManager
from dataclasses import dataclass
from datetime import datetime
from pathlib import Path
from typing import TYPE_CHECKING, Protocol, TypeAlias
from uuid import UUID

if TYPE_CHECKING:
    from application.commands import (
        Asking,
        Command,
        CreateToken,
        Done,
        Made,
        OfferSession,
    )
    from application.conversations import Asked
    from application.erasing import Erasing as EraseCommand
    from application.ports.keys import KeysProgress, KeysStatus
    from application.ports.model_server import ModelCard, PullProgress
    from application.running import RunningAnswer
    from interfaces.comparison_views import ComparisonView
    from interfaces.erasures import ErasureView
    from interfaces.explanation_views import ExplanationView
    from interfaces.porting.gathering import Chosen
    from interfaces.porting.here import Form
    from interfaces.porting.taking import ImportView, Wishes
    from interfaces.report_views import AuditReportView
    from interfaces.upkeep_views import RotatedView
    from interfaces.views import ErasedView, HoldView
    from projections.access.queries import Grant
    from projections.conversations.queries import ConversationPage, ConversationSummary, TagCount
    from projections.conversations.wanted import Sort, Wanted
    from projections.projects.queries import InstructionsVersion, ProjectDetails
    from projections.pump import Status
    from projections.routines.queries import RoutineDetails, RoutineVersion
    from projections.search.queries import SearchPage, Within
    from projections.trail.queries import Filter
    from projections.transcript.messages import Message, Node
    from projections.usage.queries import By, Figures, Group
    from projections.verify import Verified

Progress: TypeAlias = Callable[[int, int], None]
"""Is told how many are done, and how many there are."""


class EventHead(Protocol):
    """What an event says of itself without its content."""

    @property
    def type_name(self) -> str:
        """Its registered name."""
        ...

    @property
    def stream_id(self) -> UUID:
        """The aggregate it belongs to."""
        ...

    @property
    def version(self) -> int:
        """Its place in its stream, counted from 1."""
        ...

    @property
    def about(self) -> UUID | None:
        """What else it is about than its own stream: what was shown or exported."""
        ...


class RecordedHead(Protocol):
    """An event's envelope, as `domain.event.Recorded` has it."""

    @property
    def event(self) -> EventHead:
        """The event."""
        ...

    @property
    def log_index(self) -> int:
        """Its place in the log, counted from 0."""
        ...

    @property
    def event_id(self) -> UUID:
        """Its own id."""
        ...

    @property
    def time(self) -> datetime:
        """When the log took it."""
        ...

    @property
    def actor(self) -> str:
        """Who did it."""
        ...

    @property
    def source(self) -> str:
        """Through what."""
        ...

    @property
    def correlation_id(self) -> UUID | None:
        """The user's action."""
        ...

    @property
    def causation_id(self) -> UUID | None:
        """What caused it."""
        ...


class Heads(Protocol):
    """The log, for those who list events."""

    def size(self) -> int:
        """Return how many events the log holds."""
        ...

    def read(self, start: int, limit: int) -> Sequence[RecordedHead]:
        """Return events from a log index on, ascending; fewer than `limit` where the log ends."""
        ...

    def follow(self, size: int) -> Iterator[int]:
        """Yield the log's size whenever it is more than it was, for ever."""
        ...


class Taking(Protocol):
    """Takes commands."""

    def handle(self, command: Command) -> Done:
        """Handle a command that changes something and answers nothing."""
        ...

    def ask(self, command: Asking) -> Asked:
        """Handle a command that starts an answer."""
        ...

    def make(self, command: CreateToken | OfferSession) -> Made:
        """Handle a command that makes a secret, and return it."""
        ...


class Answers(Protocol):
    """Answers while they are written. Bound to the event loop it is first used on."""

    def start(self, asked: Asked) -> RunningAnswer:
        """Lend an answer that was just asked for, as it grows."""
        ...

    async def cancel(self, answer_id: UUID) -> None:
        """Stop an answer, whichever process writes it; what it has is kept."""
        ...


class Models(Protocol):
    """What is on the model server. Bound to the event loop it is first used on."""

    async def models(self) -> Sequence[ModelCard]:
        """Return the models that are installed."""
        ...

    async def show(self, name: str) -> ModelCard:
        """Return one model's card, or raise `ModelMissingError`."""
        ...

    def pull(self, name: str) -> AsyncIterator[PullProgress]:
        """Get a model, telling how far it is."""
        ...

    async def close(self) -> None:
        """Release connections."""
        ...


class Conversations(Protocol):
    """Lists conversations."""

    def listed(
        self, wanted: Wanted, *, sort: Sort = "activity", limit: int = 50, cursor: str | None = None
    ) -> ConversationPage:
        """Return the conversations wanted, in an order."""
        ...

    def tags(self) -> tuple[TagCount, ...]:
        """Return all tags that conversations have, by name."""
        ...

    def get(self, conversation_id: UUID) -> ConversationSummary | None:
        """Return one conversation, or None where the book has none of this id."""
        ...

    def latest_of_actor(self, actor: str) -> ConversationSummary | None:
        """Return the conversation in which this actor last asked or moved."""
        ...

    def find(self, fragment: str) -> tuple[ConversationSummary, ...]:
        """Return the conversations whose id begins or ends with a `domain.ids.fragment`."""
        ...


class Projects(Protocol):
    """Lists projects."""

    def all(
        self, *, include_archived: bool = False, at_least: int | None = None
    ) -> tuple[ProjectDetails, ...]:
        """Return the projects, oldest first."""
        ...

    def get(self, project_id: UUID) -> ProjectDetails | None:
        """Return one project, or None where the book has none of this id."""
        ...

    def find(self, fragment: str) -> tuple[ProjectDetails, ...]:
        """Return the projects whose id begins or ends with a `domain.ids.fragment`."""
        ...

    def named(self, name: str) -> tuple[ProjectDetails, ...]:
        """Return the projects of exactly this name, archived ones too."""
        ...

    def instructions(self, project_id: UUID) -> tuple[InstructionsVersion, ...]:
        """Return all that a project's instructions were set to, newest first."""
        ...


class Routines(Protocol):
    """Lists routines."""

    def all(self, *, include_removed: bool = False) -> tuple[RoutineDetails, ...]:
        """Return the routines, oldest first."""
        ...

    def get(self, routine_id: UUID) -> RoutineDetails | None:
        """Return one routine, or None where the book has none of this id."""
        ...

    def find(self, fragment: str) -> tuple[RoutineDetails, ...]:
        """Return the routines whose id begins or ends with a `domain.ids.fragment`."""
        ...

    def named(self, name: str) -> tuple[RoutineDetails, ...]:
        """Return the routines of exactly this name that were not removed."""
        ...

    def versions(self, routine_id: UUID) -> tuple[RoutineVersion, ...]:
        """Return all versions of a routine, oldest first."""
        ...


class Transcript(Protocol):
    """Shows messages."""

    def branch(
        self, conversation_id: UUID, leaf_id: UUID | None = None, *, limit: int | None = None
    ) -> tuple[Message, ...]:
        """Return the branch ending in a message (None: the current one), root first; or its last `limit`."""
        ...

    def message(self, message_id: UUID, *, at_least: int | None = None) -> Message | None:
        """Return one message, or None where the book has none of this id."""
        ...

    def find(self, fragment: str) -> tuple[Message, ...]:
        """Return the messages whose id begins or ends with a `domain.ids.fragment`."""
        ...

    def children(self, message_id: UUID) -> tuple[Message, ...]:
        """Return the messages that follow a message, oldest first."""
        ...

    def tree(self, conversation_id: UUID, *, beginnings: bool = False) -> tuple[Node, ...]:
        """Return every message of a conversation without its text, or with the first words of each."""
        ...

    def current(self, conversation_id: UUID) -> UUID | None:
        """Return the message in which the current branch ends."""
        ...

    def last_answer_of_actor(self, actor: str) -> Message | None:
        """Return the answer that this actor last asked for."""
        ...


class Search(Protocol):
    """Finds messages."""

    def search(self, text: str, within: Within, *, limit: int = 20, cursor: str | None = None) -> SearchPage:
        """Return the messages in which all the words stand, best first."""
        ...


class Usage(Protocol):
    """Counts tokens, time and ratings."""

    def figures(
        self,
        by: By,
        *,
        since: datetime | None = None,
        until: datetime | None = None,
        zone: str = "UTC",
        at_least: int | None = None,
    ) -> tuple[Group, ...]:
        """Return the figures of the answers of a time, in groups."""
        ...

    def total(
        self, *, since: datetime | None = None, until: datetime | None = None, at_least: int | None = None
    ) -> Figures:
        """Return the figures of all answers of a time."""
        ...


class Grants(Protocol):
    """Lists tokens, links and sessions."""

    def all(self) -> tuple[Grant, ...]:
        """Return all that ever were, oldest first."""
        ...

    def find(self, fragment: str) -> tuple[Grant, ...]:
        """Return those whose id begins or ends with a `domain.ids.fragment`."""
        ...

    def named(self, name: str) -> tuple[Grant, ...]:
        """Return the tokens of exactly this name that were not revoked."""
        ...

    def names(self, actors: frozenset[str]) -> dict[str, str]:
        """Return the names of those actors that are tokens."""
        ...


class KeysStanding(Protocol):
    """Says how the epochs of the book's keys stand."""

    def status(self) -> KeysStatus:
        """Say which epochs there are."""
        ...


class ReadModels(Protocol):
    """Rebuilds and reports on the read models."""

    def status(self) -> Status:
        """Say how far the read models have come."""
        ...

    def rebuild(self, names: Sequence[str] | None = None, progress: Progress | None = None) -> None:
        """Build these read models (None: all) again from the start, and switch."""
        ...

    def verify(
        self, names: Sequence[str] | None = None, progress: Progress | None = None
    ) -> tuple[Verified, ...]:
        """Compare these read models (None: all) with a fresh fold of the log; nothing is switched."""
        ...


@dataclass(frozen=True)
class Told:
    """Who is told while an erasure or a rotation goes on: of wrapped keys, before tables are rewritten."""

    progress: KeysProgress | None = None
    rewriting: Callable[[], None] = lambda: None


class Trail(Protocol):
    """Says who did what when."""

    def events(
        self,
        wanted: Filter,
        *,
        low: int = 0,
        high: int = 2**63 - 1,
        newest_first: bool = False,
        limit: int = 100,
    ) -> Sequence[RecordedHead]:
        """Return events from log index `low` on and before `high`, at most so many."""
        ...


class Reporting(Protocol):
    """Says on one page what happened in a period."""

    def report(self, since: datetime | None, until: datetime | None, zone: str) -> AuditReportView:
        """Return what happened from `since` on and before `until`; None: in the thirty days until now."""
        ...


class Comparing(Protocol):
    """Compares replays with what was recorded."""

    def compare(self, replay_id: UUID, *, at_least: int | None = None) -> ComparisonView:
        """Return a replay's new answers against the recorded ones."""
        ...


class Explaining(Protocol):
    """Explains answers."""

    def explain(self, answer_id: UUID, *, at_least: int | None = None) -> ExplanationView:
        """Return an answer with everything that made it."""
        ...


class Porting(Protocol):
    """Takes out and in: files of conversations and projects."""

    def export(
        self, wanted: Chosen, form: Form, told: Progress | None = None
    ) -> AbstractContextManager[Iterator[bytes]]:
        """Lend an export piece by piece; `told` hears how many conversations are done. Errors come first."""
        ...

    def take_in(self, path: Path, wishes: Wishes, told: Progress | None = None) -> ImportView:
        """Import a file; `told` hears how much of it is done."""
        ...


class Erasing(Protocol):
    """What is erased, what forbids it, and what follows it."""

    def of_conversation(self, found: ConversationSummary, *, with_derived: bool) -> ErasureView:
        """Say what the erasure of a conversation takes; nothing is changed."""
        ...

    def of_project(self, found: ProjectDetails, *, with_derived: bool) -> ErasureView:
        """Say what the erasure of a project takes; nothing is changed."""
        ...

    def of_routine(self, found: RoutineDetails) -> ErasureView:
        """Say what the erasure of a routine takes; nothing is changed."""
        ...

    def erase(self, command: EraseCommand, seen: ErasureView, told: Told) -> ErasedView:
        """Erase what was seen, and clear up behind it."""
        ...

    def rotate(self, told: Told) -> RotatedView:
        """Rewrite the read models' tables where something was erased, and wrap all keys anew."""
        ...

    def holds(self) -> list[HoldView]:
        """Return everything that is held, projects first."""
        ...
