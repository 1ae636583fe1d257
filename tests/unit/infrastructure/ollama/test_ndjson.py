from __future__ import annotations

from itertools import pairwise

import pytest
from hypothesis import given
from hypothesis import strategies as st

from infrastructure.ollama.ndjson import LineReader, LineTooLongError


def read(chunks: list[bytes], most: int = 1000) -> list[bytes]:
    reader = LineReader(most)
    return [line for chunk in chunks for line in reader.feed(chunk)] + reader.end()


def test_lines_end_at_newlines_and_nowhere_else() -> None:
    raw = "a\x85b\u2028c\u2029d\x0be\x0cf\rg\n{}\n".encode()
    assert read([raw]) == ["a\x85b\u2028c\u2029d\x0be\x0cf\rg".encode(), b"{}"]


def test_blank_lines_and_carriage_returns_are_dropped() -> None:
    assert read([b"a\r\n\r\n\n", b" \nb\r", b"\n"]) == [b"a", b"b"]


def test_a_line_without_its_newline_comes_at_the_end() -> None:
    assert read([b"a\nb", b"c"]) == [b"a", b"bc"]
    assert read([]) == []


@given(st.lists(st.binary(max_size=20)), st.lists(st.integers(0, 200)))
def test_where_the_network_cuts_does_not_matter(parts: list[bytes], cuts: list[int]) -> None:
    whole = b"\n".join(parts)
    places = sorted({min(cut, len(whole)) for cut in cuts} | {0, len(whole)})
    assert read([whole[a:b] for a, b in pairwise(places)]) == read([whole])
    assert read([whole]) == [part.strip() for part in whole.split(b"\n") if part.strip()]


@pytest.mark.parametrize(
    "chunks",
    [
        [b"x" * 11],
        [b"x" * 6, b"x" * 6],
        [b"a\n" + b"x" * 11 + b"\nb"],
        [b"a\n" + b"x" * 11],
        [b"x" * 6, b"x" * 6 + b"\n"],
    ],
)
def test_a_line_beyond_the_bound_is_an_error_wherever_it_stands(chunks: list[bytes]) -> None:
    with pytest.raises(LineTooLongError):
        read(chunks, most=10)


def test_many_lines_may_be_longer_together_than_one_may_be() -> None:
    assert read([b"x" * 10 + b"\n" + b"y" * 10 + b"\n"], most=10) == [b"x" * 10, b"y" * 10]
