from __future__ import annotations

import pytest
from hypothesis import given
from hypothesis import strategies as st

from projections.search.snippets import LENGTH, Piece, as_prefixes, lexemes, marked, snippet


def test_words_are_marked_whatever_their_case() -> None:
    assert marked(snippet("The Tide is high", ["tide"])) == "The «Tide» is high"


def test_parts_of_words_are_not_marked_unless_prefixes_are_looked_for() -> None:
    assert marked(snippet("tides tide", ["tide"])) == "tides «tide»"
    assert marked(snippet("tides riptide", ["tide"], prefix=True)) == "«tides» riptide"


def test_a_snippet_is_taken_where_the_words_stand_closest() -> None:
    text = "tide " + "filler " * 100 + "the tide in the harbour " + "filler " * 100
    taken = marked(snippet(text, ["tide", "harbour"]))
    assert "«tide» in the «harbour»" in taken
    assert taken.startswith("…")
    assert taken.endswith("…")


def test_white_space_becomes_single_spaces() -> None:
    assert marked(snippet("a\n\n  tide\tcomes", ["tide"])) == "a «tide» comes"


def test_without_a_hit_the_beginning_is_shown() -> None:
    assert snippet("just a text", ["absent"]) == (Piece("just a text", is_hit=False),)
    assert snippet("just a text", []) == (Piece("just a text", is_hit=False),)


@given(text=st.text(max_size=600), words=st.lists(st.text(min_size=1, max_size=5), max_size=4))
def test_a_snippet_is_a_short_stretch_of_the_text(text: str, words: list[str]) -> None:
    pieces = snippet(text, words)
    taken = "".join(piece.text for piece in pieces)
    assert len(taken) <= LENGTH + 45
    inner = taken.removeprefix("…").removesuffix("…")
    assert "".join(inner.split()) in "".join(text.split())


@pytest.mark.parametrize(
    ("tsquery", "words", "prefixes"),
    [
        ("'tide'", ("tide",), "'tide':*"),
        ("'a' & 'b' | !'c'", ("a", "b", "c"), "'a':* & 'b':* | !'c':*"),
        ("'o''brien' <-> 'x'", ("o'brien", "x"), "'o''brien':* <-> 'x':*"),
        (r"'c:\\temp'", ("c:\\temp",), r"'c:\\temp':*"),
    ],
)
def test_a_tsquery_is_taken_apart(tsquery: str, words: tuple[str, ...], prefixes: str) -> None:
    assert lexemes(tsquery) == words
    assert as_prefixes(tsquery) == prefixes
