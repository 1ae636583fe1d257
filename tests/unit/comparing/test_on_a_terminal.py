"""Two texts on terminals of any width, and in a pipe."""

from __future__ import annotations

import io

import pytest
from hypothesis import given
from hypothesis import strategies as st
from rich.cells import cell_len
from rich.console import Console

from interfaces.cli.side_by_side import piped, printed
from interfaces.comparing.words import compared

OLD = "The sky is blue because air scatters light.\nAnd that is all."
NEW = "The sky is blue, since air scatters blue light more than red.\nAnd that is all.\nReally."
TEXTS = st.text(st.sampled_from("ab 日é\n\t."), max_size=200)


def drawn(old: str, new: str, width: int, *, colours: bool = False) -> list[str]:
    console = Console(
        file=io.StringIO(), width=width, force_terminal=colours, color_system="standard" if colours else None
    )
    for line in printed(compared(old, new), console):
        console.print(line)
    assert isinstance(console.file, io.StringIO)
    return console.file.getvalue().split("\n")[:-1]


def test_both_stand_beside_each_other_where_there_is_room() -> None:
    lines = drawn(OLD, NEW, 100)
    assert lines[0].startswith("The sky is blue because air scatters light.")
    assert " | The sky is blue, since air scatters" in lines[0]
    assert any("And that is all." in line and "|" not in line for line in lines)
    assert lines[-1].strip() == "> Really."


def test_one_stands_above_the_other_where_it_is_narrow() -> None:
    lines = drawn(OLD, NEW, 60)
    assert lines[0].startswith("- The sky is blue because")
    assert "  And that is all." in lines
    assert lines[-1] == "+ Really."


def test_colours_are_for_terminals_alone() -> None:
    assert "\x1b[" in "".join(drawn(OLD, NEW, 100, colours=True))
    told = list(piped(compared("It is \x1b[31mred", "It is blue")))
    assert told == ["- It is [-\x1b[31mred-]", "+ It is {+blue+}"]
    assert list(piped(compared("", "x\nx"))) == ["+ {+x+}", "+ {+x+}"]


def test_nothing_in_a_text_commands_the_terminal() -> None:
    assert "\x1b" not in "".join(drawn("a \x1b[2J b", "a c", 100))


@pytest.mark.parametrize("width", [80, 81, 131])
@given(TEXTS, TEXTS)
def test_no_line_is_wider_than_the_terminal(width: int, old: str, new: str) -> None:
    assert all(cell_len(line) <= width for line in drawn(old, new, width))
