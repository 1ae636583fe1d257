"""The master key: 32 bytes that exist outside the database only, in a file of mode 0600 or in a secret.

Invariant: it is made once, atomically, and only for a database that has none; a wrong or missing one is an
error before anything is written.
"""

from __future__ import annotations

import base64
import binascii
import contextlib
import hashlib
import hmac
import os
from pathlib import Path

from application.errors import KeyringError, in_words

_LENGTH = 32
_PREFIX = "daybook-master-1:"


def generate() -> bytes:
    """Return a fresh master key."""
    return os.urandom(_LENGTH)


def check_value(master: bytes, book_id: bytes) -> bytes:
    """Return what the database keeps to recognise the right master key by; it tells nothing about the key."""
    return hmac.new(master, b"daybook/master-check/1\0" + book_id, hashlib.sha256).digest()


def to_text(master: bytes) -> str:
    """Return the form in which a master key is written to a file or a secret."""
    return _PREFIX + base64.urlsafe_b64encode(master).decode()


def from_text(text: str, *, where: str) -> bytes:
    """Read what `to_text` wrote; `where` names the file or variable in the error."""
    bare = text.strip().removeprefix(_PREFIX).replace("+", "-").replace("/", "_")
    try:
        master = base64.b64decode(bare.encode(), altchars=b"-_", validate=True)
    except (binascii.Error, UnicodeEncodeError):
        master = b""
    if len(master) != _LENGTH:
        raise KeyringError(
            f"{where} does not hold a Daybook master key (it should begin with {_PREFIX!r}). Nothing was "
            "written; "
            "your data is as it was, and unreadable without the right key.",
            hint="daybook keys import FILE",
        )
    return master


class MasterKeyFile:
    """A master key in a file of the book's home."""

    def __init__(self, path: Path) -> None:
        self.path = path

    def read(self) -> bytes | None:
        """Return the key, or None where there is no file."""
        try:
            return from_text(self.path.read_text(encoding="utf-8"), where=str(self.path))
        except FileNotFoundError:
            return None
        except (OSError, UnicodeDecodeError) as problem:
            raise KeyringError(
                f"The master key in {self.path} cannot be read: {in_words(problem)}. Nothing was written.",
                hint="daybook doctor",
            ) from None

    def write_new(self, master: bytes) -> bytes:
        """Write a key where none is, and return the one that is there then.

        Another process may have been first.
        """
        try:
            self.path.parent.mkdir(mode=0o700, parents=True, exist_ok=True)
            draft = self.path.with_name(f".{self.path.name}.{os.getpid()}.{os.urandom(4).hex()}")
            handle = os.open(draft, os.O_WRONLY | os.O_CREAT | os.O_EXCL, 0o600)
            try:
                with os.fdopen(handle, "w", encoding="utf-8") as file:
                    file.write(to_text(master) + "\n")
                    file.flush()
                    os.fsync(file.fileno())
                with contextlib.suppress(FileExistsError):
                    self.path.hardlink_to(draft)
            finally:
                draft.unlink(missing_ok=True)
            _sync_directory(self.path.parent)
        except OSError as problem:
            raise KeyringError(
                f"The master key cannot be written to {self.path}: {in_words(problem)}. "
                "Nothing was recorded.",
                hint="export DAYBOOK_HOME=/a/directory/you/can/write",
            ) from None
        return self.read() or master


def _sync_directory(path: Path) -> None:
    handle = os.open(path, os.O_RDONLY)
    try:
        os.fsync(handle)
    finally:
        os.close(handle)
