"""The home directory of a book on this machine: where data, keys, logs and state are, and who uses it."""

from __future__ import annotations

import contextlib
import os
import re
from datetime import datetime
from pathlib import Path
from uuid import UUID

from application.errors import KeyringError, in_words
from domain.errors import InvalidInputError
from domain.ids import new_id

SERVERS = "servers.toml"
"""The file of saved servers, beside the configuration file."""

_ACTOR = re.compile(r"[0-9a-f]{32}")


class Home:
    """Paths under one home. Nothing is made before it is needed."""

    def __init__(self, root: Path) -> None:
        self.root = root

    @property
    def master_key(self) -> Path:
        """The master key's file."""
        return self.root / "keys" / "master.key"

    @property
    def signing_key(self) -> Path:
        """The file of the key that signs checkpoints."""
        return self.root / "keys" / "signing.key"

    @property
    def state(self) -> Path:
        """Crash reports: things that may be deleted."""
        return self.root / "state"

    @property
    def key_exported(self) -> Path:
        """A mark that the master key was exported at least once."""
        return self.root / "keys" / "exported"

    def note_backup(self, at: datetime, path: Path | None) -> None:
        """Note that a backup was made, for whoever asks how old the last one is; no path: into a pipe."""
        note = self.state / "last-backup"
        with contextlib.suppress(OSError):
            self.state.mkdir(mode=0o700, parents=True, exist_ok=True)
            note.write_text(f"{at.isoformat()} {path.absolute() if path else '-'}\n", encoding="utf-8")

    def last_backup(self) -> tuple[datetime, str] | None:
        """Return when the last backup was made from this home, and where it went, as far as it was noted."""
        try:
            at, _, path = (self.state / "last-backup").read_text(encoding="utf-8").strip().partition(" ")
            return datetime.fromisoformat(at), path
        except (OSError, ValueError):
            return None

    def books_of_the_key(self) -> set[UUID]:
        """Return the books that were opened with the master key of this home, as far as it was noted."""
        try:
            return {UUID(line) for line in self._key_books.read_text(encoding="ascii").split()}
        except (OSError, ValueError):
            return set()

    def note_book_of_the_key(self, book_id: UUID) -> None:
        """Note that the master key of this home opens a book: who replaces the key must know of all."""
        if book_id not in self.books_of_the_key():
            with contextlib.suppress(OSError), self._key_books.open("a", encoding="ascii") as file:
                file.write(f"{book_id}\n")

    @property
    def _key_books(self) -> Path:
        return self.root / "keys" / "books"

    def make(self) -> None:
        """Make the home, or say why it cannot be made."""
        try:
            if not self.root.exists():
                from infrastructure.postgres.embedded import make_home

                make_home(self.root)
            if not os.access(self.root, os.W_OK | os.X_OK):
                raise PermissionError(13, "Permission denied", str(self.root))
        except OSError as problem:
            raise InvalidInputError(
                f"Daybook's home {self.root} cannot be written: {in_words(problem)}. Nothing was recorded.",
                hint="export DAYBOOK_HOME=/a/directory/you/can/write",
            ) from None

    @property
    def has_actor(self) -> bool:
        """Whether somebody has used this home."""
        return (self.root / "actor").exists()

    def actor(self) -> str:
        """Return the opaque id under which this home's user appears in the log; made on first use."""
        path = self.root / "actor"
        try:
            known = path.read_text(encoding="ascii").strip()
        except FileNotFoundError:
            known = self._make_actor(path)
        except (OSError, UnicodeDecodeError) as problem:
            raise InvalidInputError(
                f"{path} cannot be read: {in_words(problem)}. Nothing was recorded."
            ) from None
        if not _ACTOR.fullmatch(known):
            raise KeyringError(
                f"{path} does not hold an actor's id. Nothing was recorded.", hint=f"rm {path}"
            )
        return known

    def _make_actor(self, path: Path) -> str:
        self.make()
        fresh = new_id().hex
        draft = path.with_name(f".actor.{os.getpid()}")
        try:
            draft.write_text(fresh + "\n", encoding="ascii")
            try:
                path.hardlink_to(draft)
            except FileExistsError:
                fresh = path.read_text(encoding="ascii").strip()
            finally:
                draft.unlink(missing_ok=True)
        except OSError as problem:
            raise InvalidInputError(
                f"Daybook's home {self.root} cannot be written: {in_words(problem)}. Nothing was recorded.",
                hint="export DAYBOOK_HOME=/a/directory/you/can/write",
            ) from None
        return fresh
