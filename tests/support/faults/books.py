"""Processes that keep a book as Daybook does: conversations with sealed titles, erasures, rotations, checkpoints.

The journal of a book: `?` before and `+` or `-` after each `start`, `rename` (with the title) and `erase`.
"""

from __future__ import annotations

import random
import threading
import time
from pathlib import Path
from uuid import UUID

from application.errors import DatabaseError, KeyringError
from application.ports.log import Origin
from domain.conversation.conversation import Conversation
from domain.errors import ConflictError, ContentErasedError, RefusedError
from domain.ids import new_id
from infrastructure.crypto.rotation import Rotation
from infrastructure.postgres.database import Database
from infrastructure.postgres.key_store import PostgresKeyStore
from infrastructure.proofs.auditor import PostgresAuditor
from tests.support.faults.journal import Journal
from tests.support.write_side import keyring_of, log_on

ORIGIN = Origin("ada", "system")


def keep(url: str, folder: Path, incarnation: int, seed: int, pause: float) -> None:
    """Start, rename and erase conversations in two threads until `folder/stop` exists."""
    log = log_on(Database(url))
    journal = Journal(folder / f"book-{incarnation}.txt")
    mine: list[UUID] = []
    failures: list[BaseException] = []

    def work(number: int) -> None:
        chance = random.Random(f"{seed} book {incarnation} {number}")
        try:
            while not (folder / "stop").exists():
                what = "start" if not mine else chance.choice(("start", "start", "rename", "erase"))
                step(what, chance)
                time.sleep(chance.random() * 2 * pause)
        except BaseException as error:  # noqa: BLE001 - raised below, in the thread that ends the process
            failures.append(error)

    def step(what: str, chance: random.Random) -> None:
        conversation_id = new_id() if what == "start" else chance.choice(mine)
        title = f"title-{conversation_id.hex}-{chance.getrandbits(32):08x}"
        journal.note("?", what, conversation_id, title)
        try:
            if what == "start":
                made = Conversation.start(conversation_id, project_id=None, title=title)
                log.save([made], ORIGIN)
            else:
                loaded = log.load(Conversation, conversation_id)
                if what == "rename":
                    loaded.rename(title)
                    log.save([loaded], ORIGIN)
                else:
                    loaded.erase("request")
                    log.erase([loaded], ORIGIN)
        except (ConflictError, ContentErasedError) as error:
            journal.note("-", what, conversation_id, title, type(error).__name__)
        except DatabaseError as error:
            word = "u" if "may or may not" in error.message else "-"
            journal.note(word, what, conversation_id, title, type(error).__name__)
            time.sleep(0.02)
        else:
            journal.note("+", what, conversation_id, title)
            if what == "start":
                mine.append(conversation_id)

    threads = [threading.Thread(target=work, args=(number,)) for number in range(2)]
    for thread in threads:
        thread.start()
    for thread in threads:
        thread.join()
    for error in failures:
        raise error


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
