"""The keys of a backup: sealed into it, found again, and put where they belong.

Invariant: a key that opens anything is never replaced by another; what opens nothing but a book in which
nothing was ever recorded is set aside.
"""

from __future__ import annotations

import hmac
import json
import shlex
from collections.abc import Callable
from dataclasses import dataclass, field
from typing import TYPE_CHECKING, Any
from uuid import UUID

from application.errors import KeyringError
from application.ports.backup import KeyIs
from bootstrap.container import given_signing_key
from bootstrap.home import Home
from bootstrap.settings import Settings
from domain.errors import RefusedError
from infrastructure.backup.archive import damaged
from infrastructure.backup.head import Head
from infrastructure.crypto import export, master_key
from infrastructure.proofs import signing
from infrastructure.proofs.kept import Kept
from infrastructure.proofs.offline import Key, parse_key
from infrastructure.proofs.signing import SigningKey

if TYPE_CHECKING:
    from infrastructure.backup.writing import SealKeys
    from infrastructure.crypto.keyring import Keyring

_FORM = "daybook-backup-keys-1"


@dataclass
class FoundKeys:
    """The keys of a backup that is to be restored, and what is to be done with them before the commit."""

    master: KeyIs
    signing: bytes | None = None
    install: list[Callable[[], None]] = field(default_factory=list)

    def take(self) -> None:
        """Put them where they belong."""
        for one in self.install:
            one()


class BackupKeys:
    """The keys of one home, as backups need them."""

    def __init__(self, settings: Settings, home: Home, kept: Kept) -> None:
        self._settings = settings
        self._home = home
        self._kept = kept

    def sealer(self, keyring: Keyring, passphrase: str) -> SealKeys:
        """Return what puts master key and signing key under a passphrase.

        Raises:
            KeyringError: the master key is not here.
        """
        keyring.unlock()

        def seal(book_id: UUID) -> dict[str, Any]:
            secret = self._own_secret()
            document = {
                "master": master_key.to_text(keyring.master),
                "signing": None if secret is None else signing.to_text(secret),
            }
            return export.sealed(json.dumps(document).encode(), book_id, passphrase, form=_FORM)

        return seal

    def found(self, head: Head, unused: UUID | None, passphrase: Callable[[], str]) -> FoundKeys:
        """Find the master key of a backup, here or in it, and say what is to be done with it.

        Args:
            head: of the backup.
            unused: the book of the database, in which nothing was ever recorded.
            passphrase: called where the keys in the backup are needed.

        Raises:
            RefusedError: another book's key is here.
            InvalidInputError: the passphrase is wrong.
        """
        given = self._settings.find("master_key")
        if given.value:
            if not _fits(master_key.from_text(given.value, where=given.origin), head.master_check, head):
                raise RefusedError(
                    f"The master key in {given.origin} is not the one of this backup's book. Nothing was "
                    "changed.",
                    hint="Set DAYBOOK_MASTER_KEY_FILE to a file that holds the book's key.",
                )
            return FoundKeys("here")
        file = master_key.MasterKeyFile(self._home.master_key)
        here = file.read()
        if here is not None and _fits(here, head.master_check, head):
            return FoundKeys("here")
        set_aside = [] if here is None else [self._set_aside(file, here, head, unused)]
        if head.keys is None:
            return FoundKeys("missing", install=set_aside)
        master, secret = _unsealed(head, passphrase())
        if not _fits(master, head.master_check, head):
            raise damaged("the master key in it does not open its book")
        install = [
            self._installing(file, master),
            *([] if secret is None else [self._signing(secret, unused)]),
        ]
        return FoundKeys("installed", secret, [*set_aside, *install])

    def known(self, head: Head, secret: bytes | None) -> list[Key]:
        """Return the public keys that are known as the book's by something else than the backup's word."""
        origin = f"daybook/{head.book_id}"
        names = [name for name in self._kept.signers() if name.startswith(f"{origin}+")]
        if secret is not None:
            names.append(verifier_of(head, secret))
        own = self._own_secret()
        if own is not None and (mine := verifier_of(head, own)) in head.verifiers:
            names.append(mine)
        return [parse_key(name) for name in dict.fromkeys(names)]

    def can_sign(self, head: Head) -> bool:
        """Whether this home has the key that signs the book's checkpoints, or the book has none yet."""
        own = self._own_secret()
        return not head.verifiers or (own is not None and verifier_of(head, own) in head.verifiers)

    def _own_secret(self) -> bytes | None:
        return given_signing_key(self._settings) or self._kept.secret()

    def _installing(self, file: master_key.MasterKeyFile, master: bytes) -> Callable[[], None]:
        def install() -> None:
            self._home.make()
            if file.write_new(master) != master:
                raise KeyringError(f"Another key came into {file.path} meanwhile. Nothing was restored.")

        return install

    def _signing(self, secret: bytes, unused: UUID | None) -> Callable[[], None]:
        def install() -> None:
            if unused is not None and all(str(unused) in name for name in self._kept.signers()):
                self._kept.set_secret_aside(f"of-{unused}")
            self._kept.install_secret(secret)

        return install

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


def verifier_of(head: Head, secret: bytes) -> str:
    """Return the public key of a signing key, as it is named for the backup's book."""
    return SigningKey.from_secret(f"daybook/{head.book_id}", secret).verifier


def _unsealed(head: Head, passphrase: str) -> tuple[bytes, bytes | None]:
    """Return master key and signing key of a backup."""
    where = "the keys in this backup"
    secret, book_id = export.opened(head.keys, passphrase, where=where, form=_FORM)
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


def _fits(master: bytes, check: bytes, head: Head) -> bool:
    return hmac.compare_digest(check, master_key.check_value(master, head.book_id.bytes))
