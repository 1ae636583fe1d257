"""What is printed of a backup with `--json`."""

from __future__ import annotations

from dataclasses import dataclass
from datetime import datetime
from typing import TYPE_CHECKING
from uuid import UUID

if TYPE_CHECKING:
    from collections.abc import Mapping

    from application.ports.backup import BackupContents, CheckedBackup, KeyIs, Missing, RestoredBook, Signed


@dataclass(frozen=True)
class BackupView:
    """What a backup holds. `size` is the file's, in bytes; `root` and `sha256` are in hexadecimal."""

    book_id: UUID
    made_at: datetime
    version: str
    event_count: int
    root: str
    checkpoint: str | None
    signed: Signed
    has_keys: bool
    row_counts: Mapping[str, int]
    size: int
    sha256: str


@dataclass(frozen=True)
class CheckedBackupView(BackupView):
    """A backup that was read to its end.

    `known_event_count` is what the largest known checkpoint states, where that is more than the backup holds.
    """

    ok: bool
    known_event_count: int | None


@dataclass(frozen=True)
class RestoredView(CheckedBackupView):
    """A backup that was restored. `key`: `here`, `installed` or `missing`."""

    database: str
    key: KeyIs
    erased_count: int
    can_sign: bool


def contents(found: BackupContents) -> BackupView:
    """Return the view of a backup that was written."""
    return BackupView(**vars(found))


def checked(found: CheckedBackup) -> CheckedBackupView:
    """Return the view of a backup that was read."""
    return CheckedBackupView(**vars(found.contents), ok=True, known_event_count=_known(found.missing))


def restored(done: RestoredBook) -> RestoredView:
    """Return the view of a backup that was restored."""
    return RestoredView(
        **vars(done.contents),
        ok=True,
        known_event_count=_known(done.missing),
        database=done.database,
        key=done.key,
        erased_count=done.erased_count,
        can_sign=done.can_sign,
    )


def _known(missing: Missing | None) -> int | None:
    return None if missing is None else missing.event_count
