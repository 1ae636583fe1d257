"""The wiring: every port gets its adapter here, each made when it is first used.

Laziness is the point: `daybook list` must not pay for a keyring, an event loop or a model client it does
not need.
"""

from __future__ import annotations

from collections.abc import Callable
from functools import cached_property
from typing import TYPE_CHECKING, cast

from bootstrap.home import Home
from bootstrap.settings import Settings

if TYPE_CHECKING:
    from uuid import UUID

    from application.admission import Admission
    from application.answering import Answering
    from application.arrival import Arrival
    from application.disclosing import Disclosures
    from application.handlers import Commands
    from application.ports.clock import Clock
    from application.ports.model_server import ModelServer
    from application.replaying import Replaying
    from application.titling import Titling
    from infrastructure.crypto.keyring import Keyring
    from infrastructure.crypto.master_key import MasterKeyFile
    from infrastructure.crypto.rotation import Rotation
    from infrastructure.postgres.book import PostgresLog
    from infrastructure.postgres.database import Database
    from infrastructure.postgres.live import PostgresLiveAnswers
    from infrastructure.postgres.model_memory import PostgresModelMemory
    from infrastructure.postgres.replay_claims import PostgresReplays
    from infrastructure.postgres.turns import PostgresTurns
    from infrastructure.proofs.auditor import PostgresAuditor
    from infrastructure.read_model_memory import ReadModelMemory
    from interfaces.book import Book
    from interfaces.comparing.here import ComparingHere
    from interfaces.erasing import ErasingHere
    from interfaces.explaining import ExplainingHere
    from interfaces.porting.here import PortingHere
    from interfaces.replaying.desk import DeskHere
    from interfaces.reporting.here import ReportingHere
    from projections.access.queries import AccessQueries
    from projections.conversations.queries import ConversationQueries
    from projections.past.view import Past
    from projections.projects.queries import ProjectQueries
    from projections.pump import Pump
    from projections.reading import Reading
    from projections.replays.queries import ReplayQueries
    from projections.routines.queries import RoutineQueries
    from projections.search.queries import SearchQueries
    from projections.trail.queries import TrailQueries
    from projections.transcript.queries import TranscriptQueries
    from projections.usage.queries import UsageQueries


