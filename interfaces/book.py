"""An open book, as interfaces see it: commands on one side, queries on the other. Made by the wiring.

`Book` is what a person's commands use; it may be here or behind a server. `WholeBook` is what the process
that has the book itself can do besides.
"""

from __future__ import annotations

import threading
from collections.abc import Callable, Iterator, Sequence
from dataclasses import dataclass
from typing import TYPE_CHECKING, Protocol
from uuid import UUID

if TYPE_CHECKING:
    from application.admission import Admission
    from application.answering import Answering
    from application.arrival import Arrival
    from application.disclosing import Disclosures
    from application.handlers import Commands
    from application.ports.audit import Auditor
    from application.ports.clock import Clock
    from application.ports.keys import Keys
    from application.ports.live import LiveAnswers
    from application.ports.model_server import ModelServer
    from application.ports.turns import Turns
    from application.replaying import Replaying
    from application.titling import Titling
    from domain.event import Recorded
    from interfaces import parts, past_parts
    from interfaces.replaying.desk import Desk
    from projections.access.queries import AccessQueries
    from projections.conversations.queries import ConversationQueries
    from projections.past.view import Past
    from projections.projects.queries import ProjectQueries
    from projections.pump import Pump
    from projections.replays.queries import ReplayQueries
    from projections.routines.queries import RoutineQueries
    from projections.search.queries import SearchQueries
    from projections.trail.queries import TrailQueries
    from projections.transcript.queries import TranscriptQueries
    from projections.usage.queries import UsageQueries


class Claims(Protocol):
    """Says which replays some process runs now."""

    def running(self, replay_ids: Sequence[UUID]) -> frozenset[UUID]:
        """Return those of these replays that are run."""
        ...


class EventReader(Protocol):
    """The log, for those who list events."""

    def size(self) -> int:
        """Return how many events the log holds."""
        ...

    def read(self, start: int, limit: int) -> list[Recorded]:
        """Return events from a log index on, ascending, their content sealed."""
        ...

    def follow(self, size: int, *, stop: threading.Event | None = None) -> Iterator[int]:
        """Yield the log's size whenever it is more than it was, until told to stop."""
        ...


class Book(Protocol):
    """Everything that a person's commands need.

    Each part is made when it is first used, so that `daybook list` stays quick.
    """

    @property
    def actor(self) -> str:
        """The opaque id of whoever uses this process."""
        ...

    @property
    def commands(self) -> parts.Taking:
        """Takes commands."""
        ...

    @property
    def clock(self) -> Clock:
        """Says what time it is."""
        ...

    @property
    def model_server(self) -> parts.Models:
        """The models there are. Bound to the event loop it is first used on."""
        ...

    @property
    def answering(self) -> parts.Answers:
        """Answers while they are written. Bound to the event loop it is first used on."""
        ...

    @property
    def events(self) -> parts.Heads:
        """Lists events."""
        ...

    @property
    def keys(self) -> parts.KeysStanding:
        """Says how the epochs of the book's keys stand."""
        ...

    @property
    def erasing(self) -> parts.Erasing:
        """Erases, and wraps keys anew."""
        ...

    @property
    def reporting(self) -> parts.Reporting:
        """Says on one page what happened in a period."""
        ...

    @property
    def comparing(self) -> parts.Comparing:
        """Compares replays with what was recorded."""
        ...

    @property
    def explaining(self) -> parts.Explaining:
        """Explains answers: what made them what they are."""
        ...

    @property
    def porting(self) -> parts.Porting:
        """Takes out and in: files of conversations and projects."""
        ...

    @property
    def audit(self) -> Auditor:
        """Signs, proves and verifies the log."""
        ...

    @property
    def conversations(self) -> parts.Conversations:
        """Lists conversations."""
        ...

    @property
    def projects(self) -> parts.Projects:
        """Lists projects."""
        ...

    @property
    def routines(self) -> parts.Routines:
        """Lists routines."""
        ...

    @property
    def transcript(self) -> parts.Transcript:
        """Shows messages."""
        ...

    @property
    def search(self) -> parts.Search:
        """Finds messages."""
        ...

    @property
    def past(self) -> past_parts.Past:
        """Shows the book as it was."""
        ...

    @property
    def trail(self) -> parts.Trail:
        """Says who did what when."""
        ...

    @property
    def replay_desk(self) -> Desk:
        """Starts, runs and shows replays."""
        ...

    @property
    def usage(self) -> parts.Usage:
        """Counts tokens, time and ratings."""
        ...

    @property
    def access(self) -> parts.Grants:
        """Lists tokens, links and sessions."""
        ...

    @property
    def read_models(self) -> parts.ReadModels:
        """Rebuilds and reports on the read models."""
        ...

    def watched(self) -> Book:
        """Return this book so that it is written down what is shown, where the settings ask for it."""
        ...

    def look_after(self) -> None:
        """Close answers whose process died and bring the read models up to date.

        Every command calls it first. Cheap where nothing happened since the last one.
        """
        ...

    def close(self) -> None:
        """Release connections, locks and threads."""
        ...


