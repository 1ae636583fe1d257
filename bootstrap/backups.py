"""Backups of the book of this machine: where its keys come from, where they go, and what the home knows.

Invariant of a restore: a key gets into the home when everything is proved and before the book is committed,
so no book is ever there whose key, brought along, is not.
"""

from __future__ import annotations

import contextlib
import hmac
import json
import shlex
import sys
from collections.abc import Callable, Iterator
from dataclasses import dataclass, field
from pathlib import Path
from typing import TYPE_CHECKING, Any
from uuid import UUID

from application.errors import KeyringError, in_words
from application.ports.backup import KeyIs, RestoredBook
from bootstrap.container import Container, given_signing_key, make_keyring
from bootstrap.database_admin import BookDatabase
from bootstrap.home import Home
from bootstrap.settings import Settings
from domain.errors import InvalidInputError, RefusedError
from infrastructure.backup import erasures, files
from infrastructure.backup.archive import FIRST, damaged
from infrastructure.backup.erasures import Erasure
from infrastructure.backup.reading import BackupReader, Head, Known, Nowhere, must_be_of
from infrastructure.backup.restoring import empty_or_refused, load
from infrastructure.backup.writing import BackupWriter, SealKeys
from infrastructure.crypto import export, master_key
from infrastructure.proofs import signing
from infrastructure.proofs.checkpoints import Checkpoints
from infrastructure.proofs.kept import Kept
from infrastructure.proofs.offline import Key, parse_checkpoint, parse_key
from infrastructure.proofs.signing import SigningKey

if TYPE_CHECKING:
    from application.ports.audit import Progress
    from application.ports.backup import BackupContents, CheckedBackup
    from infrastructure.crypto.keyring import Keyring
    from infrastructure.postgres.database import Database
    from interfaces.cli.backup_host import Restoring

_KEYS = "daybook-backup-keys-1"
_TRIES = 3


@dataclass
class _Keys:
    """The keys of a backup that is to be restored, and what is to be done with them before the commit."""

    master: KeyIs
    signing: bytes | None = None
    install: list[Callable[[], None]] = field(default_factory=list)

    def take(self) -> None:
        """Put them where they belong."""
        for one in self.install:
            one()