class Container:
    """One open book. Implements `interfaces.book.WholeBook`."""

    def __init__(self, settings: Settings, home: Home, database: Database) -> None:
        self._settings = settings
        self._home = home
        self.database = database
        self._live_made = False

    @cached_property
    def actor(self) -> str:
        """The opaque id of this home's user."""
        return self._home.actor()

    @cached_property
    def keyring(self) -> Keyring:
        """The book's keys."""
        return make_keyring(self._settings, self._home, self.database)

    @cached_property
    def keys(self) -> Rotation:
        """The epochs of the book's keys."""
        from infrastructure.crypto.rotation import Rotation
        from infrastructure.postgres.key_store import PostgresKeyStore

        return Rotation(PostgresKeyStore(self.database), self.keyring)

    @cached_property
    def log(self) -> PostgresLog:
        """The write side's log."""
        from infrastructure.postgres.book import PostgresLog
        from infrastructure.postgres.log import EventLog

        return PostgresLog(EventLog(self.database), self.keyring, erased=self._note_erasures)

    def _note_erasures(self) -> None:
        """Let the home know what was erased, so that no older backup brings it back."""
        from contextlib import suppress

        from domain.errors import DaybookError
        from infrastructure.backup import erasures
        from infrastructure.proofs.kept import Kept

        with suppress(DaybookError):  # it is erased all the same; the next checkpoint tries again
            erasures.keep(Kept(self._home.root), self.keyring.book_id, erasures.of_database(self.database))

    @property
    def events(self) -> PostgresLog:
        """The log, for those who list events."""
        return self.log

    @cached_property
    def commands(self) -> Commands:
        """Takes commands."""
        from application.handlers import Commands
        from application.services import Services

        return Commands(
            Services(
                log=self.log,
                memory=self.memory,
                live=self.live,
                models=self.model_memory,
                turns=self.turns,
                default_model=self._settings.get("model"),
                context_length=self._context_length(),
            )
        )

    @cached_property
    def admission(self) -> Admission:
        """Lets people and programs in."""
        from application.admission import Admission
        from infrastructure.postgres.grant_uses import PostgresGrantUses

        return Admission(
            self.log,
            PostgresGrantUses(self.database),
            self.clock,
            actor=self.actor,
            first_token=self._settings.get("token"),
        )

    @cached_property
    def clock(self) -> Clock:
        """Says what time it is."""
        from infrastructure.clock import SystemClock

        return SystemClock()

    @cached_property
    def live(self) -> PostgresLiveAnswers:
        """Ownership and saved text of running answers."""
        from infrastructure.postgres.live import PostgresLiveAnswers

        self._live_made = True
        return PostgresLiveAnswers(self.database, self.keyring)

    @cached_property
    def turns(self) -> PostgresTurns:
        """The line before the model server."""
        from infrastructure.ollama.address import normalise_url, shown_url
        from infrastructure.postgres.turns import PostgresTurns

        return PostgresTurns(
            self.database,
            self.live,
            shown_url(normalise_url(self._settings.get("ollama_url"))),
            most=int(self._settings.number("model_concurrency")),
            longest=int(self._settings.number("queue_limit")),
        )

    @cached_property
    def memory(self) -> ReadModelMemory:
        """What earlier events say."""
        from infrastructure.read_model_memory import ReadModelMemory

        return ReadModelMemory(self.transcript, self.projects, self.conversations, self.routines)

    @cached_property
    def model_memory(self) -> PostgresModelMemory:
        """What model servers said earlier."""
        from infrastructure.postgres.model_memory import PostgresModelMemory

        return PostgresModelMemory(self.database)

    @cached_property
    def model_server(self) -> ModelServer:
        """The model server."""
        return make_model_server(self._settings)

    @cached_property
    def answering(self) -> Answering:
        """Generates answers."""
        from application.answering import Answering

        return Answering(self.log, self.live, self.model_memory, self.arrival, self.clock, self.turns)

    @cached_property
    def arrival(self) -> Arrival:
        """Gets the default model where it is missing."""
        from application.arrival import Arrival

        unasked = self._settings.get("pull") == "on"
        return Arrival(self.model_server, self._settings.get("model"), unasked=unasked)

    @cached_property
    def titling(self) -> Titling:
        """Gives titles to conversations that have none."""
        from application.titling import Titling

        return Titling(self.log, self.memory, self.model_server, self.turns, self.clock)

    @cached_property
    def read_models(self) -> Pump:
        """Pumps, rebuilds and reports on the read models."""
        from projections.catalogue import read_models
        from projections.pump import Pump

        return Pump(self.database, self.log, read_models(self.keyring))

    @cached_property
    def porting(self) -> PortingHere:
        """Takes out and in: files of conversations and projects."""
        from interfaces.porting.here import PortingHere

        return PortingHere(self, self.clock)

    @cached_property
    def disclosures(self) -> Disclosures:
        """Writes down who read or exported what, where the settings ask for it."""
        from application.disclosing import Disclosures, Recorded
        from application.ports.log import Origin

        recorded = Recorded(self._settings.get("record_access"))
        return Disclosures(self.log, recorded, Origin(self.actor, "cli"))

    def watched(self) -> Book:
        """Return this book so that it is written down what is shown, where the settings ask for it."""
        if self._settings.get("record_access") == "off":
            return self
        from interfaces.watched import WatchedBook

        return cast("Book", WatchedBook(self, self.disclosures))

    @cached_property
    def reporting(self) -> ReportingHere:
        """Says on one page what happened in a period."""
        from interfaces.reporting.here import ReportingHere
        from projections.trail.report import PeriodQueries

        return ReportingHere(self, PeriodQueries(self.reading), self.audit.signed)

    @cached_property
    def comparing(self) -> ComparingHere:
        """Compares replays with what was recorded."""
        from interfaces.comparing.here import ComparingHere

        return ComparingHere(self)

    @cached_property
    def explaining(self) -> ExplainingHere:
        """Explains answers."""
        from infrastructure.ollama.chat_body import chat_document
        from interfaces.explaining import ExplainingHere

        return ExplainingHere(self, self.log, self.memory, chat_document)

    @cached_property
    def erasing(self) -> ErasingHere:
        """Erases, and wraps keys anew."""
        from interfaces.erasing import ErasingHere

        return ErasingHere(self)

    @cached_property
    def reading(self) -> Reading:
        """Opens queries on the live read models."""
        from projections.reading import Reading

        return Reading(self.database, lambda: self.read_models, erasures=self.keyring.noticed)

    @cached_property
    def conversations(self) -> ConversationQueries:
        """Lists conversations."""
        from projections.conversations.queries import ConversationQueries

        return ConversationQueries(self.reading, self.keyring)

    @cached_property
    def projects(self) -> ProjectQueries:
        """Lists projects."""
        from projections.projects.queries import ProjectQueries

        return ProjectQueries(self.reading, self.keyring)

    @cached_property
    def routines(self) -> RoutineQueries:
        """Lists routines."""
        from projections.routines.queries import RoutineQueries

        return RoutineQueries(self.reading, self.keyring)

    @cached_property
    def transcript(self) -> TranscriptQueries:
        """Shows messages."""
        from projections.transcript.queries import TranscriptQueries

        return TranscriptQueries(self.reading, self.keyring)

    @cached_property
    def search(self) -> SearchQueries:
        """Finds messages."""
        from projections.search.queries import SearchQueries

        return SearchQueries(self.reading, self.keyring)

    @cached_property
    def replays(self) -> ReplayQueries:
        """Lists replays."""
        from projections.replays.queries import ReplayQueries

        return ReplayQueries(self.reading, self.keyring)

    @cached_property
    def replay_desk(self) -> DeskHere:
        """Starts, runs and shows replays."""
        from interfaces.replaying.desk import DeskHere

        return DeskHere(self, "cli")

    @cached_property
    def replay_claims(self) -> PostgresReplays:
        """Says who runs a replay."""
        from infrastructure.postgres.replay_claims import PostgresReplays

        return PostgresReplays(self.database, self.replays)

    @cached_property
    def replaying(self) -> Replaying:
        """Runs replays."""
        from application.replaying import Replaying

        return Replaying(self.log, self.memory, self.replay_claims, self.model_server, self.turns, self.clock)

    @cached_property
    def trail(self) -> TrailQueries:
        """Says who did what when."""
        from projections.trail.queries import TrailQueries

        return TrailQueries(self.reading)

    @cached_property
    def past(self) -> Past:
        """Shows the book as it was."""
        from infrastructure.postgres.history import PostgresHistory
        from projections.past.view import Past

        return Past(self.reading, PostgresHistory(self.database), self.keyring)

    @cached_property
    def usage(self) -> UsageQueries:
        """Counts tokens, time and ratings."""
        from projections.usage.queries import UsageQueries

        return UsageQueries(self.reading)

    @cached_property
    def access(self) -> AccessQueries:
        """Lists tokens, links and sessions."""
        from projections.access.queries import AccessQueries

        return AccessQueries(self.reading, self.keyring)

    @cached_property
    def audit(self) -> PostgresAuditor:
        """Signs, proves and verifies the log."""
        from infrastructure.proofs.auditor import PostgresAuditor

        return PostgresAuditor(
            self.database,
            self._home.root,
            lambda: self.keyring.book_id,
            lambda: given_signing_key(self._settings),
            self.keyring,
        )

    def watch_appends(self, told: Callable[[int, float], None]) -> None:
        """Tell of every commit of the log this process makes."""
        self.log.watch(told)

    def connections_in_use(self) -> tuple[int, int]:
        """Return how many connections are lent out, and how many may be."""
        return self.database.in_use

    def look_after(self) -> None:
        """Close answers whose process died and bring the read models up to date."""
        self.keyring.unlock()
        if self.reading.lagging():
            self.read_models.catch_up()
        if self.transcript.streaming_answers():
            from application.orphans import close_orphans

            if close_orphans(self.log, self.memory, self.live):
                self.read_models.catch_up()

    def close(self) -> None:
        """Release connections, locks and threads."""
        if self._live_made:
            self.live.close()
        self.database.close()

    def _context_length(self) -> int:
        return int(self._settings.number("context_length"))


