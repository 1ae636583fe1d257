"""The master key: 32 bytes that exist outside the database only, in a file of mode 0600 or in a secret.

Invariants: it is made once, atomically, and only for a database that has none; a wrong or missing one is an
error before anything is written.

It is replaced in this order, so that the key in force is in a file at every moment: the next one is written
beside it (`….next`), the database is told, the next one takes the place, and the bytes of the former one,
kept under a name of its own (`….former`) until then, are written over. Killed anywhere, it goes on from
there.
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

    @property
    def next(self) -> MasterKeyFile:
        """Where the key waits that is to take this one's place."""
        return MasterKeyFile(self.path.with_name(self.path.name + ".next"))

    @property
    def former(self) -> Path:
        """The file of a key that is not in force any more, until it is destroyed."""
        return self.path.with_name(self.path.name + ".former")

    @property
    def unfinished(self) -> bool:
        """Whether a replacement was begun and not finished."""
        return self.next.path.exists() or self.former.exists()

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

    def set_aside(self, suffix: str) -> None:
        """Give a key that opens nothing here another name."""
        self.path.rename(self.path.with_name(f"{self.path.name}.{suffix}"))

    def advance(self) -> None:
        """Let the next key take this one's place and destroy this one; may be done again where it was killed.

        Only for a next key that is in force.
        """
        try:
            if self.next.path.exists():
                if self.path.exists() and not self.former.exists():
                    self.former.hardlink_to(self.path)
                    _sync_directory(self.path.parent)
                self.next.path.replace(self.path)
                _sync_directory(self.path.parent)
            self.destroy_former()
        except OSError as problem:
            raise KeyringError(
                f"The new master key is in force, but the files in {self.path.parent} could not be put in "
                f"order: {in_words(problem)}. Nothing is lost; the former key is not destroyed yet.",
                hint="daybook keys rotate --master",
            ) from None

    def destroy_former(self) -> None:
        """Write over a former key's bytes and remove it, unless it is still the file of the key itself."""
        if not self.former.exists():
            return
        if not (self.path.exists() and self.former.samefile(self.path)):
            self._write_over_former()
        self.former.unlink()
        _sync_directory(self.former.parent)

    def _write_over_former(self) -> None:
        with self.former.open("r+b") as file:
            file.write(os.urandom(self.former.stat().st_size))
            file.flush()
            os.fsync(file.fileno())


def _sync_directory(path: Path) -> None:
    handle = os.open(path, os.O_RDONLY)
    try:
        os.fsync(handle)
    finally:
        os.close(handle)
