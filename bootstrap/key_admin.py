"""Taking the master key out of a home, bringing it back, and replacing it by another.

Invariant of a replacement: a key that may be in force is in a file that is not touched, at every moment;
which one is in force is what the database says, so it goes on from wherever it was killed.
"""

from __future__ import annotations

import hmac
import os
import shlex
from collections.abc import Sequence
from contextlib import closing
from pathlib import Path
from typing import TYPE_CHECKING

from application.errors import KeyringError
from bootstrap.container import make_keyring
from bootstrap.database_admin import BookDatabase
from bootstrap.home import Home
from bootstrap.settings import Settings
from domain.errors import InvalidInputError, RefusedError
from infrastructure.crypto import export, master_key
from infrastructure.postgres.key_store import PostgresKeyStore
from interfaces.cli.host import MasterReplaced

if TYPE_CHECKING:
    from uuid import UUID

    from application.ports.keys import KeysProgress, Rotated
    from infrastructure.crypto.keyring import Keyring
    from infrastructure.crypto.opening import BookRow
    from infrastructure.postgres.database import Database

_TRIES = 5


class KeyAdmin:
    """`daybook keys …`."""

    def __init__(self, settings: Settings, home: Home, database: BookDatabase) -> None:
        self._settings = settings
        self._home = home
        self._database = database

    def export(self, path: Path, passphrase: str) -> None:
        """Write the master key, encrypted under a passphrase, to a new file of mode 0600."""
        database = self._database.open()
        try:
            keyring = make_keyring(self._settings, self._home, database)
            keyring.unlock()
            export.export_key(path, keyring.master, keyring.book_id, passphrase)
        finally:
            database.close()
        if not self._settings.get("master_key"):
            self._home.key_exported.touch(mode=0o600)

    def restore(self, path: Path, passphrase: str) -> None:
        """Install the master key from such a file, after checking that it is this book's."""
        master, book_id = export.import_key(path, passphrase)
        database = self._database.open()
        try:
            book = PostgresKeyStore(database).book()
        finally:
            database.close()
        file = master_key.MasterKeyFile(self._home.master_key)
        if book is not None and not _fits(master, book.master_check, book.book_id):
            if book.former_check is not None and _fits(master, book.former_check, book.book_id):
                raise RefusedError(
                    f"{path} holds the former master key of this book; another is in force since. Nothing "
                    "was changed.",
                    hint="Import an export of the new one. This one opens older backups only: destroy it.",
                )
            raise RefusedError(
                f"{path} holds the key of another book ({book_id}, this one is {book.book_id}). "
                "Nothing was changed."
            )
        self._home.make()
        try:
            if book is not None and self._holds_former(file, book) and file.next.write_new(master) == master:
                file.advance()
                return
            installed = file.write_new(master) == master
        except KeyringError:
            if not self._home.master_key.exists():
                raise
            installed = False  # what is there is no key, or cannot be read
        if not installed:
            where = shlex.quote(str(self._home.master_key))
            raise RefusedError(
                f"Something else is in {self._home.master_key}. It was not touched; move it away first.",
                hint=f"mv {where} {where}.old",
            )

    def tombstones(self) -> Sequence[str]:
        """Return what was erased, a line each, as a restore reads it."""
        from infrastructure.backup import erasures

        with closing(self._database.open()) as database:
            return erasures.to_lines(erasures.of_database(database)).splitlines()

    @property
    def replacement_begun(self) -> bool:
        """Whether a replacement of the master key of this home was begun and not finished."""
        return (
            not self._settings.get("master_key")
            and master_key.MasterKeyFile(self._home.master_key).unfinished
        )

    def replace_master(self, to: Path | None, progress: KeysProgress) -> MasterReplaced:
        """Make a new master key, put it in force and destroy the former; ends what was killed half-way.

        With `to` the new key is written there, and the former, wherever it is, is left to its owner.

        Raises:
            RefusedError: the key is given as a setting and `to` is not; it opens other books too; somebody
                else is at it.
            InvalidInputError: `to` cannot be written.
        """
        given = self._settings.find("master_key")
        if to is None and given.value:
            raise RefusedError(
                f"The master key comes from {given.origin}: Daybook cannot replace it there. Nothing "
                "was changed.",
                hint="daybook keys rotate --master --to FILE",
            )
        if to is not None:
            _must_be_usable(to)
        own = master_key.MasterKeyFile(self._home.master_key)
        target = own.next if to is None else master_key.MasterKeyFile(to)
        database = self._database.open()
        try:
            store = PostgresKeyStore(database)
            with store.replacing() as alone:
                if not alone:
                    raise RefusedError(
                        "Another process is replacing the master key. Nothing was changed by this one.",
                        hint="daybook keys status",
                    )
                keyring = make_keyring(
                    self._settings, self._home, database, next_key=None if to is None else target
                )
                replacing = _Replacing(database, store, keyring, target, progress)
                rotated = None if self._is_begun(own, target, keyring, store, to) else replacing.run(own)
                if to is None:
                    own.advance()
                finished = store.rewrite() and replacing.scrubbed
                epoch = store.status().epochs[-1].epoch
        finally:
            database.close()
        self._home.key_exported.unlink(missing_ok=True)
        return MasterReplaced(
            file=own.path if to is None else to,
            epoch=epoch,
            rewrapped_count=0 if rotated is None else rotated.rewrapped_count,
            finished=finished,
            resumed=rotated is None,
            setting=None if to is None else "DAYBOOK_MASTER_KEY_FILE",
        )

    def _is_begun(
        self,
        own: master_key.MasterKeyFile,
        target: master_key.MasterKeyFile,
        keyring: Keyring,
        store: PostgresKeyStore,
        to: Path | None,
    ) -> bool:
        """Say whether only the end of a replacement is to be done; refuse what must not be begun."""
        in_force = keyring.master
        there = target.read()
        if to is None:
            if there == in_force or (there is None and own.former.exists()):
                return True
            self._must_open_this_book_alone(keyring)
            return False
        if there == in_force:
            if in_force == self._configured(own):
                raise RefusedError(
                    f"{to} holds the master key that is in force. Nothing was changed.",
                    hint="Name a file that does not exist: the new key is written there.",
                )
            return True
        book = store.book()
        former = None if book is None else book.former_check
        if there is not None and former is not None and _fits(there, former, keyring.book_id):
            raise RefusedError(
                f"{to} holds the former master key. Nothing was changed.", hint="--to ANOTHER-FILE"
            )
        return False

    def _configured(self, own: master_key.MasterKeyFile) -> bytes | None:
        given = self._settings.find("master_key")
        return master_key.from_text(given.value, where=given.origin) if given.value else own.read()

    def _must_open_this_book_alone(self, keyring: Keyring) -> None:
        others = self._home.books_of_the_key() - {keyring.book_id}
        if others:
            raise RefusedError(
                f"The key in {self._home.master_key} was used for other books too "
                f"({', '.join(sorted(map(str, others)))}): without it they can never be read again. Nothing "
                "was changed.",
                hint="Give this book a key of its own: daybook keys rotate --master --to FILE",
            )

    def _holds_former(self, file: master_key.MasterKeyFile, book: BookRow) -> bool:
        """Say whether this home has the former key of this book, and of no other."""
        if book.former_check is None or self._home.books_of_the_key() - {book.book_id}:
            return False
        there = file.read()
        return there is not None and _fits(there, book.former_check, book.book_id)


