"""RFC 6962 in its plainest form, written from the RFC's definitions alone, to check the log against.

`tree_hash` is MTH of section 2.1. Nothing here is shared with the product.
"""

import hashlib
import struct
from collections.abc import Sequence
from datetime import UTC, datetime, timedelta
from typing import Any

_EPOCH = datetime(1970, 1, 1, tzinfo=UTC)


def leaf_record(row: Any) -> bytes:
    """Write the record of one event (anything with the columns of a log row), as docs/log.md lays it out."""
    kind = row.type.encode("utf-8")
    microseconds = (row.time - _EPOCH) // timedelta(microseconds=1)
    return (
        b"\x01"
        + struct.pack(">Q", row.log_index)
        + row.stream_id.bytes
        + struct.pack(">Q", row.version)
        + row.event_id.bytes
        + struct.pack(">I", len(kind))
        + kind
        + struct.pack(">I", row.schema_version)
        + struct.pack(">q", microseconds)
        + hashlib.sha256(row.metadata).digest()
        + hashlib.sha256(row.payload).digest()
    )


def leaf_hash(record: bytes) -> bytes:
    return hashlib.sha256(b"\x00" + record).digest()


def tree_hash(leaves: Sequence[bytes]) -> bytes:
    """Return MTH of leaf hashes: split at the largest power of two below their number."""
    if not leaves:
        return hashlib.sha256(b"").digest()
    if len(leaves) == 1:
        return leaves[0]
    split = 1
    while split * 2 < len(leaves):
        split *= 2
    return hashlib.sha256(b"\x01" + tree_hash(leaves[:split]) + tree_hash(leaves[split:])).digest()


def frontier(leaves: Sequence[bytes]) -> list[bytes]:
    """Return the roots of the full subtrees that the tree falls into, largest first."""
    roots = []
    start = 0
    for bit in reversed(range(len(leaves).bit_length())):
        if len(leaves) >> bit & 1:
            roots.append(tree_hash(leaves[start : start + (1 << bit)]))
            start += 1 << bit
    return roots


def root_of(roots: Sequence[bytes]) -> bytes:
    """Fold a frontier into the root of its tree."""
    if not roots:
        return tree_hash([])
    root = roots[-1]
    for left in reversed(roots[:-1]):
        root = hashlib.sha256(b"\x01" + left + root).digest()
    return root
