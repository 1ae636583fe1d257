"""Processes that keep a book as Daybook does: sealed titles, erasures, rotations, checkpoints.

The journal of a book: `?` before and `+` or `-` after each `start`, `rename` (with the title) and `erase`.
"""

from __future__ import annotations

import random
import time
from pathlib import Path
from uuid import UUID

from application.errors import DatabaseError, KeyringError
from application.ports.log import Origin
from domain.conversation.conversation import Conversation
from domain.errors import ConflictError, ContentErasedError, RefusedError
from domain.ids import new_id
from infrastructure.crypto.rotation import Rotation
from infrastructure.postgres.book import PostgresLog
from infrastructure.postgres.database import Database
from infrastructure.postgres.key_store import PostgresKeyStore
from infrastructure.proofs.auditor import PostgresAuditor
from tests.support.faults.journal import Journal
from tests.support.faults.writers import in_threads
from tests.support.write_side import keyring_of, log_on

ORIGIN = Origin("ada", "system")


def keep(url: str, folder: Path, incarnation: int, seed: int, pause: float) -> None:
    """Start, rename and erase conversations in two threads until `folder/stop` exists."""
    keeper = _Keeper(log_on(Database(url)), Journal(folder / f"book-{incarnation}.txt"))

    def work(number: int) -> None:
        chance = random.Random(f"{seed} book {incarnation} {number}")
        while not (folder / "stop").exists():
            keeper.act(chance)
            time.sleep(chance.random() * 2 * pause)

    in_threads(folder, work, 2)


class _Keeper:
    """One process's conversations."""

    def __init__(self, log: PostgresLog, journal: Journal) -> None:
        self._log = log
        self._journal = journal
        self._mine: list[UUID] = []

    def act(self, chance: random.Random) -> None:
        what = chance.choice(("start", "start", "rename", "erase")) if self._mine else "start"
        conversation_id = new_id() if what == "start" else chance.choice(self._mine)
        title = f"title-{conversation_id.hex}-{chance.getrandbits(32):08x}"
        self._journal.note("?", what, conversation_id, title)
        try:
            self._do(what, conversation_id, title)
        except (ConflictError, ContentErasedError) as error:
            self._journal.note("-", what, conversation_id, title, type(error).__name__)
        except DatabaseError as error:
            word = "u" if "may or may not" in error.message else "-"
            self._journal.note(word, what, conversation_id, title, type(error).__name__)
            time.sleep(0.02)
        else:
            self._journal.note("+", what, conversation_id, title)
            if what == "start":
                self._mine.append(conversation_id)

    def _do(self, what: str, conversation_id: UUID, title: str) -> None:
        if what == "start":
            self._log.save([Conversation.start(conversation_id, project_id=None, title=title)], ORIGIN)
            return
        loaded = self._log.load(Conversation, conversation_id)
        if what == "rename":
            loaded.rename(title)
            self._log.save([loaded], ORIGIN)
        else:
            loaded.erase("request")
            self._log.erase([loaded], ORIGIN)


def rotate(url: str, folder: Path, incarnation: int, seed: int, pause: float) -> None:
    """Rotate the book's keys again and again."""
    chance = random.Random(f"{seed} rotate {incarnation}")
    database = Database(url)
    rotation = Rotation(PostgresKeyStore(database), keyring_of(database), batch=7)
    journal = Journal(folder / f"rotate-{incarnation}.txt")
    while not (folder / "stop").exists():
        journal.note("?")
        try:
            journal.note("+", rotation.rotate().epoch)
        except KeyringError as error:  # keys of an older epoch kept coming: allowed, and nothing is lost
            journal.note("-", error)
        except DatabaseError:
            journal.note("-")
        time.sleep(chance.random() * 2 * pause)


def sign(url: str, folder: Path, incarnation: int, seed: int, pause: float) -> None:
    """Sign checkpoint after checkpoint; one that is refused over this log ends the process."""
    chance = random.Random(f"{seed} sign {incarnation}")
    auditor = auditor_of(Database(url), folder)
    journal = Journal(folder / f"sign-{incarnation}.txt")
    while not (folder / "stop").exists():
        journal.note("?")
        try:
            journal.note("+", auditor.checkpoint().size)
        except RefusedError:
            raise
        except DatabaseError:
            journal.note("-")
        time.sleep(chance.random() * 2 * pause)


def auditor_of(database: Database, folder: Path) -> PostgresAuditor:
    """The auditor of the run's book, whose home is in the folder."""
    return PostgresAuditor(database, folder / "home", lambda: keyring_of(database).book_id)
