"""Arguments, pipes, and what is refused before it is recorded."""

from __future__ import annotations

import os

import pytest

from domain.errors import InvalidInputError
from interfaces.cli.model_options import join_pairs, parse_options, parse_value
from interfaces.cli.prompt_input import decoded, read_piped, together


def test_the_question_comes_first_and_its_material_cannot_leave_its_fence() -> None:
    assert together("why?", "a\n````\nb") == "why?\n\n`````\na\n````\nb\n`````"
    assert together("why?", "") == "why?"
    assert together("", "material") == "material"


def test_bytes_become_text_without_mark_and_last_line_end() -> None:
    assert decoded(b"\xef\xbb\xbfone\ntwo\r\n") == "one\ntwo"
    assert decoded("x\u2028".encode()) == "x\u2028"


def test_bytes_that_are_no_text_are_refused_with_their_place() -> None:
    with pytest.raises(InvalidInputError, match="byte 2 is 0xff"):
        decoded(b"ab\xff")


def test_no_more_is_read_than_is_taken() -> None:
    read, write = os.pipe()
    os.write(write, b"x" * 100)
    with pytest.raises(InvalidInputError, match="too large"):
        read_piped(read, limit=99)
    os.close(read)
    os.close(write)


def test_what_is_within_the_limit_is_read_to_its_end() -> None:
    read, write = os.pipe()
    os.write(write, b"x" * 100)
    os.close(write)
    assert read_piped(read, limit=100) == b"x" * 100
    os.close(read)


@pytest.mark.parametrize(
    ("typed", "value"),
    [
        ("42", 42),
        ("-1", -1),
        ("0.5", 0.5),
        ("1e3", 1000.0),
        ("true", True),
        ("False", False),
        ("null", None),
        ('["a", 1]', ["a", 1]),
        ('{"a": 1}', {"a": 1}),
        ('"quoted"', "quoted"),
        ("words and more", "words and more"),
        ("NaN", "NaN"),
        ("-Infinity", "-Infinity"),
        ("", ""),
        ("[half", "[half"),
    ],
)
def test_options_are_typed_as_they_look(typed: str, value: object) -> None:
    parsed = parse_value(typed)
    assert (parsed, type(parsed)) == (value, type(value))


def test_pairs_are_joined_for_the_parser_and_taken_apart_again() -> None:
    args = join_pairs(["-o", "seed", "1", "why", "--option", "stop", "a=b", "--", "-o", "x"])
    assert args[2] == "why"
    assert args[-3:] == ["--", "-o", "x"]
    assert parse_options([args[1], args[4]]) == {"seed": 1, "stop": "a=b"}


def test_half_a_pair_is_refused() -> None:
    with pytest.raises(ValueError, match="a key and a value"):
        join_pairs(["-o", "seed"])
    with pytest.raises(InvalidInputError):
        parse_options([" \x1f1"])