class _Replacing:
    """One replacement on an open book. `scrubbed`: the read models' tables hold no dead rows."""

    def __init__(
        self,
        database: Database,
        store: PostgresKeyStore,
        keyring: Keyring,
        target: master_key.MasterKeyFile,
        progress: KeysProgress,
    ) -> None:
        self._database = database
        self._store = store
        self._keyring = keyring
        self._target = target
        self._progress = progress
        self.scrubbed = True

    def run(self, own: master_key.MasterKeyFile) -> Rotated:
        """Wrap all data keys under a new epoch key, and that under the new master key."""
        from infrastructure.crypto.rotation import Rotation

        if own.former.exists() and own.read() == self._keyring.master:
            own.destroy_former()
        fresh = self._target.write_new(master_key.generate())
        if self._store.status().erased_count:
            self.scrubbed = self._scrub_read_models()
        for _ in range(_TRIES):
            # A new epoch, for the old one's key may be in backups, wrapped, with keys that were erased since.
            rotated = Rotation(self._store, self._keyring).rotate(self._progress)
            check = master_key.check_value(self._keyring.master, self._keyring.book_id.bytes)
            if self._store.replace_master(
                check, lambda book, epochs: self._keyring.rekeyed(book, epochs, fresh)
            ):
                return rotated
        raise KeyringError(
            "Erasures and rotations of others came in between each time. The master key is the same as "
            "before; nothing is lost.",
            hint="daybook keys rotate --master",
        )

    def _scrub_read_models(self) -> bool:
        from infrastructure.postgres.book import PostgresLog
        from infrastructure.postgres.log import EventLog
        from projections.catalogue import read_models
        from projections.pump import Pump

        log = PostgresLog(EventLog(self._database), self._keyring)
        pump = Pump(self._database, log, read_models(self._keyring))
        pump.catch_up()
        return pump.scrub()


def _must_be_usable(to: Path) -> None:
    """Refuse a file that cannot be written or holds something else; one with a key is gone on with."""
    if not to.parent.is_dir():
        raise InvalidInputError(f"{to} cannot be written: its directory does not exist. Nothing was changed.")
    try:
        there = master_key.MasterKeyFile(to).read()
    except KeyringError:
        raise RefusedError(
            f"{to} exists, and is not a master key that could be read. Nothing was changed.",
            hint="Name a file that does not exist: the new key is written there.",
        ) from None
    if there is None and not os.access(to.parent, os.W_OK | os.X_OK):
        raise InvalidInputError(f"{to} cannot be written: permission denied. Nothing was changed.")


def _fits(master: bytes, check: bytes, book_id: UUID) -> bool:
    return hmac.compare_digest(check, master_key.check_value(master, book_id.bytes))
