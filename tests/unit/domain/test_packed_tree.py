"""What a packed tree promises beyond what conversations ask of it."""

from __future__ import annotations

import sys
from array import array
from uuid import UUID

import pytest

from domain.conversation.conversation import Kind, Message, Status
from domain.conversation.tree import MessageTree, PackedTree
from domain.event import DamagedEventError, Root
from domain.ids import new_id
from tests.unit.domain.test_conversation import answered, started

ONE, TWO, THREE = new_id(), new_id(), new_id()


def small() -> MessageTree:
    tree = MessageTree()
    tree.add(ONE, None, None)
    tree.add(TWO, ONE, Status.STREAMING)
    tree.add(THREE, TWO, None)
    return tree


def test_its_bytes_are_the_same_on_every_machine() -> None:
    assert small().packed() == PackedTree(
        ONE.bytes + TWO.bytes + THREE.bytes, bytes([0, 0, 0, 0, 0, 0, 0, 1, 0, 0, 0, 2]), b"psp"
    )


def test_a_machine_that_counts_from_the_big_end_turns_no_bytes(monkeypatch: pytest.MonkeyPatch) -> None:
    monkeypatch.setattr(sys, "byteorder", "big")
    packed = small().packed()

    assert packed.parents == array("I", [0, 1, 2]).tobytes()
    assert MessageTree(packed) == small()


def test_unpacked_it_is_the_same_and_goes_on() -> None:
    tree = MessageTree(small().packed())
    four = new_id()
    tree.end(TWO, Status.COMPLETE)
    tree.add(four, THREE, Status.FAILED)

    assert list(tree) == [ONE, TWO, THREE, four]
    assert tree[TWO] == Message(TWO, Kind.ANSWER, ONE, Status.COMPLETE)
    assert [message.id for message in tree.up(four)] == [four, THREE, TWO, ONE]
    assert (tree.depth(four), tree.depth(ONE), tree.depth(None)) == (4, 1, 0)
    assert list(tree.up(None)) == []
    assert MessageTree(tree.packed()) == tree


def test_what_was_packed_does_not_change() -> None:
    tree = small()
    before = tree.packed()
    tree.end(TWO, Status.CANCELLED)

    assert before == small().packed()
    assert MessageTree(before)[TWO].status is Status.STREAMING


@pytest.mark.parametrize("packed", [True, False])
def test_an_id_that_is_nobody_s_is_not_found(packed: bool) -> None:  # noqa: FBT001 (a parameter)
    tree = MessageTree(small().packed()) if packed else small()

    assert new_id() not in tree
    with pytest.raises(KeyError):
        tree.end(new_id(), Status.FAILED)


def test_an_id_is_not_found_across_two_others() -> None:
    first, second = UUID(bytes=b"a" * 15 + b"b"), UUID(bytes=b"c" * 8 + b"b" * 8)
    tree = MessageTree()
    tree.add(first, None, None)
    tree.add(second, None, None)
    tree = MessageTree(tree.packed())

    assert UUID(bytes=b"a" * 7 + b"b" + b"c" * 8) not in tree
    assert UUID(bytes=b"a" * 14 + b"bc") not in tree
    assert list(tree) == [first, second]
    assert [first in tree, second in tree] == [True, True]


def test_an_id_is_found_before_a_chance_hit() -> None:
    wanted = UUID(bytes=b"xy" * 8)
    tree = MessageTree()
    for identifier in (wanted, UUID(bytes=b"-xyxyxyxyxyxyxyx"), UUID(bytes=b"y" + b"." * 15)):
        tree.add(identifier, None, None)

    tree = MessageTree(tree.packed())

    assert tree[wanted].id == wanted
    assert len(tree) == 3


@pytest.mark.parametrize(
    "packed",
    [
        PackedTree(b"x" * 16, bytes(4), b""),
        PackedTree(b"x" * 16, bytes(8), b"p"),
        PackedTree(b"x" * 15, bytes(4), b"p"),
        PackedTree(b"", bytes(3), b""),
    ],
)
def test_rows_of_different_lengths_are_no_tree(packed: PackedTree) -> None:
    with pytest.raises(ValueError, match=r"multiple of|differ in length"):
        MessageTree(packed)


def test_a_missing_event_is_noticed() -> None:
    events = answered().collect_events()
    conversation = started()

    with pytest.raises(DamagedEventError, match=r"Version 2 of stream .* is missing"):
        conversation.follow(events[2:])  # type: ignore[arg-type]


def test_an_aggregate_without_a_picture_has_no_facts() -> None:
    root: Root = Root.__new__(Root)

    assert root.picture_format == 0
    with pytest.raises(NotImplementedError):
        root.facts()
    with pytest.raises(NotImplementedError):
        root.stand_as({})


def test_facts_that_are_none_are_refused() -> None:
    with pytest.raises(KeyError):
        started().stand_as({})
