"""Backups of the book of this machine: where its keys come from, where they go, and what the home knows.

Invariant of a restore: a key gets into the home when everything is proved and before the book is committed,
so no book is ever there whose key, brought along, is not.
"""

from __future__ import annotations

import contextlib
import sys
from collections.abc import Iterator
from pathlib import Path
from typing import TYPE_CHECKING
from uuid import UUID

from application.errors import in_words
from application.ports.backup import RestoredBook
from bootstrap.backup_keys import BackupKeys, FoundKeys, verifier_of
from bootstrap.container import Container, given_signing_key, make_keyring
from bootstrap.database_admin import BookDatabase
from bootstrap.home import Home
from bootstrap.settings import Settings
from domain.errors import InvalidInputError, RefusedError
from infrastructure.backup import erasures, files
from infrastructure.backup.archive import FIRST
from infrastructure.backup.erasures import Erasure
from infrastructure.backup.head import Head
from infrastructure.backup.reading import BackupReader, Known, Nowhere, must_be_of
from infrastructure.backup.restoring import empty_or_refused, load
from infrastructure.backup.writing import BackupWriter
from infrastructure.proofs.checkpoints import Checkpoints
from infrastructure.proofs.kept import Kept
from infrastructure.proofs.offline import parse_checkpoint

if TYPE_CHECKING:
    from application.ports.audit import Progress
    from application.ports.backup import BackupContents, CheckedBackup
    from infrastructure.postgres.database import Database
    from interfaces.cli.backup_host import Restoring

_TRIES = 3


