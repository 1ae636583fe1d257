"""A whole book in one file: what is said of such a file, and of its coming back."""

from __future__ import annotations

from collections.abc import Mapping
from dataclasses import dataclass
from datetime import datetime
from typing import Literal, TypeAlias
from uuid import UUID

Signed: TypeAlias = Literal["known", "named", "no"]
"""Who signed the checkpoint of a backup.

`known`: a key that this home, or what is under the passphrase, knows as the book's. `named`: one that only
the backup itself names. `no`: nobody; the home that made it did not have the key.
"""

KeyIs: TypeAlias = Literal["here", "installed", "missing"]
"""Where a restored book's master key is: it was here, it came from the backup, or it is still to come."""


@dataclass(frozen=True)
class BackupContents:
    """What a backup holds that was read, or written, to its end.

    `root` is the tree's, in hexadecimal, recomputed from the events; `checkpoint` the signed note that states
    it. `sha256` is of all that stands before it in the file; `size` the file's, in bytes.
    """

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
class Missing:
    """A checkpoint that is known and states more events than a backup holds; `where` says who knows it."""

    where: str
    event_count: int


@dataclass(frozen=True)
class CheckedBackup:
    """A backup that was read to its end, and the largest known checkpoint of events that are not in it."""

    contents: BackupContents
    missing: Missing | None


@dataclass(frozen=True)
class RestoredBook:
    """A book that was loaded from a backup.

    `erased_count`: what was erased after the backup was made, and was erased anew. `missing`: the largest
    known checkpoint of events that are not in it; `kept`: the file of this home that says so, if one does.
    `can_sign`: this home has the key that signs the book's checkpoints, or the book has none yet.
    """

    contents: BackupContents
    database: str
    key: KeyIs
    erased_count: int
    missing: Missing | None
    kept: str | None
    can_sign: bool
