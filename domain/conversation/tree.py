"""The messages of one conversation: a tree, packed.

A command looks at two or three messages of a conversation that may have ten thousands. So a message is 21
bytes (its id, its parent's place, a mark) in three rows that are copied whole, and becomes a `Message` when
somebody asks for it.

Invariants: a message's place (0, 1, 2 …, in the order in which they were added) never changes; a parent
stands before its children, so every way up ends.
"""

from __future__ import annotations

import sys
from array import array
from collections.abc import Iterator, Mapping
from dataclasses import dataclass
from enum import StrEnum
from typing import NamedTuple
from uuid import UUID


class Kind(StrEnum):
    """What a message is."""

    PROMPT = "prompt"
    ANSWER = "answer"


class Status(StrEnum):
    """Where an answer is in its life (`queued` is live state and never folded from events)."""

    QUEUED = "queued"
    STREAMING = "streaming"
    COMPLETE = "complete"
    CANCELLED = "cancelled"
    FAILED = "failed"
    INTERRUPTED = "interrupted"


@dataclass(frozen=True, slots=True)
class Message:
    """One node of the tree. `status` is None for prompts."""

    id: UUID
    kind: Kind
    parent_id: UUID | None
    status: Status | None


class PackedTree(NamedTuple):
    """A tree as bytes.

    For each place: 16 bytes of id; the parent's place + 1 in 4 bytes, big-endian, 0 for a root; a letter
    that says kind and status.
    """

    ids: bytes
    parents: bytes
    marks: bytes


_ID = 16
_LETTERS: dict[Status | None, int] = {
    None: ord("p"),
    Status.STREAMING: ord("s"),
    Status.COMPLETE: ord("c"),
    Status.CANCELLED: ord("x"),
    Status.FAILED: ord("f"),
    Status.INTERRUPTED: ord("i"),
}
_STATUSES = {letter: status for status, letter in _LETTERS.items()}


class MessageTree(Mapping[UUID, Message]):
    """Messages by id, in the order in which they were added. Only its conversation changes it."""

    def __init__(self, packed: PackedTree | None = None) -> None:
        """Make an empty tree, or unpack one.

        Raises:
            ValueError: the three rows are not those of one tree.
        """
        ids, parents, marks = packed or (b"", b"", b"")
        self._ids = bytearray(ids)
        self._parents = array("I")
        self._parents.frombytes(parents)
        self._marks = bytearray(marks)
        _to_or_from_big_endian(self._parents)
        # Unpacked places are found by searching the bytes, which is quicker than indexing them all.
        self._searched = len(self._ids)
        self._added: dict[bytes, int] = {}
        if not len(self._marks) * _ID == len(self._ids) == len(self._parents) * _ID:
            raise ValueError("the rows of a packed tree differ in length")

    def packed(self) -> PackedTree:
        """Return the whole tree as bytes."""
        parents = self._parents[:]
        _to_or_from_big_endian(parents)
        return PackedTree(bytes(self._ids), parents.tobytes(), bytes(self._marks))

    def add(self, message_id: UUID, parent_id: UUID | None, status: Status | None) -> None:
        """Add a message below another; `status` is None for a prompt."""
        above = 0 if parent_id is None else self._place(parent_id) + 1
        key = message_id.bytes
        self._added[key] = len(self._marks)
        self._ids += key
        self._parents.append(above)
        self._marks.append(_LETTERS[status])

    def end(self, message_id: UUID, status: Status) -> None:
        """Give an answer another status."""
        self._marks[self._place(message_id)] = _LETTERS[status]

    def up(self, message_id: UUID | None) -> Iterator[Message]:
        """Yield a message and those above it, up to the root; nothing for None."""
        above = 0 if message_id is None else self._place(message_id) + 1
        while above:
            yield self._at(above - 1)
            above = self._parents[above - 1]

    def depth(self, message_id: UUID | None) -> int:
        """Return how many messages `up` would yield, without making them."""
        above = 0 if message_id is None else self._place(message_id) + 1
        parents, depth = self._parents, 0
        while above:
            depth += 1
            above = parents[above - 1]
        return depth

    def newest_below(self, message_id: UUID) -> Message:
        """Return the message added last among one and all below it; nothing ever follows that."""
        top = self._place(message_id)
        below = bytearray(len(self._marks))
        below[top] = 1
        parents, newest = self._parents, top
        for place in range(top + 1, len(parents)):
            above = parents[place]
            if above and below[above - 1]:
                below[place] = 1
                newest = place
        return self._at(newest)

    def streaming(self) -> list[UUID]:
        """Return the answers that have not ended."""
        found, letter = [], _LETTERS[Status.STREAMING]
        place = self._marks.find(letter)
        while place >= 0:
            found.append(self._id(place))
            place = self._marks.find(letter, place + 1)
        return found

    def __getitem__(self, message_id: UUID) -> Message:
        return self._at(self._place(message_id))

    def __iter__(self) -> Iterator[UUID]:
        return map(self._id, range(len(self._marks)))

    def __len__(self) -> int:
        return len(self._marks)

    def _place(self, message_id: UUID) -> int:
        """Return a message's place, or raise `KeyError`."""
        key = message_id.bytes
        place = self._added.get(key)
        if place is not None:
            return place
        # From the end, for commands are about what is new. A hit that begins inside an id is a chance, and
        # no id.
        at = self._ids.rfind(key, 0, self._searched)
        while at % _ID and at > 0:
            at = self._ids.rfind(key, 0, at + _ID - 1)
        if at < 0:
            raise KeyError(message_id)
        return at // _ID

    def _id(self, place: int) -> UUID:
        return UUID(bytes=bytes(self._ids[place * _ID : (place + 1) * _ID]))

    def _at(self, place: int) -> Message:
        status = _STATUSES[self._marks[place]]
        above = self._parents[place]
        return Message(
            self._id(place),
            Kind.PROMPT if status is None else Kind.ANSWER,
            self._id(above - 1) if above else None,
            status,
        )


def _to_or_from_big_endian(numbers: array[int]) -> None:
    if sys.byteorder == "little":
        numbers.byteswap()