class BackupAdmin:
    """`daybook backup` and `daybook restore`; implements `interfaces.cli.backup_host.Backups`."""

    def __init__(self, settings: Settings, home: Home, database: BookDatabase, version: str) -> None:
        self._settings = settings
        self._home = home
        self._database = database
        self._version = version
        self._kept = Kept(home.root)

    def write(
        self, path: Path | None, *, force: bool, passphrase: str | None, progress: Progress | None
    ) -> BackupContents:
        """Write a backup of the book, signed and proved on the way out."""
        if path is not None:
            files.must_be_free(path, force=force)  # before a database is started for it
        with contextlib.closing(self._database.open()) as database:
            keyring = make_keyring(self._settings, self._home, database, changes=False)
            checkpoints = Checkpoints(
                database, self._kept, lambda: keyring.book_id, lambda: given_signing_key(self._settings)
            )
            seal = None if passphrase is None else self._sealer(keyring, passphrase)
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
            keys = self._known_keys(reader.head, None)
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
                keys = self._keys(head, unused, restoring.passphrase)
                self._database.migrate(adopt=False, say=lambda _: None)
                database.renew()
                with restoring.loading() as progress:
                    found, erased_count = load(
                        database,
                        reader,
                        keys=self._known_keys(head, keys.signing),
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
            can_sign=self._can_sign(head),
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

    def _sealer(self, keyring: Keyring, passphrase: str) -> SealKeys:
        keyring.unlock()

        def seal(book_id: UUID) -> dict[str, Any]:
            secret = given_signing_key(self._settings) or self._kept.secret()
            document = {
                "master": master_key.to_text(keyring.master),
                "signing": None if secret is None else signing.to_text(secret),
            }
            return export.sealed(json.dumps(document).encode(), book_id, passphrase, form=_KEYS)

        return seal

    def _owners_database(self) -> Database:
        from infrastructure.postgres.database import Database

        url = self._settings.get("owner_database_url") or self._database.url()
        return Database(url, connect_timeout=self._settings.number("connect_timeout"))

    def _keys(self, head: Head, unused: UUID | None, passphrase: Callable[[], str]) -> _Keys:
        """Find the master key of the backup: here, or in the backup; say what is to be done with it."""
        given = self._settings.find("master_key")
        file = master_key.MasterKeyFile(self._home.master_key)
        if given.value:
            if not _fits(master_key.from_text(given.value, where=given.origin), head.master_check, head):
                raise RefusedError(
                    f"The master key in {given.origin} is not the one of this backup's book. Nothing was "
                    "changed.",
                    hint="Set DAYBOOK_MASTER_KEY_FILE to a file that holds the book's key.",
                )
            return _Keys("here")
        here = file.read()
        if here is not None and _fits(here, head.master_check, head):
            return _Keys("here")
        set_aside = [] if here is None else [self._set_aside(file, here, head, unused)]
        if head.keys is None:
            return _Keys("missing", install=set_aside)
        master, secret = _unsealed(head, passphrase())
        if not _fits(master, head.master_check, head):
            raise damaged("the master key in it does not open its book")

        def install() -> None:
            self._home.make()
            if file.write_new(master) != master:
                raise KeyringError(f"Another key came into {file.path} meanwhile. Nothing was restored.")

        def install_signing() -> None:
            if secret is not None:
                self._kept.install_secret(secret)

        return _Keys("installed", secret, [*set_aside, install, install_signing])

    def _set_aside(
        self, file: master_key.MasterKeyFile, here: bytes, head: Head, unused: UUID | None
    ) -> Callable[[], None]:
        """Return what moves a key away that opens nothing but the empty book of this database."""
        where = shlex.quote(str(file.path))
        if head.former_check is not None and _fits(here, head.former_check, head):
            raise RefusedError(
                f"{file.path} holds the former master key of this backup's book; another was in force when "
                "the backup was made. Nothing was changed.",
                hint=f"mv {where} {where}.old   (then restore again, and import the new key)",
            )
        books = self._home.books_of_the_key()
        if unused is None or not books <= {unused}:
            raise RefusedError(
                f"{file.path} holds the key of another book. Nothing was changed: a home has one master key.",
                hint="Restore into another home: daybook --home DIRECTORY restore FILE",
            )
        return lambda: file.set_aside(f"of-{unused}")

    def _known_keys(self, head: Head, secret: bytes | None) -> list[Key]:
        """Return the public keys that are known as the book's by something else than the backup's word."""
        origin = f"daybook/{head.book_id}"
        names = [name for name in self._kept.signers() if name.startswith(f"{origin}+")]
        if secret is not None:
            names.append(SigningKey.from_secret(origin, secret).verifier)
        own = given_signing_key(self._settings) or self._kept.secret()
        if own is not None and (mine := SigningKey.from_secret(origin, own).verifier) in head.verifiers:
            names.append(mine)
        return [parse_key(name) for name in dict.fromkeys(names)]

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

    def _keep(self, head: Head, keys: _Keys, found: CheckedBackup) -> str | None:
        """Let the home know of the book; return the kept checkpoint that tells of missing events."""
        if keys.master != "missing" and not self._settings.get("master_key"):
            self._home.note_book_of_the_key(head.book_id)
        if keys.signing is not None:
            origin = f"daybook/{head.book_id}"
            self._kept.add_signer(SigningKey.from_secret(origin, keys.signing).verifier)
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

    def _can_sign(self, head: Head) -> bool:
        own = given_signing_key(self._settings) or self._kept.secret()
        if own is None:
            return not head.verifiers
        mine = SigningKey.from_secret(f"daybook/{head.book_id}", own).verifier
        return not head.verifiers or mine in head.verifiers


def _book_without_events(database: Database) -> UUID | None:
    """Return the id of a book that nobody has written to; None where there is none at all.

    Raises:
        RefusedError: the book that is there has events.
    """
    with database.connection() as connection:
        row = connection.execute("select to_regclass('daybook.data_keys') is not null").fetchone()
        return empty_or_refused(connection, database.name) if row and row[0] else None


def _unsealed(head: Head, passphrase: str) -> tuple[bytes, bytes | None]:
    """Return master key and signing key of a backup."""
    where = "the keys in this backup"
    secret, book_id = export.opened(head.keys, passphrase, where=where, form=_KEYS)
    if book_id != head.book_id:
        raise damaged(f"{where} are of another book")
    try:
        values = json.loads(secret)
        signer = values["signing"]
        return (
            master_key.from_text(values["master"], where=where),
            None if signer is None else signing.from_text(signer, where=where),
        )
    except (ValueError, KeyError, TypeError):
        raise damaged(f"{where} cannot be read") from None


def _of_backup(path: Path, book_id: UUID) -> Iterator[Erasure]:
    """Return the erasures that a later backup of the same book holds."""
    with files.source(path) as file:
        reader = BackupReader(file)
        if reader.head.book_id != book_id:
            raise InvalidInputError(f"{path} is a backup of another book. Nothing was changed.")
        yield from reader.erasures()


def _fits(master: bytes, check: bytes, head: Head) -> bool:
    return hmac.compare_digest(check, master_key.check_value(master, head.book_id.bytes))


def _text(path: Path) -> str:
    try:
        return path.read_text(encoding="utf-8")
    except (OSError, UnicodeDecodeError) as problem:
        raise InvalidInputError(f"{path} cannot be read: {in_words(problem)}. Nothing was changed.") from None
