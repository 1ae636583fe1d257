"""What `daybook backup` and `daybook restore` need of the host. The wiring implements it."""

from __future__ import annotations

from collections.abc import Callable
from contextlib import AbstractContextManager
from dataclasses import dataclass
from pathlib import Path
from typing import TYPE_CHECKING, Protocol

if TYPE_CHECKING:
    from application.ports.audit import Progress
    from application.ports.backup import BackupContents, CheckedBackup, RestoredBook


@dataclass(frozen=True)
class Restoring:
    """What a restore may ask and tell.

    `passphrase` is called where the backup's keys are needed; `loading` and `rebuilding` lend what shows how
    far it is, None where nobody watches.
    """

    passphrase: Callable[[], str]
    loading: Callable[[], AbstractContextManager[Progress | None]]
    rebuilding: Callable[[], AbstractContextManager[Progress | None]]


class Backups(Protocol):
    """Whole books in files. A path of None is standard output, or standard input."""

    def write(
        self, path: Path | None, *, force: bool, passphrase: str | None, progress: Progress | None
    ) -> BackupContents:
        """Write a backup of the book; with a passphrase its keys are in it.

        Raises:
            InvalidInputError: the file is there, or cannot be written.
            NotFoundError: there is no book.
            NotProvedError: the log is not the one that was signed.
        """
        ...

    def check(
        self, path: Path | None, *, checkpoint: Path | None, progress: Progress | None
    ) -> CheckedBackup:
        """Read a backup to its end without a database.

        Raises:
            InvalidInputError: it is none, or made by a newer Daybook.
            NotProvedError: it is damaged, or of another history than a known checkpoint.
        """
        ...

    def restore(
        self,
        path: Path | None,
        *,
        checkpoint: Path | None,
        tombstones: Path | None,
        restoring: Restoring,
    ) -> RestoredBook:
        """Load a backup into a database that has no book.

        Raises:
            InvalidInputError, NotProvedError: as `check` does.
            RefusedError: there is a book, or another book's key is in the way.
        """
        ...
