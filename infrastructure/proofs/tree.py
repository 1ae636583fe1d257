"""Proofs and roots from the log's stored nodes, in two look-ups whatever the size.

`events.node` holds, for each event, the largest full subtree that ends with it. A full subtree that is a
left child is therefore stored at its last event; one that is a right child is the hash of its left half,
which is stored, and its right half, which falls apart in the same way down to a single leaf. So every hash a
proof needs is made of a few nodes and leaves, which are fetched together.

Invariant: nothing here is trusted for its own sake. Whoever uses a proof checks it against a signed root.
"""

from __future__ import annotations

from collections.abc import Iterator, Sequence
from typing import TYPE_CHECKING, Any, NamedTuple

from infrastructure.postgres.log import LogRow
from infrastructure.proofs.offline import leaf_hash, leaf_record, node_hash, tree_hash
from infrastructure.proofs.rows import document

if TYPE_CHECKING:
    import psycopg

Range = tuple[int, int]  # the first leaf, and the one after the last

_NODES = "select log_index, node from daybook.events where log_index = any(%s)"

_LEAVES = """
select log_index, stream_id, version, event_id, schema_version, time, type, metadata, payload
  from daybook.events
 where log_index = any(%s)
"""


class MissingNodesError(Exception):
    """The log lacks events that a proof needs."""


class _Subtree(NamedTuple):
    """A full subtree of 2**height leaves; `first` is a multiple of that."""

    first: int
    height: int

    @property
    def end(self) -> int:
        return self.first + (1 << self.height) - 1

    @property
    def is_stored(self) -> bool:
        """Whether it is a left child, and so the largest that ends where it ends."""
        return not self.first >> self.height & 1

    @property
    def halves(self) -> tuple[_Subtree, _Subtree]:
        half = self.height - 1
        return _Subtree(self.first, half), _Subtree(self.first + (1 << half), half)


def root(connection: psycopg.Connection, size: int) -> bytes:
    """Return the root of the tree of the first `size` events."""
    return hashes(connection, [(0, size)])[0]


def inclusion_proof(connection: psycopg.Connection, index: int, size: int) -> list[bytes]:
    """Return the proof that an event is in the tree of the first `size` (RFC 6962, section 2.1.1)."""
    return hashes(connection, list(_path(index, 0, size)))


def consistency_proof(connection: psycopg.Connection, old: int, new: int) -> list[bytes]:
    """Return the proof that the tree of size `new` begins with that of size `old` (section 2.1.2)."""
    return hashes(connection, list(_subproof(old, 0, new, whole=True)) if 0 < old < new else [])


def hashes(connection: psycopg.Connection, ranges: Sequence[Range]) -> list[bytes]:
    """Return the tree hash of each range of leaves.

    Raises:
        MissingNodesError: events are missing.
    """
    nodes: set[int] = set()
    leaves: set[int] = set()
    for one in ranges:
        for part in _full_subtrees(*one):
            _collect(part, nodes, leaves)
    stored = {int(at): bytes(node) for at, node in _fetch(connection, _NODES, nodes)}
    made = {
        int(row[0]): leaf_hash(leaf_record(document(LogRow._make(row))))
        for row in _fetch(connection, _LEAVES, leaves)
    }
    if len(stored) < len(nodes) or len(made) < len(leaves):
        raise MissingNodesError
    return [_fold([_value(part, stored, made) for part in _full_subtrees(*one)]) for one in ranges]


def _fold(roots: Sequence[bytes]) -> bytes:
    if not roots:
        return tree_hash([])
    result = roots[-1]
    for left in reversed(roots[:-1]):
        result = node_hash(left, result)
    return result


def _fetch(connection: psycopg.Connection, query: Any, places: set[int]) -> list[tuple[Any, ...]]:
    if not places:
        return []
    return connection.execute(query, (sorted(places),), binary=True).fetchall()


def _collect(part: _Subtree, nodes: set[int], leaves: set[int]) -> None:
    while not part.is_stored:
        if part.height == 0:
            leaves.add(part.first)
            return
        left, part = part.halves
        nodes.add(left.end)
    nodes.add(part.end)


def _value(part: _Subtree, stored: dict[int, bytes], made: dict[int, bytes]) -> bytes:
    if part.is_stored:
        return stored[part.end]
    if part.height == 0:
        return made[part.first]
    left, right = part.halves
    return node_hash(stored[left.end], _value(right, stored, made))


def _full_subtrees(first: int, end: int) -> Iterator[_Subtree]:
    """Split a range that a proof names into full subtrees, largest first."""
    while first < end:
        height = (end - first).bit_length() - 1
        yield _Subtree(first, height)
        first += 1 << height


def _split(first: int, end: int) -> int:
    """Return where a tree of these leaves splits: after the largest power of two below their number."""
    return first + (1 << (end - first - 1).bit_length() - 1)


def _path(index: int, first: int, end: int) -> Iterator[Range]:
    if end - first > 1:
        middle = _split(first, end)
        if index < middle:
            yield from _path(index, first, middle)
            yield middle, end
        else:
            yield from _path(index, middle, end)
            yield first, middle


def _subproof(old: int, first: int, end: int, *, whole: bool) -> Iterator[Range]:
    if old == end:
        if not whole:
            yield first, end
        return
    middle = _split(first, end)
    if old <= middle:
        yield from _subproof(old, first, middle, whole=whole)
        yield middle, end
    else:
        yield from _subproof(old, middle, end, whole=False)
        yield first, middle
