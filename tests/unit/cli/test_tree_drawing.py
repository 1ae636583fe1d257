"""How trees and bars are drawn, at any width and any depth."""

from __future__ import annotations

from datetime import UTC, datetime
from uuid import UUID

import pytest
from hypothesis import given
from hypothesis import strategies as st

from domain.errors import NotFoundError
from interfaces.cli.stats import bar, bar_width, length, short_number
from interfaces.cli.tree_drawing import Line, lines
from interfaces.outline import Outline
from projections.transcript.messages import Node

AT = datetime(2026, 1, 1, tzinfo=UTC)


def node(number: int, parent: int | None, **values: object) -> Node:
    told = {"status": None, "model": None, "beginning": f"text {number}", **values}
    kind = "answer" if told["status"] else "prompt"
    above = None if parent is None else UUID(int=parent)
    return Node(id=UUID(int=number), parent_id=above, kind=kind, at=AT, **told)  # type: ignore[arg-type]


def drawn(outline: Outline, *, width: int = 100, whole: bool = False) -> list[str]:
    return [f"{line.lead}{line.mark}" for line in lines(outline, width=width, whole=whole)]


def chain(length: int) -> list[Node]:
    return [node(n, n - 1 if n > 1 else None) for n in range(1, length + 1)]


def test_the_current_branch_goes_straight_down_and_others_hang_beside_it() -> None:
    nodes = [node(1, None), node(2, 1), node(3, 2), node(4, 2), node(5, 3), node(6, 5), node(7, 5)]

    assert drawn(Outline(nodes, UUID(int=4))) == ["●", "●", "├─ ○", "│  ○", "│  ├─ ○", "│  ○", "●"]
    assert drawn(Outline(nodes, UUID(int=6))) == ["●", "●", "├─ ○", "●", "●", "├─ ○", "●"]
    assert drawn(Outline(nodes, None)) == ["○", "○", "├─ ○", "│  ○", "│  ├─ ○", "│  ○", "○"]


def test_several_first_prompts_are_siblings() -> None:
    outline = Outline([node(1, None), node(2, None), node(3, None)], UUID(int=2))

    assert drawn(outline) == ["├─ ○", "├─ ○", "●"]
    assert [outline.place(one) for one in outline.nodes] == [(1, 3), (2, 3), (3, 3)]


def test_a_long_stretch_is_shortened_to_its_ends_unless_all_is_wanted() -> None:
    outline = Outline(chain(10_000), UUID(int=10_000))
    short = [*lines(outline, width=100, whole=False)]

    assert [line.mark for line in short] == ["●"] * 3 + ["⋮"] + ["●"] * 3
    assert short[3] == Line("", "⋮", "9994 more messages", current=True, node=None)
    assert len(drawn(outline, whole=True)) == 10_000
    assert len(drawn(Outline(chain(8), None))) == 8
    assert drawn(Outline([], None)) == []


def test_a_line_says_what_a_message_is() -> None:
    answer = node(2, 1, status="failed", model="deepseek-r1:8b-and-a-long-tail", rating="down", note_count=1)
    other = node(3, 1, status="complete", model="m\x1b[31m", rating="up", note_count=2, beginning=None)
    outline = Outline([node(1, None), answer, other], UUID(int=3))

    words = [line.words for line in lines(outline, width=100, whole=False)]
    assert words == [
        "00000001  You  text 1",
        "00000002  deepseek-r1:8b-and-a-long-tail  1/2  (failed)  -1  1 note  text 2",
        "00000003  m[31m  2/2  ← goes on here  +1  2 notes",
    ]
    narrow = [line.words for line in lines(outline, width=40, whole=False)]
    assert "deepseek-r1:8b-a  1/2" in narrow[1]


@given(st.lists(st.integers(min_value=0, max_value=30), max_size=40), st.integers(min_value=0, max_value=40))
def test_every_message_of_any_tree_is_drawn_once(parents: list[int], current: int) -> None:
    nodes = [node(at, min(parent, at - 1) or None) for at, parent in enumerate(parents, 1)]
    outline = Outline(nodes, UUID(int=current) if 0 < current <= len(nodes) else None)
    shown = [line.node for line in lines(outline, width=80, whole=True)]

    assert sorted(one.id for one in shown if one) == [one.id for one in nodes]
    seen: set[UUID | None] = {None}
    for one in shown:
        assert one is not None
        assert one.parent_id in seen
        seen.add(one.id)
    straight = [line for line in lines(outline, width=80, whole=True) if line.current]
    assert {line.lead for line in straight} <= {""}
    assert {line.node.id for line in straight if line.node} == outline.path


def test_neighbours_are_found_and_there_is_an_end_to_them() -> None:
    outline = Outline([node(1, None), node(2, 1), node(3, 1), node(4, 3)], UUID(int=4))

    assert outline.beside(UUID(int=2), 1).id == UUID(int=3)
    assert outline.last_parting() == outline.nodes[2]
    assert Outline(chain(3), UUID(int=3)).last_parting() is None
    with pytest.raises(NotFoundError, match="no next one"):
        outline.beside(UUID(int=3), 1)
    with pytest.raises(NotFoundError, match="no previous one"):
        outline.beside(UUID(int=2), -1)
    with pytest.raises(NotFoundError):
        outline.beside(UUID(int=99), 1)


@given(st.integers(min_value=1, max_value=10**9), st.integers(min_value=1, max_value=80), st.data())
def test_a_bar_is_never_longer_than_its_room_and_is_seen_where_there_is_something(
    most: int, width: int, data: st.DataObject
) -> None:
    value = data.draw(st.integers(min_value=1, max_value=most))

    assert 1 <= len(bar(value, most, width)) <= width
    assert len(bar(most, most, width)) == width
    assert bar(0, most, width) == ""


def test_bars_give_way_on_a_narrow_terminal() -> None:
    rows = [("a model", "12", "1.0k")]

    assert [bar_width(rows, room) for room in (None, 200, 40, 10)] == [20, 40, 21, 6]


@pytest.mark.parametrize(
    ("value", "told"),
    [
        (0, "0"),
        (9_999, "9999"),
        (12_345, "12.3k"),
        (123_456, "123k"),
        (12_345_678, "12.3M"),
        (10**10, "10.0G"),
    ],
)
def test_numbers_are_short(value: int, told: str) -> None:
    assert short_number(value) == told


@pytest.mark.parametrize(
    ("ms", "told"), [(0, ""), (1234, "1.2 s"), (90_000, "1.5 min"), (5_400_000, "1.5 h")]
)
def test_times_are_short(ms: float, told: str) -> None:
    assert length(ms) == told
