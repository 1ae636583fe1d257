"""What of a database is in a backup, in which order, and what is not, and why.

Invariant: every table of the schema `daybook` is named here (a test holds it to that). Rows travel as
PostgreSQL's binary COPY has them, which is the same from 15 to 18, so a row that comes back is the row that
was.
"""

from __future__ import annotations

import struct
from collections.abc import Iterator
from typing import NamedTuple

from infrastructure.backup.archive import damaged

HEADER = b"PGCOPY\n\xff\r\n\0" + bytes(8)
TRAILER = b"\xff\xff"
MOST_ROW = 256 * 2**20
"""Bytes that one row may have; the log takes none that comes near."""

_COUNT = struct.Struct(">h").unpack_from
_LENGTH = struct.Struct(">i").unpack_from


class Table(NamedTuple):
    """A table that is in a backup. `owner_first`: the first column is whose key the row needs."""

    name: str
    columns: tuple[str, ...]
    order: str
    owner_first: bool = False


BOOK = "book"
EVENTS = "events"
CHECKPOINTS = "checkpoints"
TOMBSTONES = "tombstones"

TABLES = (
    Table(
        BOOK,
        (
            "one",
            "book_id",
            "master_check",
            "created_at",
            "master_since",
            "master_erasures",
            "former_check",
            "command_key",
        ),
        "one",
    ),
    Table("epoch_keys", ("epoch", "wrapped", "created_at", "erasures"), "epoch"),
    Table(TOMBSTONES, ("owner_id", "erased_at", "erasure", "erased_by"), "erasure"),
    Table("data_keys", ("owner_id", "epoch", "wrapped"), "owner_id", owner_first=True),
    Table("signing_keys", ("verifier", "registered_at"), "verifier"),
    Table(CHECKPOINTS, ("checkpoint_id", "size", "root", "note", "made_at"), "checkpoint_id"),
    Table(
        "requests",
        ("actor", "key", "command_hash", "event_ids", "log_size", "result", "time"),
        "actor, key",
    ),
    Table("grant_uses", ("grant_id", "used_at"), "grant_id"),
    Table(
        "live_answers",
        ("conversation_id", "answer_id", "seq", "thinking_from", "text_from", "box", "saved_at"),
        "answer_id, seq",
        owner_first=True,
    ),
    Table(  # the order of columns is the one that `infrastructure/proofs/scan.py` reads
        EVENTS,
        (
            "log_index",
            "stream_id",
            "version",
            "event_id",
            "schema_version",
            "time",
            "metadata",
            "payload",
            "node",
            "type",
        ),
        "log_index",
    ),
)

LEFT_OUT = {
    "migrations": "the database that takes the backup has its own",
    "roles": "a role belongs to one server",
    "owners": "processes of the server that was",
    "turns": "the line before a model server of that moment",
    "stops": "wishes of that moment",
    "model_cards": "what a model server said last",
    "snapshots": "a cache, and no fact",
    "read_models": "made again from the log",
    "read_model_builds": "made again from the log",
    "quarantine": "made again from the log",
}


class Rows:
    """Takes a table's binary COPY apart into rows, in whatever pieces it comes."""

    def __init__(self, table: Table) -> None:
        self._table = table
        self._rest = b""
        self._begun = self._ended = False
        self.count = 0

    def feed(self, piece: bytes) -> Iterator[bytes]:
        """Yield the rows that this piece completes.

        Raises:
            NotProvedError: this is no row of the table.
        """
        data = self._rest + piece
        at = 0
        if not self._begun:
            if len(data) < len(HEADER):
                self._rest = data
                return
            if not data.startswith(HEADER):
                raise damaged(f"the rows of {self._table.name} do not begin as they must")
            self._begun, at = True, len(HEADER)
        wanted = len(self._table.columns)
        while not self._ended and (end := self._end_of_row(data, at, wanted)):
            if end < 0:
                self._ended, at = True, -end
                break
            yield data[at:end]
            self.count += 1
            at = end
        self._rest = data[at:]
        if self._ended and self._rest:
            raise damaged(f"there is something behind the rows of {self._table.name}")
        if len(self._rest) > MOST_ROW:
            raise damaged(f"a row of {self._table.name} is larger than any that Daybook writes")

    def finish(self) -> None:
        """Raise unless the rows came to their end."""
        if not self._ended:
            raise damaged(f"the rows of {self._table.name} end too early")

    def _end_of_row(self, data: bytes, at: int, wanted: int) -> int:
        """Return where the row ends that begins here; 0: further on; below 0: the rows end there."""
        size = len(data)
        if size < at + 2:
            return 0
        (count,) = _COUNT(data, at)
        at += 2
        if count != wanted:
            if count == -1:
                return -at
            raise damaged(f"a row of {self._table.name} has {count} columns")
        for _ in range(wanted):
            if size < at + 4:
                return 0
            (length,) = _LENGTH(data, at)
            if length < -1 or length > MOST_ROW:
                raise damaged(f"a row of {self._table.name} cannot be read")
            at += 4 + max(length, 0)
        return at if at <= size else 0


def fields(row: bytes) -> list[bytes | None]:
    """Return the values of one row."""
    at, found = 2, []
    for _ in range(_COUNT(row)[0]):
        (length,) = _LENGTH(row, at)
        at += 4
        found.append(None if length < 0 else row[at : at + length])
        at += max(length, 0)
    return found


def owner_of(row: bytes) -> bytes:
    """Return the first column of a row that begins with an id; nothing where it is null."""
    return row[6:22] if row[2:6] == b"\0\0\0\x10" else b""
