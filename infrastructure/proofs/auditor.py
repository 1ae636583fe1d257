"""The `Auditor` port on PostgreSQL, and the checks that need no database."""

from __future__ import annotations

import json
from collections.abc import Callable, Sequence
from pathlib import Path
from typing import TYPE_CHECKING
from uuid import UUID

from application.errors import NotProvedError
from application.ports.audit import MadeCheckpoint, Progress, Signed, StoredCheckpoint, Verified
from domain.errors import InvalidInputError
from infrastructure.backup import erasures
from infrastructure.postgres.log import EventLog
from infrastructure.proofs import offline, receipts
from infrastructure.proofs.checkpoints import Checkpoints
from infrastructure.proofs.kept import Kept
from infrastructure.proofs.offline import ProofError
from infrastructure.proofs.verify import Verification

if TYPE_CHECKING:
    from datetime import datetime

    from domain.content import Vault
    from infrastructure.postgres.database import Database


class PostgresAuditor:
    """Signs, proves and verifies one book.

    Args:
        database: where the log is.
        home: the book's home, for what the database's administrator must not reach.
        book_id: returns the book's id, making the book where there is none.
        given_secret: returns the signing key of a setting, if there is one.
        vault: opens content for an export that reveals it.
    """

    def __init__(
        self,
        database: Database,
        home: Path,
        book_id: Callable[[], UUID],
        given_secret: Callable[[], bytes | None] = lambda: None,
        vault: Vault | None = None,
    ) -> None:
        self._database = database
        self._vault = vault
        self._kept = Kept(home)
        self._book_id = book_id
        self._checkpoints = Checkpoints(database, self._kept, book_id, given_secret)

    def key(self) -> str:
        """Return the public key in C2SP's form; it is made on first use."""
        return self._checkpoints.signing_key().verifier

    def checkpoint(self) -> MadeCheckpoint:
        """Sign the log as it stands, and keep the list of what was erased beside the copy in the home."""
        made = self._checkpoints.make()
        erasures.keep(self._kept, self._book_id(), erasures.of_database(self._database))
        return made

    def checkpoints(self, *, before: int | None = None, limit: int = 50) -> Sequence[StoredCheckpoint]:
        """Return checkpoints made before, the newest first."""
        return [
            StoredCheckpoint(row.number, row.note, row.size, row.root.hex())
            for row in self._checkpoints.newest(before, limit)
        ]

    def signed(self, since: datetime, until: datetime) -> Signed:
        """Return what was signed from a time on and before another."""
        count, covered, ends = self._checkpoints.made_within(since, until)
        known = [StoredCheckpoint(row.number, row.note, row.size, row.root.hex()) for row in ends]
        return Signed(count, covered, known[0] if known else None, known[-1] if known else None)

    def verify(
        self, *, since: str | None = None, incremental: bool = False, progress: Progress | None = None
    ) -> Verified:
        """Read the log and recompute it."""
        return Verification(self._database, self._checkpoints, self._kept).run(
            since=since, incremental=incremental, progress=progress
        )

    def find_event(self, event_id: UUID) -> int | None:
        """Return the log index of an event."""
        return receipts.find_event(self._database, event_id)

    def find_message(self, conversation_id: UUID, message_id: UUID) -> int | None:
        """Return the log index of the last event that made a message what it is."""
        return receipts.find_message(self._database, conversation_id, message_id)

    def receipt(self, log_index: int) -> str:
        """Return the JSON text of a receipt for one event."""
        return receipts.receipt(self._database, self._checkpoints, log_index)

    def extension(self, old: str) -> str:
        """Return the JSON text that proves today's log to extend an older checkpoint."""
        return receipts.extension(self._database, self._checkpoints, old)

    def export(self, folder: Path, *, reveal: bool, progress: Progress | None = None) -> MadeCheckpoint:
        """Write checkpoint, tiles and entries into a new folder."""
        from infrastructure.proofs.export import export

        made = self.checkpoint()
        vault = self._vault if reveal else None
        export(EventLog(self._database), folder, made, vault=vault, progress=progress)
        return made


class Offline:
    """The `OfflineChecks` port."""

    def receipt(self, path: Path, key: str) -> str:
        """Return in words what a receipt proves."""
        try:
            return offline.check_receipt(json.loads(path.read_bytes()), _key(key))
        except OSError as problem:
            raise InvalidInputError(f"The receipt {path} cannot be read: {problem.strerror}.") from None
        except (ValueError, ProofError) as problem:
            raise NotProvedError(f"{path} proves nothing: {problem}.") from None

    def export(self, folder: Path, key: str | None) -> str:
        """Return in words what an export proves."""
        if not folder.is_dir():
            raise InvalidInputError(f"{folder} is not a directory.")
        try:
            stated = offline.check_export(folder, _key(key) if key else None)
        except (OSError, ValueError, ProofError) as problem:
            raise NotProvedError(f"{folder} is not proved: {problem}.") from None
        return f"{stated.size:,} events of {stated.origin}, root {stated.root.hex()}"


def _key(text: str) -> offline.Key:
    try:
        return offline.parse_key(text)
    except ProofError as problem:
        raise InvalidInputError(f"The key cannot be used: {problem}.", hint="daybook audit key") from None