class WholeBook(Book, Protocol):
    """The book itself, in the process that has it: what `daybook serve` needs."""

    @property
    def commands(self) -> Commands:
        """Takes commands."""
        ...

    @property
    def admission(self) -> Admission:
        """Lets people and programs in from outside this process."""
        ...

    @property
    def model_server(self) -> ModelServer:
        """The model server. Bound to the event loop it is first used on."""
        ...

    @property
    def answering(self) -> Answering:
        """Generates answers. Bound to the event loop it is first used on."""
        ...

    @property
    def arrival(self) -> Arrival:
        """Gets the default model where it is missing. Bound to the event loop it is first used on."""
        ...

    @property
    def titling(self) -> Titling:
        """Gives titles to conversations that have none. Bound to the event loop it is first used on."""
        ...

    @property
    def live(self) -> LiveAnswers:
        """The saved text of answers that other processes are writing."""
        ...

    @property
    def turns(self) -> Turns:
        """The line before the model server."""
        ...

    @property
    def events(self) -> EventReader:
        """Lists events."""
        ...

    @property
    def keys(self) -> Keys:
        """Looks after the epochs of the book's keys."""
        ...

    @property
    def conversations(self) -> ConversationQueries:
        """Lists conversations."""
        ...

    @property
    def projects(self) -> ProjectQueries:
        """Lists projects."""
        ...

    @property
    def routines(self) -> RoutineQueries:
        """Lists routines."""
        ...

    @property
    def transcript(self) -> TranscriptQueries:
        """Shows messages."""
        ...

    @property
    def search(self) -> SearchQueries:
        """Finds messages."""
        ...

    @property
    def past(self) -> Past:
        """Shows the book as it was."""
        ...

    @property
    def trail(self) -> TrailQueries:
        """Says who did what when."""
        ...

    @property
    def disclosures(self) -> Disclosures:
        """Writes down who read or exported what, where the settings ask for it."""
        ...

    @property
    def replays(self) -> ReplayQueries:
        """Lists replays."""
        ...

    @property
    def replaying(self) -> Replaying:
        """Runs replays. Bound to the event loop it is first used on."""
        ...

    @property
    def replay_claims(self) -> Claims:
        """Says which replays are run."""
        ...

    @property
    def usage(self) -> UsageQueries:
        """Counts tokens, time and ratings."""
        ...

    @property
    def access(self) -> AccessQueries:
        """Lists tokens, links and sessions."""
        ...

    @property
    def read_models(self) -> Pump:
        """Pumps, rebuilds and reports on the read models."""
        ...

    def watch_appends(self, told: Callable[[int, float], None]) -> None:
        """Tell of every commit of the log this process makes: how many commands went together, seconds."""
        ...

    def connections_in_use(self) -> tuple[int, int]:
        """Return how many connections to the database this process has lent out, and how many it may."""
        ...


@dataclass(frozen=True)
class Check:
    """One line of `daybook doctor` or `/readyz`.

    It says what was looked at, whether it is well, and what to do if not.
    """

    name: str
    ok: bool
    detail: str
    fix: str = ""
    required: bool = True
