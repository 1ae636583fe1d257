from __future__ import annotations

from typing import Any

import pytest

from application.text_rules import (
    MAX_NAME_LENGTH,
    checked_key,
    checked_name,
    checked_options,
    checked_text,
    checked_think,
)
from domain.errors import InvalidInputError


@pytest.mark.parametrize("text", ["", "Hello.", "\u00e9\U0001f600\n\ttab", "\x85\u2028"], ids=range(4))
def test_text_comes_through_unchanged(text: str) -> None:
    assert checked_text(text, "prompt") == text


@pytest.mark.parametrize(
    ("text", "words"),
    [
        pytest.param("ab\0c", "NUL character at position 2", id="NUL"),
        pytest.param("ab\ud83dc", "half a surrogate pair at position 2", id="lone surrogate"),
        pytest.param("x" * 11, "too large: 11 bytes, and at most 10", id="too large"),
        pytest.param("\u00e9" * 6, "too large: 12 bytes", id="too many bytes"),
    ],
)
def test_what_is_no_text_is_refused_with_its_place(text: str, words: str) -> None:
    with pytest.raises(InvalidInputError, match=words):
        checked_text(text, "prompt", limit=10)


def test_a_prompt_of_10_mb_is_too_large() -> None:
    with pytest.raises(InvalidInputError, match="The prompt is too large"):
        checked_text("x" * 10_000_000, "prompt")


def test_names_are_one_line() -> None:
    assert checked_name("  My \n tides\t", "title") == "My tides"
    with pytest.raises(InvalidInputError, match="The title is empty"):
        checked_name(" \n ", "title")
    with pytest.raises(InvalidInputError, match="at most 500"):
        checked_name("x" * (MAX_NAME_LENGTH + 1), "title")


@pytest.mark.parametrize(
    "options", [{}, {"temperature": 0.5, "stop": ["a", "b"], "deep": {"x": None}}], ids=["none", "some"]
)
def test_options_that_json_can_say_are_taken(options: dict[str, Any]) -> None:
    assert checked_options(options) == options


@pytest.mark.parametrize(
    "value",
    [
        pytest.param(float("nan"), id="not a number"),
        pytest.param(b"bytes", id="bytes"),
        pytest.param("x" * 70_000, id="too large"),
    ],
)
def test_other_options_are_refused(value: object) -> None:
    with pytest.raises(InvalidInputError):
        checked_options({"option": value})


@pytest.mark.parametrize("think", [None, True, False, "low", "high"])
def test_ways_to_think(think: bool | str | None) -> None:  # noqa: FBT001 (drawn)
    assert checked_think(think) is think


@pytest.mark.parametrize("think", ["", "Very much", "a\0", "\ud83d"], ids=["none", "two", "NUL", "surrogate"])
def test_ways_not_to_think(think: str) -> None:
    with pytest.raises(InvalidInputError, match="no way to think"):
        checked_think(think)


def test_idempotency_keys_are_short_and_printable() -> None:
    assert checked_key("a-1") == "a-1"
    for key in ("", "x" * 256, "a\0", "caf\u00e9", "a\nb"):
        with pytest.raises(InvalidInputError, match="1 to 255 printable"):
            checked_key(key)
