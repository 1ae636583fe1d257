"""Checks a receipt or an export of a Daybook log without the book, its database or the rest of Daybook.

    python offline.py FILE-OR-DIRECTORY --key KEY

It stands alone: it needs Python 3.11 and the `cryptography` package, nothing else of ours. Read it, then
copy it to a machine you trust. What it implements is public: the trees of RFC 6962, section 2.1, checked as
in RFC 9162, sections 2.1.3.2 and 2.1.4.2; C2SP signed-note, tlog-checkpoint and tlog-tiles
(https://c2sp.org); the record of an event as docs/log.md lays it out. They come in this order: events, trees,
notes and checkpoints, receipts, exports.

Invariant: what a function returns was computed here, or it raises `ProofError` with the reason. The only
thing taken on trust is the public key that the caller brings.
"""

import argparse
import base64
import hashlib
import json
import struct
import sys
from collections.abc import Iterator, Mapping, Sequence
from datetime import UTC, datetime, timedelta
from pathlib import Path
from typing import Any, NamedTuple
from uuid import UUID

from cryptography.exceptions import InvalidSignature
from cryptography.hazmat.primitives.asymmetric.ed25519 import Ed25519PublicKey

RECEIPT, EXTENSION = "daybook-receipt/1", "daybook-extension/1"
TILE = 256  # hashes of a full tile, entries of a full bundle
_HASH, _ED25519 = 32, b"\x01"
_EPOCH = datetime(1970, 1, 1, tzinfo=UTC)


class ProofError(Exception):
    """What was claimed is not proved; the message says why."""


