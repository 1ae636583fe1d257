"""A routine as a text to write in."""

from __future__ import annotations

from typing import Any

import pytest
from hypothesis import given
from hypothesis import strategies as st

from domain.errors import InvalidInputError
from domain.routine.definition import Definition
from interfaces import routine_document as document

TEXTS = st.text(st.characters(exclude_categories=["Cs"], exclude_characters="\0"), max_size=40)
LINES = st.lists(st.sampled_from(["+++", '"""', "'", "\\", "", "a = 1", "{{b}}"]), max_size=5).map("\n".join)
OPTIONS = st.dictionaries(
    st.text("abc_ .\"'", max_size=5),
    st.one_of(st.booleans(), st.integers(-(2**40), 2**40), st.floats(allow_nan=False), TEXTS),
    max_size=3,
)


@given(
    st.builds(
        Definition,
        name=st.from_regex(r"[a-z0-9][a-z0-9._-]{0,8}", fullmatch=True),
        prompt=st.one_of(TEXTS, LINES),
        description=TEXTS,
        instructions=st.one_of(TEXTS, LINES),
        model=st.one_of(st.none(), st.just("deepseek-r1:8b")),
        think=st.sampled_from([None, True, False, "low"]),
        options=OPTIONS,
    )
)
def test_what_is_read_is_what_was_written(definition: Definition) -> None:
    assert document.read(document.write(definition)) == definition


def test_what_is_not_said_is_not_there() -> None:
    assert document.read("\n+++\nname = 'say'\n+++\nSay it") == Definition(name="say", prompt="Say it")


@pytest.mark.parametrize(
    ("text", "words"),
    [
        ("Say it", "between two lines"),
        ("+++\nname = 'say'\nSay it", "between two lines"),
        ("x\n+++\n+++\n", "between two lines"),
        ("+++\nname = say\n+++\n", "cannot be read"),
        ("+++\nnames = 'say'\n+++\n", "not names"),
        ("+++\noptions = 3\n+++\n", "not that"),
        ("+++\nname = 3\n+++\n", "name is a text"),
        ("+++\nthink = 3\n+++\n", "think is true"),
    ],
)
def test_what_is_no_routine_is_refused(text: str, words: str) -> None:
    with pytest.raises(InvalidInputError, match=words):
        document.read(text)


def test_options_that_say_nothing_are_left_out() -> None:
    options: dict[str, Any] = {"seed": None, "stop": ["a", "b"]}
    written = document.write(Definition(name="say", prompt="x", options=options))
    assert document.read(written).options == {"stop": ["a", "b"]}