def make_keyring(
    settings: Settings,
    home: Home,
    database: Database,
    *,
    next_key: MasterKeyFile | None = None,
    changes: bool = True,
) -> Keyring:
    """Return the keyring of a database: the master key from the settings, else from the home's file.

    `next_key` is where a replacement keeps the key that may be in force already; else beside the home's file.
    Without `changes` no key is made, and the book is not noted as one of the key's.
    """
    from application.errors import KeyringError
    from infrastructure.crypto import master_key
    from infrastructure.crypto.keyring import Keyring
    from infrastructure.postgres.key_store import PostgresKeyStore

    file = master_key.MasterKeyFile(home.master_key)

    def find() -> bytes | None:
        given = settings.find("master_key")
        if given.value:
            return master_key.from_text(given.value, where=given.origin)
        return file.read()

    def make() -> bytes:
        if not changes:
            raise KeyringError("This book has no master key yet.")
        home.make()
        return file.write_new(master_key.generate())

    def find_next() -> bytes | None:
        if next_key is not None:
            return next_key.read()
        return None if settings.find("master_key").value else file.next.read()

    def note(book_id: UUID) -> None:
        if changes and not settings.find("master_key").value:
            home.note_book_of_the_key(book_id)

    return Keyring(PostgresKeyStore(database), find, make, next_master=find_next, opened=note)


def given_signing_key(settings: Settings) -> bytes | None:
    """Return the signing key of the settings, None where the home's file holds it."""
    from infrastructure.proofs import signing

    found = settings.find("signing_key")
    return signing.from_text(found.value, where=found.origin) if found.value else None


def make_model_server(settings: Settings) -> ModelServer:
    """Return the adapter of the model server that the settings name."""
    from infrastructure.ollama.model_server import OllamaModelServer

    return OllamaModelServer(
        settings.get("ollama_url"),
        connect_timeout=settings.number("connect_timeout"),
        stall_timeout=settings.number("stall_timeout"),
        first_token_timeout=settings.number("load_timeout"),
    )
