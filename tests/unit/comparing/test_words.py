"""Texts word by word: nothing is lost, and what is marked is what differs."""

from __future__ import annotations

from hypothesis import given
from hypothesis import strategies as st

from interfaces.comparing.words import MOST_WORDS, Line, Piece, Row, changed_share, compared

TEXTS = st.text(st.sampled_from("ab \n.é"), max_size=60)


def text_of(lines: list[Line | None]) -> str:
    return "\n".join("".join(piece.text for piece in line) for line in lines if line is not None)


def kept(rows: list[Row], side: str) -> str:
    pieces = (piece.text for row in rows for piece in getattr(row, side) or () if not piece.changed)
    return "".join("".join(pieces).split())


def test_words_that_differ_are_marked_on_both_sides() -> None:
    [row] = compared("The sky is blue.", "The sky looks blue.")
    assert row.kind == "changed"
    assert row.old == (
        Piece("The sky ", changed=False),
        Piece("is", changed=True),
        Piece(" blue.", changed=False),
    )
    assert row.new == (
        Piece("The sky ", changed=False),
        Piece("looks", changed=True),
        Piece(" blue.", changed=False),
    )


def test_a_blank_between_two_marked_words_is_marked_with_them() -> None:
    [row] = compared("It was dark and cold in here, I say.", "It was light or warm in here, I say.")
    assert [piece.text for piece in row.old or () if piece.changed] == ["dark and cold"]
    assert [piece.text for piece in row.new or () if piece.changed] == ["light or warm"]


def test_lines_of_one_side_stand_alone() -> None:
    rows = compared("one\ntwo", "one\ntwo\nthree and four")
    assert [row.kind for row in rows] == ["same", "same", "new"]
    assert rows[2].old is None
    assert [row.kind for row in compared("", "new")] == ["new"]
    assert [row.kind for row in compared("old", "")] == ["old"]
    assert compared("", "") == []


def test_lines_are_broken_where_a_terminal_or_a_page_would_break_them() -> None:
    assert [row.kind for row in compared("a\r\nb\u2028c", "a\nb\nc")] == ["same"] * 3


def test_a_line_that_is_broken_elsewhere_is_not_the_same() -> None:
    rows = compared("a.b.c.d.e\nf", "a\n.b.c.d.ef")
    assert [row.kind for row in rows] == ["changed", "changed"]


def test_what_is_too_large_for_words_is_replaced_whole() -> None:
    old, new = "a b " * MOST_WORDS, "a c " * MOST_WORDS
    [row] = compared(old, new)
    assert row.old == (Piece(old, changed=True),)
    assert row.new == (Piece(new, changed=True),)


def test_what_has_hardly_a_word_in_common_is_replaced_whole() -> None:
    [row] = compared("one two three four five six seven", "eins zwei drei four fuenf sechs sieben")
    assert [len(line or ()) for line in (row.old, row.new)] == [1, 1]


def test_very_many_lines_are_replaced_whole() -> None:
    old = "\n".join(f"{one}" for one in range(2_000))
    rows = compared(old, old + "\nmore")
    assert len(rows) == 2_001
    assert changed_share(rows) == 1.0
    assert changed_share(compared(old, old)) == 0.0


@given(TEXTS, TEXTS)
def test_both_texts_are_in_the_rows_and_what_is_not_marked_is_common(old: str, new: str) -> None:
    rows = compared(old, new)
    assert text_of([row.old for row in rows]) == old
    assert text_of([row.new for row in rows]) == new
    assert kept(rows, "old") == kept(rows, "new")
    assert all(row.kind == "same" for row in rows) == (old == new)


@given(TEXTS)
def test_equal_texts_have_nothing_marked(text: str) -> None:
    assert {row.kind for row in compared(text, text)} <= {"same"}
