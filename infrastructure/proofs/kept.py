"""What the audit keeps in the book's home, where the database's administrator does not reach.

* `keys/signing.key`: the private key, mode 0600.
* `keys/signers`: every public key this home has signed with, a line each.
* `checkpoints/BOOK/newest`: the newest checkpoint this home made. A database that was put back to an older
  state, with its older checkpoints, no longer fits it.
* `checkpoints/BOOK/verified`: the checkpoint up to which a verification found everything well.
* `checkpoints/BOOK/tombstones`: what was erased, so that no older backup brings it back.

Invariant: a key that is there is never overwritten; a checkpoint appears whole or not at all.
"""

from __future__ import annotations

import contextlib
import os
from pathlib import Path
from uuid import UUID

from application.errors import KeyringError, in_words
from infrastructure.proofs import signing


class Kept:
    """Files under one home."""

    def __init__(self, home: Path) -> None:
        self._home = home

    @property
    def key_file(self) -> Path:
        """Where the private key is, unless a setting holds it."""
        return self._home / "keys" / "signing.key"

    def secret(self) -> bytes | None:
        """Return the private key, or None where there is no file."""
        text = self._read(self.key_file)
        return None if text is None else signing.from_text(text, where=str(self.key_file))

    def make_secret(self) -> bytes:
        """Make a private key where none is, and return the one that is there then."""
        self.install_secret(os.urandom(32))
        found = self.secret()
        if found is None:
            raise KeyringError(f"The signing key in {self.key_file} vanished while it was made.")
        return found

    def install_secret(self, secret: bytes) -> None:
        """Write a private key where none is."""
        draft = self._draft(self.key_file, signing.to_text(secret) + "\n")
        try:
            with contextlib.suppress(FileExistsError):  # another process was first
                self.key_file.hardlink_to(draft)
        finally:
            draft.unlink(missing_ok=True)

    def set_secret_aside(self, suffix: str) -> None:
        """Give a private key, where there is one, another name."""
        with contextlib.suppress(FileNotFoundError):
            self.key_file.rename(self.key_file.with_name(f"{self.key_file.name}.{suffix}"))

    def signers(self) -> list[str]:
        """Return the public keys that this home has signed with."""
        return (self._read(self._home / "keys" / "signers") or "").split()

    def add_signer(self, verifier: str) -> None:
        """Remember a public key of ours."""
        known = self.signers()
        if verifier not in known:
            self._replace(self._home / "keys" / "signers", "\n".join([*known, verifier]) + "\n")

    def checkpoint(self, book_id: UUID, name: str) -> str | None:
        """Return a checkpoint kept of a book: `newest` or `verified`."""
        return self._read(self.checkpoint_file(book_id, name))

    def checkpoint_file(self, book_id: UUID, name: str) -> Path:
        """Return where a checkpoint is kept."""
        return self._home / "checkpoints" / str(book_id) / name

    def keep_checkpoint(self, book_id: UUID, name: str, note: str) -> None:
        """Keep a checkpoint in place of the one before it."""
        self._replace(self.checkpoint_file(book_id, name), note)

    def tombstones(self, book_id: UUID) -> str:
        """Return the erasures that this home knows of, a line each."""
        return self._read(self.checkpoint_file(book_id, "tombstones")) or ""

    def keep_tombstones(self, book_id: UUID, lines: str) -> None:
        """Keep the list of erasures in place of the one before it."""
        self._replace(self.checkpoint_file(book_id, "tombstones"), lines)

    def _read(self, path: Path) -> str | None:
        try:
            return path.read_text(encoding="utf-8")
        except FileNotFoundError:
            return None
        except (OSError, UnicodeDecodeError) as problem:
            raise KeyringError(
                f"{path} cannot be read: {in_words(problem)}. Nothing was written.", hint="daybook doctor"
            ) from None

    def _replace(self, path: Path, text: str) -> None:
        self._draft(path, text).replace(path)

    def _draft(self, path: Path, text: str) -> Path:
        draft = path.with_name(f".{path.name}.{os.getpid()}.{os.urandom(4).hex()}")
        try:
            path.parent.mkdir(mode=0o700, parents=True, exist_ok=True)
            handle = os.open(draft, os.O_WRONLY | os.O_CREAT | os.O_EXCL, 0o600)
            with os.fdopen(handle, "w", encoding="utf-8") as file:
                file.write(text)
                file.flush()
                os.fsync(file.fileno())
        except OSError as problem:
            raise KeyringError(
                f"{path} cannot be written: {in_words(problem)}. Nothing was recorded.",
                hint="export DAYBOOK_HOME=/a/directory/you/can/write",
            ) from None
        return draft
