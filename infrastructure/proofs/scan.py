"""Reads the log from its stored bytes and recomputes every leaf and node: the inner loop of the audit.

Rows come as one binary COPY and are taken apart here without an object for each value, because this runs once
for each event that ever happened (benchmarks/verify.py). Invariant: as long as nothing is wrong, the frontier
is made of recomputed hashes alone; what the table says in `node` is compared, never used.

Once something is wrong there are two frontiers. The *true* one goes on with recomputed hashes and knows
nothing (None) about subtrees with missing events. The *told* one believes the stored nodes. An event whose
own node fits neither is bad itself; one that fits the told frontier only stands after a bad one.
"""

from __future__ import annotations

import struct
from collections.abc import Callable, Sequence
from hashlib import sha256
from typing import TYPE_CHECKING, TypeAlias
from uuid import UUID

from application.ports.audit import Problem, Progress
from infrastructure.proofs.offline import node_hash, tree_hash

if TYPE_CHECKING:
    import psycopg

Take: TypeAlias = Callable[[int], tuple[int, bytes | memoryview]]
"""Returns the next row of the binary COPY behind its length, as libpq's `get_copy_data` does."""

COPY = """
copy (select log_index, stream_id, version, event_id, schema_version, time, metadata, payload, node, type
        from daybook.events
       where {where}
       order by log_index)
  to stdout (format binary)
"""

# The number of fields, then the length and value of each: up to the length of the metadata.
_FIXED = struct.Struct(">h 4xq 4x16s 4xq 4x16s 4x4s 4xq i").unpack_from
_FIXED_BYTES = 90
_LENGTH = struct.Struct(">i").unpack_from
_TRAILER = b"\xff\xff"
_SIGNATURE = b"PGCOPY\n\xff\r\n\0"
HEADER_BYTES = len(_SIGNATURE) + 8

# PostgreSQL counts microseconds from 2000, the record from 1970.
_SINCE_1970 = 946_684_800_000_000
_EVERY = 8192
_MOST_PROBLEMS = 10_000

_BEFORE = "it stands before the beginning of the log, hidden from its readers"
_DOUBLE = "a second event has this log index"
_ALTERED = "this is not what was appended: one of its columns was altered, for its hash does not fit the tree"