def leaf_record(event: Mapping[str, Any]) -> bytes:
    """Return the record of an event as receipts and exports write it.

    Metadata and payload enter by their hashes. Where their bytes are given too, they must have these hashes.
    """
    try:
        kind = event["type"].encode()
        since = datetime.fromisoformat(event["time"]) - _EPOCH
        head = struct.pack(">BQ", 1, event["log_index"]) + UUID(event["stream_id"]).bytes
        head += struct.pack(">Q", event["version"]) + UUID(event["event_id"]).bytes
        head += struct.pack(">I", len(kind)) + kind + struct.pack(">I", event["schema_version"])
        head += struct.pack(">q", since // timedelta(microseconds=1))
        record: bytes = head + _hash_of(event, "metadata") + _hash_of(event, "payload")
    except (KeyError, TypeError, ValueError, AttributeError, struct.error) as problem:
        raise ProofError(f"this is not an event as Daybook writes it ({problem!r})") from None
    return record


def _hash_of(event: Mapping[str, Any], part: str) -> bytes:
    claimed = bytes.fromhex(event[f"{part}_sha256"])
    given = event.get(part)
    if len(claimed) != _HASH:
        raise ValueError(part)
    if given is not None and hashlib.sha256(base64.b64decode(given, validate=True)).digest() != claimed:
        raise ProofError(f"the {part} of event {event['log_index']} is not the one that was hashed")
    return claimed


def leaf_hash(record: bytes) -> bytes:
    """Return the hash of a leaf."""
    return hashlib.sha256(b"\x00" + record).digest()


def node_hash(left: bytes, right: bytes) -> bytes:
    """Return the hash of a node."""
    return hashlib.sha256(b"\x01" + left + right).digest()


def tree_hash(leaves: Sequence[bytes]) -> bytes:
    """Return the root over leaf hashes."""
    if not leaves:
        return hashlib.sha256(b"").digest()
    if len(leaves) == 1:
        return leaves[0]
    split = 1 << (len(leaves) - 1).bit_length() - 1  # the largest power of two below their number
    return node_hash(tree_hash(leaves[:split]), tree_hash(leaves[split:]))


def check_inclusion(index: int, size: int, leaf: bytes, proof: Sequence[bytes], root: bytes) -> None:
    """Prove that a leaf is at an index of the tree with this size and root."""
    if not 0 <= index < size:
        raise ProofError(f"event {index} is not among the first {size}")
    result = leaf
    for sibling, is_left in _climb(index, size - 1, proof):
        result = node_hash(sibling, result) if is_left else node_hash(result, sibling)
    if result != root:
        raise ProofError(
            f"the proof does not lead from event {index} to the checkpoint's root: one was altered"
        )


def check_consistency(old: int, old_root: bytes, new: int, new_root: bytes, proof: Sequence[bytes]) -> None:
    """Prove that the tree of size `new` begins with the tree of size `old`."""
    if not 0 <= old <= new:
        raise ProofError(f"a log of {new} events cannot extend one of {old}")
    if old in {0, new}:
        if proof or old_root != (new_root if old == new else tree_hash([])):
            raise ProofError(f"two different logs of {old} events are claimed")
        return
    path = [old_root, *proof] if old & (old - 1) == 0 else list(proof)
    at, last = old - 1, new - 1
    while at & 1:  # begin at the root of the full subtree that ends the old tree
        at, last = at >> 1, last >> 1
    result_old = result_new = path[0] if path else b""
    for sibling, is_left in _climb(at, last, path[1:]):
        result_old = node_hash(sibling, result_old) if is_left else result_old
        result_new = node_hash(sibling, result_new) if is_left else node_hash(result_new, sibling)
    if (result_old, result_new) != (old_root, new_root):
        raise ProofError(f"the log of {new} events does not extend the one of {old} events")


def _climb(at: int, last: int, proof: Sequence[bytes]) -> Iterator[tuple[bytes, bool]]:
    """Go up from a node to the root; yield each sibling on the way, and whether it stands to the left."""
    for sibling in proof:
        if last == 0:
            raise ProofError("the proof is too long")
        is_left = bool(at & 1) or at == last
        yield sibling, is_left
        while is_left and at and not at & 1:  # the last node of a level has no sibling: it moves up as it is
            at, last = at >> 1, last >> 1
        at, last = at >> 1, last >> 1
    if last != 0:
        raise ProofError("the proof is too short")


class Key(NamedTuple):
    """A public key with the name it signs under."""

    name: str
    id: bytes
    public: bytes


class Checkpoint(NamedTuple):
    """What a checkpoint states: the first `size` events of the log `origin` have this root."""

    origin: str
    size: int
    root: bytes


def key_id(name: str, public: bytes) -> bytes:
    """Return the four bytes by which a note's signature names its key."""
    return hashlib.sha256(name.encode() + b"\n" + _ED25519 + public).digest()[:4]


def parse_key(text: str) -> Key:
    """Read a public key as `daybook audit key` prints it: NAME+ID+BASE64."""
    try:
        name, known_id, encoded = text.strip().split("+", 2)  # base64 may hold a plus
        raw = base64.b64decode(encoded, validate=True)
        key = Key(name, bytes.fromhex(known_id), raw[1:])
    except ValueError:
        raise ProofError("this is not a public key in the form NAME+ID+BASE64") from None
    if not name or raw[:1] != _ED25519 or len(raw) != 1 + _HASH or key.id != key_id(name, key.public):
        raise ProofError("this public key is damaged, or not an Ed25519 one")
    return key


def open_note(note: str, key: Key) -> str:
    """Return the signed text of a note after checking the signature of this key on it."""
    text, separator, signatures = note.rpartition("\n\n")
    if not separator or not signatures.endswith("\n"):
        raise ProofError("this is not a signed note")
    signed = text + "\n"
    for line in signatures[:-1].split("\n"):
        try:
            dash, name, encoded = line.split(" ")
            signature = base64.b64decode(encoded, validate=True)
        except ValueError:
            dash = name = ""
            signature = b""
        if dash != "\N{EM DASH}" or len(signature) <= len(key.id):
            raise ProofError("a signature line of the note is malformed")
        if (name, signature[:4]) != (key.name, key.id):
            continue  # of another key: a witness's, perhaps
        try:
            Ed25519PublicKey.from_public_bytes(key.public).verify(signature[4:], signed.encode())
        except InvalidSignature:
            raise ProofError(f"the signature of {key.name} on the checkpoint is wrong") from None
        return signed
    raise ProofError(f"the checkpoint is not signed with the key {key.name}+{key.id.hex()}")


def parse_checkpoint(text: str) -> Checkpoint:
    """Read the text of a checkpoint (the whole note will do; its signatures are not looked at)."""
    try:
        origin, size, root = text.split("\n")[:3]
        found = Checkpoint(origin, int(size), base64.b64decode(root, validate=True))
    except ValueError:
        raise ProofError("this is not a checkpoint") from None
    if not origin or str(found.size) != size or found.size < 0 or len(found.root) != _HASH:
        raise ProofError("this is not a checkpoint")
    return found


def signed_checkpoint(note: str, key: Key) -> Checkpoint:
    """Return what a checkpoint states, once its signature is checked."""
    found = parse_checkpoint(open_note(note, key))
    if found.origin != key.name:
        raise ProofError(f"the checkpoint is of the log {found.origin}, the key of {key.name}")
    return found


def check_receipt(document: Any, key: Key) -> str:
    """Prove what a receipt (or a proof that one checkpoint extends another) claims; return it in words."""
    try:
        kind, proof = document["format"], [bytes.fromhex(one) for one in document["proof"]]
        new = signed_checkpoint(document["checkpoint"], key)
        if kind == EXTENSION:
            old = signed_checkpoint(document["old_checkpoint"], key)
            check_consistency(old.size, old.root, new.size, new.root, proof)
            return f"the log of {new.size} events extends the log of {old.size} events"
        event, index = document["event"], document["event"]["log_index"]
    except (KeyError, TypeError, ValueError, AttributeError):
        raise ProofError("this is not a receipt") from None
    if kind != RECEIPT:
        raise ProofError(f"receipts of the form {kind!r} are not known here")
    check_inclusion(index, new.size, leaf_hash(leaf_record(event)), proof, new.root)
    return f"event {index} ({event['type']}, {event['time']}) is among the first {new.size} of {new.origin}"


def tile_path(level: int | str, number: int, width: int = TILE) -> str:
    """Return the path of a tile (level 0, 1 …) or of a bundle of entries (level `entries`)."""
    groups = f"{number % 1000:03}"
    while number := number // 1000:
        groups = f"x{number % 1000:03}/{groups}"
    return f"tile/{level}/{groups}" + ("" if width == TILE else f".p/{width}")


def entries_of(bundle: bytes) -> Iterator[bytes]:
    """Split a bundle: each entry has its length before it, as two bytes."""
    at = 0
    while at < len(bundle):
        end = at + 2 + int.from_bytes(bundle[at : at + 2], "big")
        if end > len(bundle):
            raise ProofError("a bundle of entries is cut off")
        yield bundle[at + 2 : end]
        at = end


def check_export(folder: Path, key: Key | None) -> Checkpoint:
    """Recompute an export from its entries.

    Without a key the signature is not checked: then only this is proved, that the export is whole in itself.
    """
    note = (folder / "checkpoint").read_text(encoding="utf-8")
    stated = signed_checkpoint(note, key) if key else parse_checkpoint(note)
    records: list[bytes] = []
    for number, width in _tiles(stated.size):
        entries = list(entries_of((folder / tile_path("entries", number, width)).read_bytes()))
        if len(entries) != width:
            raise ProofError(f"a bundle has {len(entries)} entries where {width} should be")
        records += entries
    level, hashes = 0, [leaf_hash(record) for record in records]
    if tree_hash(hashes) != stated.root:
        raise ProofError("the entries do not have the root that the checkpoint states")
    while hashes:
        for number, width in _tiles(len(hashes)):
            name, part = tile_path(level, number, width), hashes[number * TILE : number * TILE + width]
            if (folder / name).read_bytes() != b"".join(part):
                raise ProofError(f"{name} is not made from the entries")
        full = len(hashes) // TILE
        level, hashes = level + 1, [tree_hash(hashes[i * TILE : (i + 1) * TILE]) for i in range(full)]
    _check_events(folder / "events.ndjson", records)
    return stated


def _check_events(path: Path, records: Sequence[bytes]) -> None:
    """Check that the events written out in full are the ones whose records were hashed."""
    count = 0
    with path.open(encoding="utf-8") as lines:
        for count, line in enumerate(lines, 1):
            if count > len(records) or leaf_record(json.loads(line)) != records[count - 1]:
                raise ProofError(f"line {count} of {path.name} is not event {count - 1} of the log")
    if count != len(records):
        raise ProofError(f"{path.name} has {count} events, the log has {len(records)}")


def _tiles(count: int) -> Iterator[tuple[int, int]]:
    for number in range((count + TILE - 1) // TILE):
        yield number, min(TILE, count - number * TILE)


def main(arguments: Sequence[str] | None = None) -> int:
    """Check the file or directory that the command line names."""
    parser = argparse.ArgumentParser(description="Check a receipt or an export of a Daybook log.")
    parser.add_argument("path", type=Path)
    parser.add_argument("--key", required=True, help="the log's public key, as `daybook audit key` prints it")
    given = parser.parse_args(arguments)
    try:
        key = parse_key(given.key)
        if given.path.is_dir():
            stated = check_export(given.path, key)
            proved = f"an export of {stated.size} events of {stated.origin}, root {stated.root.hex()}"
        else:
            proved = check_receipt(json.loads(given.path.read_bytes()), key)
    except (ProofError, OSError, ValueError) as problem:
        print(f"NOT PROVED: {problem}")  # noqa: T201
        return 7
    print(f"proved: {proved}")  # noqa: T201
    return 0


if __name__ == "__main__":
    sys.exit(main())