class BackupAdmin:
    """`daybook backup` and `daybook restore`; implements `interfaces.cli.backup_host.Backups`."""

    def __init__(self, settings: Settings, home: Home, database: BookDatabase, version: str) -> None:
        self._settings = settings
        self._home = home
        self._database = database
        self._version = version
        self._kept = Kept(home.root)
        self._keys = BackupKeys(settings, home, self._kept)

    def write(
        self, path: Path | None, *, force: bool, passphrase: str | None, progress: Progress | None
    ) -> BackupContents:
        """Write a backup of the book, signed and proved on the way out."""
        if path is not None:
            files.must_be_free(path, force=force)  # before a database is started for it
        with contextlib.closing(self._database.open()) as database:
            Container(self._settings, self._home, database).disclosures.exported("backup", "file")
            keyring = make_keyring(self._settings, self._home, database, changes=False)
            checkpoints = Checkpoints(
                database, self._kept, lambda: keyring.book_id, lambda: given_signing_key(self._settings)
            )
            seal = None if passphrase is None else self._keys.sealer(keyring, passphrase)
            writer = BackupWriter(database, checkpoints, self._version, seal)
            written = self._written(writer, path, progress, force=force)
            erasures.keep(self._kept, written.book_id, erasures.of_database(database))
        self._home.note_backup(written.made_at, path)
        return written

    def check(
        self, path: Path | None, *, checkpoint: Path | None, progress: Progress | None
    ) -> CheckedBackup:
        """Read a backup to its end."""
        with files.source(path) as file:
            reader = BackupReader(file)
            known = self._known(reader.head, checkpoint)
            keys = self._keys.known(reader.head, None)
            return reader.run(Nowhere(), keys=keys, known=known, progress=progress)

    def restore(
        self,
        path: Path | None,
        *,
        checkpoint: Path | None,
        tombstones: Path | None,
        restoring: Restoring,
    ) -> RestoredBook:
        """Load a backup into a database that has no book."""
        with files.source(path) as file:
            reader = BackupReader(file)
            head = reader.head
            known = self._known(head, checkpoint)
            late = self._erasures(head.book_id, tombstones)
            with contextlib.closing(self._owners_database()) as database:
                unused = _book_without_events(database)
                keys = self._keys.found(head, unused, restoring.passphrase)
                self._database.migrate(adopt=False, say=lambda _: None)
                database.renew()
                with restoring.loading() as progress:
                    found, erased_count = load(
                        database,
                        reader,
                        keys=self._keys.known(head, keys.signing),
                        known=known,
                        erasures=late,
                        before_commit=keys.take,
                        progress=progress,
                    )
                name = database.name
        kept = self._keep(head, keys, found)
        if keys.master != "missing":
            self._rebuild(restoring)
        return RestoredBook(
            contents=found.contents,
            database=name,
            key=keys.master,
            erased_count=erased_count,
            missing=found.missing,
            kept=kept,
            can_sign=self._keys.can_sign(head),
        )

    def _written(
        self, writer: BackupWriter, path: Path | None, progress: Progress | None, *, force: bool
    ) -> BackupContents:
        """Write once more where something was erased, or a server signed its log, at that very moment."""
        if path is None:
            return writer.write(sys.stdout.buffer, progress)
        for _ in range(_TRIES - 1):
            with contextlib.suppress(RefusedError), files.whole_file(path, force=force) as file:
                return writer.write(file, progress)
        with files.whole_file(path, force=force) as file:
            return writer.write(file, progress)

    def _owners_database(self) -> Database:
        from infrastructure.postgres.database import Database

        url = self._settings.get("owner_database_url") or self._database.url()
        return Database(url, connect_timeout=self._settings.number("connect_timeout"))

    def _known(self, head: Head, given: Path | None) -> list[Known]:
        """Return the checkpoints that this home, and whoever restores, keeps of the book."""
        found = []
        for name in ("newest", "verified"):
            note = self._kept.checkpoint(head.book_id, name)
            if note is not None:
                found.append(Known(f"the {name} checkpoint that this home keeps", note))
        if given is not None:
            found.append(Known(f"The checkpoint in {given}", _text(given)))
        for one in found:
            must_be_of(one, head)
        return found

    def _erasures(self, book_id: UUID, given: Path | None) -> list[Erasure]:
        """Return what this home, and the file that was given, a list or a later backup, know to be erased."""
        known = erasures.of_home(self._kept, book_id)
        if given is not None:
            with files.source(given) as file:
                is_backup = file.read(len(FIRST)) == FIRST
            known += (
                _of_backup(given, book_id)
                if is_backup
                else erasures.from_lines(_text(given), where=str(given))
            )
        return list({one.owner_id: one for one in reversed(known)}.values())

    def _keep(self, head: Head, keys: FoundKeys, found: CheckedBackup) -> str | None:
        """Let the home know of the book; return the kept checkpoint that tells of missing events."""
        if keys.master != "missing" and not self._settings.get("master_key"):
            self._home.note_book_of_the_key(head.book_id)
        if keys.signing is not None:
            self._kept.add_signer(verifier_of(head, keys.signing))
        before = self._kept.checkpoint(head.book_id, "newest")
        if before is not None:
            if parse_checkpoint(before).size > head.event_count:
                return str(self._kept.checkpoint_file(head.book_id, "newest"))
        elif head.checkpoint is not None and found.contents.signed == "known":
            self._kept.keep_checkpoint(head.book_id, "newest", head.checkpoint)
        return None

    def _rebuild(self, restoring: Restoring) -> None:
        """Build the read models, which are in no backup."""
        with (
            contextlib.closing(Container(self._settings, self._home, self._database.open())) as book,
            restoring.rebuilding() as progress,
        ):
            book.keyring.unlock()
            erasures.keep(self._kept, book.keyring.book_id, erasures.of_database(book.database))
            book.read_models.rebuild(None, progress)


def _book_without_events(database: Database) -> UUID | None:
    """Return the id of a book that nobody has written to; None where there is none at all.

    Raises:
        RefusedError: the book that is there has events.
    """
    with database.connection() as connection:
        row = connection.execute("select to_regclass('daybook.data_keys') is not null").fetchone()
        return empty_or_refused(connection, database.name) if row and row[0] else None


def _of_backup(path: Path, book_id: UUID) -> Iterator[Erasure]:
    """Return the erasures that a later backup of the same book holds."""
    with files.source(path) as file:
        reader = BackupReader(file)
        if reader.head.book_id != book_id:
            raise InvalidInputError(f"{path} is a backup of another book. Nothing was changed.")
        yield from reader.erasures()


def _text(path: Path) -> str:
    try:
        return path.read_text(encoding="utf-8")
    except (OSError, UnicodeDecodeError) as problem:
        raise InvalidInputError(f"{path} cannot be read: {in_words(problem)}. Nothing was changed.") from None
