"""Taking the master key out of a home, and bringing it back."""

from __future__ import annotations

import hmac
import shlex
from pathlib import Path

from application.errors import KeyringError
from bootstrap.container import make_keyring
from bootstrap.database_admin import BookDatabase
from bootstrap.home import Home
from bootstrap.settings import Settings
from domain.errors import RefusedError
from infrastructure.crypto import export, master_key
from infrastructure.postgres.key_store import PostgresKeyStore


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
        if book is not None and not hmac.compare_digest(
            book.master_check, master_key.check_value(master, book.book_id.bytes)
        ):
            raise RefusedError(
                f"{path} holds the key of another book ({book_id}, this one is {book.book_id}). "
                "Nothing was changed."
            )
        file = master_key.MasterKeyFile(self._home.master_key)
        self._home.make()
        try:
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