class Scan:
    """One pass over the log.

    Args:
        start: the first log index that is read; the frontier of that size must be known to be right.
        frontier: the full subtrees of the first `start` events, largest first.
        marks: sizes at which the root is wanted, ascending.
    """

    def __init__(self, start: int, frontier: Sequence[bytes], marks: Sequence[int]) -> None:
        self.size = start
        self.problems: list[Problem] = []
        self.roots: dict[int, bytes | None] = {}
        self.begun: dict[bytes, int] = {}  # streams that began before `start`, by the version they go on with
        self._start = start
        self._true: list[bytes | None] = list(frontier)
        self._told: list[bytes | None] = []
        self._doubtful = False
        self._marks = list(marks)

    @property
    def root(self) -> bytes | None:
        """The root over all that was read, None where events are missing."""
        return fold(self._true)

    def run(self, connection: psycopg.Connection, total: int, progress: Progress | None) -> None:
        """Read the log to its end, inside the caller's transaction."""
        # From the very beginning means also what stands before it, where the log's readers would not see it.
        query = COPY.format(where=f"log_index >= {self._start}" if self._start else "true")
        connection.execute("set local enable_sort = off")  # read in the index's order, not sorted on disk
        with connection.cursor() as cursor, cursor.copy(query.encode()) as copy:
            # What psycopg's iterator would call for each row, without its way through the event loop.
            self.read(connection.pgconn.get_copy_data, total, progress, skip=HEADER_BYTES)
            for _ in copy:  # lets psycopg see the end of the stream
                pass

    def read(  # noqa: C901, PLR0912, PLR0915 - one loop: calls would cost more than their work
        self, take: Take, total: int, progress: Progress | None, *, skip: int
    ) -> None:
        """Read the rows that `take` returns, until the trailer; the first is preceded by so many bytes."""
        expected, last_time = self.size, -(2**63)
        versions: dict[bytes, int] = {}
        frontier = self._true
        next_stop = self._next_stop(expected)
        while (row := bytes(take(0)[1][skip:])) != _TRAILER:
            skip = 0
            try:
                _, index, stream, version, event_id, schema, time, length = _FIXED(row)
                at = _FIXED_BYTES + length
                metadata = row[_FIXED_BYTES:at]
                (length,) = _LENGTH(row, at)
                payload = row[at + 4 : (at := at + 4 + length)]
                time_bytes = (time + _SINCE_1970).to_bytes(8, "big", signed=True)
            except (struct.error, OverflowError):
                if not row:  # the server broke off
                    raise
                self._name(expected, None, "its row cannot be read: a column is missing")
                continue
            stored = row[at + 4 : at + 36]
            kind = row[at + 36 :]  # its length, then its bytes: as the record has it
            if index != expected:
                expected = self._jump(expected, index)
                if expected != index:
                    self._name(index, stream, _BEFORE if index < 0 else _DOUBLE)
                    continue
                frontier = self._true
            before = versions.get(stream)
            if before is None:
                if version > 1 and self._start:
                    self.begun[stream] = version
                elif version not in {0, 1}:
                    self._name(index, stream, f"its stream begins with version {version}")
            elif version != before + 1:
                self._name(index, stream, f"version {version} follows version {before} in its stream")
            versions[stream] = version
            if time < last_time:
                self._name(index, stream, "its time is before that of the event before it")
            last_time = time
            node: bytes | None = sha256(
                b"".join(
                    (
                        b"\x00\x01",
                        row[6:14],
                        stream,
                        row[38:46],
                        event_id,
                        kind,
                        schema,
                        time_bytes,
                        sha256(metadata).digest(),
                        sha256(payload).digest(),
                    )
                )
            ).digest()
            if not self._doubtful:
                bits = index
                while bits & 1:
                    node = sha256(b"\x01" + frontier.pop() + node).digest()  # type: ignore[operator]
                    bits >>= 1
                frontier.append(node)
                if node != stored:
                    self._name(index, stream, _ALTERED)
                    self._doubt([*frontier[:-1], stored])
            else:
                self._distrust(index, stream, node, stored)
            expected = index + 1
            if expected == next_stop:
                self.size = expected
                next_stop = self._next_stop(expected)
                if progress:
                    progress(expected, total)
        self.size = expected

    def _distrust(self, index: int, stream: bytes, leaf: bytes | None, stored: bytes) -> None:
        """Take one event in after something was found wrong."""
        true = _taken_in(self._true, index, leaf)
        told = _taken_in(self._told, index, leaf)
        if told is not None and stored not in {told, true}:
            self._name(index, stream, _ALTERED)
        self._told[-1] = stored

    def _doubt(self, told: list[bytes | None]) -> None:
        self._doubtful, self._told = True, told

    def _jump(self, expected: int, index: int) -> int:
        """Name the events missing between two; return what is expected now."""
        if index < expected:
            return expected
        for missing in range(expected, min(index, expected + _MOST_PROBLEMS)):
            self.missing(missing)
        self._doubt(_after_gap(self._told if self._doubtful else self._true, expected, index))
        self._true = _after_gap(self._true, expected, index)
        while self._marks and self._marks[0] <= index:
            self.roots[self._marks.pop(0)] = None
        return index

    def missing(self, index: int) -> None:
        """Name an event that is not there."""
        self._name(index, None, "this event is missing")

    def _next_stop(self, size: int) -> int:
        while self._marks and self._marks[0] <= size:
            mark = self._marks.pop(0)
            self.roots[mark] = fold(self._true) if mark == size else None
        step = size - size % _EVERY + _EVERY
        return min(step, self._marks[0]) if self._marks else step

    def _name(self, index: int, stream: bytes | None, what: str) -> None:
        if len(self.problems) < _MOST_PROBLEMS:
            self.problems.append(Problem(index, UUID(bytes=stream) if stream else None, what))
        elif len(self.problems) == _MOST_PROBLEMS:
            self.problems.append(
                Problem(None, None, f"more than {_MOST_PROBLEMS:,} problems: no more are named")
            )


def _taken_in(frontier: list[bytes | None], index: int, leaf: bytes | None) -> bytes | None:
    """Add a leaf to a frontier; return the largest full subtree that ends with it, None where unknown."""
    node = leaf
    while index & 1:
        left = frontier.pop()
        node = node_hash(left, node) if left is not None and node is not None else None
        index >>= 1
    frontier.append(node)
    return node


def _after_gap(frontier: Sequence[bytes | None], old: int, new: int) -> list[bytes | None]:
    """Return what is known of the frontier at size `new` when the events from `old` on are missing."""
    kept = 0
    for bit in reversed(range(new.bit_length())):
        if (old ^ new) >> bit & 1:
            break
        kept += new >> bit & 1
    return [*frontier[:kept], *[None] * (new.bit_count() - kept)]


def fold(frontier: Sequence[bytes | None]) -> bytes | None:
    """Return the root over a frontier, None where a part of it is unknown."""
    if not frontier:
        return tree_hash([])
    result = frontier[-1]
    for left in reversed(frontier[:-1]):
        if left is None or result is None:
            return None
        result = node_hash(left, result)
    return result
