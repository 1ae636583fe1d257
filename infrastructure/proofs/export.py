"""The log as files: a checkpoint, tiles and entries (C2SP tlog-tiles), and the events in full.

An entry is the record of an event, whose hash is the leaf; so the tiles are those of any transparency log.
Metadata and payload, which enter the record by their hashes, stand beside it in `events.ndjson`.

Invariant: what is written passes `offline.check_export`. Revealed content stands beside the ciphertext that
is hashed; that it is what the ciphertext says is the exporter's word.
"""

from __future__ import annotations

import base64
import json
from collections.abc import Iterator
from pathlib import Path
from typing import TYPE_CHECKING, Any

from application.ports.audit import MadeCheckpoint, Progress
from domain.content import Sealed
from domain.errors import ContentErasedError, InvalidInputError, RefusedError
from infrastructure.proofs.offline import TILE, leaf_hash, leaf_record, tile_path, tree_hash
from infrastructure.proofs.rows import full_document
from infrastructure.proofs.scan import fold

if TYPE_CHECKING:
    from domain.content import Vault
    from infrastructure.postgres.log import EventLog, LogRow

_BATCH = 4 * TILE


def export(
    log: EventLog, folder: Path, made: MadeCheckpoint, *, vault: Vault | None, progress: Progress | None
) -> None:
    """Write the events under a checkpoint into a new or empty folder; with a vault, what they say, too."""
    try:
        folder.mkdir(parents=True, exist_ok=True)
        if any(folder.iterdir()):
            raise InvalidInputError(f"{folder} is not empty; nothing was written into it.")
        _write_all(log, folder, made, vault, progress)
    except OSError as problem:
        raise InvalidInputError(f"{folder} cannot be written: {problem}. The export is not whole.") from None


def _write_all(
    log: EventLog, folder: Path, made: MadeCheckpoint, vault: Vault | None, progress: Progress | None
) -> None:
    tiles, bundle = _Tiles(folder), b""
    # Models may send half a surrogate pair; a backslash sequence is the JSON escape that means the same.
    path = folder / "events.ndjson"
    with path.open("w", encoding="utf-8", errors="backslashreplace") as lines:
        for row in _rows(log, made.size):
            event = full_document(row)
            record = leaf_record(event)
            bundle += len(record).to_bytes(2, "big") + record
            tiles.add(leaf_hash(record))
            if vault is not None:
                event["content"] = revealed(row, vault)
            lines.write(json.dumps(event, ensure_ascii=False) + "\n")
            number, width = divmod(row.log_index, TILE)
            if width + 1 == TILE or row.log_index + 1 == made.size:
                _write(folder, tile_path("entries", number, width + 1), bundle)
                bundle = b""
                if progress:
                    progress(row.log_index + 1, made.size)
    root = tiles.finish()
    if root is None or root.hex() != made.root:
        raise RefusedError(
            "The log does not have the root of its checkpoint: something was altered. "
            f"What is in {folder} proves nothing.",
            hint="daybook audit verify",
        )
    _write(folder, "checkpoint", made.note.encode())


class _Tiles:
    """Writes tiles as they fill up."""

    def __init__(self, folder: Path) -> None:
        self._folder = folder
        self._pending: list[list[bytes]] = []  # by level: the hashes of the tile under way
        self._written: list[int] = []

    def add(self, node: bytes, level: int = 0) -> None:
        """Add a leaf hash, or the root of a full tile of the level below."""
        if level == len(self._pending):
            self._pending.append([])
            self._written.append(0)
        tile = self._pending[level]
        tile.append(node)
        if len(tile) == TILE:
            self._write(level)
            self.add(tree_hash(tile), level + 1)

    def finish(self) -> bytes | None:
        """Write the tiles that are not full; return the root over all leaves."""
        frontier: list[bytes | None] = []
        for level in reversed(range(len(self._pending))):
            tile = self._pending[level]
            for first, end in full_subtrees(len(tile)):
                frontier.append(tree_hash(tile[first:end]))
            if tile:
                self._write(level)
        return fold(frontier)

    def _write(self, level: int) -> None:
        tile, number = self._pending[level], self._written[level]
        _write(self._folder, tile_path(level, number, len(tile)), b"".join(tile))
        self._written[level] += 1
        self._pending[level] = []


def full_subtrees(count: int) -> Iterator[tuple[int, int]]:
    """Split so many leaves into the full subtrees their tree is made of, largest first."""
    first = 0
    while first < count:
        end = first + (1 << (count - first).bit_length() - 1)
        yield first, end
        first = end


def _rows(log: EventLog, size: int) -> Iterator[LogRow]:
    start = 0
    while start < size:
        rows = log.read(start, min(_BATCH, size - start))
        if not rows or rows[0].log_index != start or rows[-1].log_index != start + len(rows) - 1:
            raise RefusedError(
                "Events are missing in the log. The export is not whole.", hint="daybook audit verify"
            )
        yield from rows
        start += len(rows)


def revealed(row: LogRow, vault: Vault) -> dict[str, Any]:
    """Return an event's fields, opened; what was erased is null."""
    from infrastructure.postgres.codec import to_event

    event = to_event(row)
    return {
        name: _plain(value, vault)
        for name, value in vars(event).items()
        if not name.startswith(("originator_", "timestamp"))
    }


def _plain(value: Any, vault: Vault) -> Any:
    if isinstance(value, Sealed):
        try:
            value = vault.open(value)
        except ContentErasedError:
            return None
    if isinstance(value, bytes):
        return base64.b64encode(value).decode()
    if isinstance(value, tuple | list):
        return [_plain(one, vault) for one in value]
    if isinstance(value, dict):
        return {str(name): _plain(one, vault) for name, one in value.items()}
    return value if value is None or isinstance(value, str | int | float) else str(value)


def _write(folder: Path, name: str, data: bytes) -> None:
    path = folder / name
    path.parent.mkdir(parents=True, exist_ok=True)
    path.write_bytes(data)
