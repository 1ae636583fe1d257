"""Code blocks, Markdown cut into blocks while it grows, and what may reach a terminal."""

from __future__ import annotations

import json
import re
from datetime import UTC, datetime, timedelta, timezone
from pathlib import PurePosixPath
from uuid import UUID

import pytest
from hypothesis import given
from hypothesis import strategies as st

from interfaces.cli.console import clean, one_line, size
from interfaces.cli.crash import details
from interfaces.cli.extract import first_code_block
from interfaces.cli.markdown_blocks import split_finished
from interfaces.views import DoneView, to_json, utc


@pytest.mark.parametrize(
    ("text", "block"),
    [
        ("no code", None),
        ("a\n```python\nx = 1\n```\nb\n```\ny\n```", "x = 1\n"),
        ("~~~\none\n```\n~~~", "one\n```\n"),
        ("````\n```\ninner\n```\n````", "```\ninner\n```\n"),
        ("  ```\n  indented\n    more\n  ```", "indented\n  more\n"),
        ("```\nnever closed", "never closed"),
        ("`` `inline` ``\n```js\nz\n```", "z\n"),
        ("```a`b\nnot a fence\n```\nin\n```", "in\n"),
        ("```\n```", ""),
        ("```\r\nwindows\r\n```", "windows\r\n"),
    ],
)
def test_the_first_code_block_is_taken_whole(text: str, block: str | None) -> None:
    assert first_code_block(text) == block


MARKDOWN = (
    "One\npara.\n\n- a\n\n- b\n\n  more b\n\nTwo.\n\n```py\nx\n\ny\n```\n\n1. first\n\n2. second\n\n# End\n"
)


def test_blocks_end_where_nothing_more_can_belong_to_them() -> None:
    blocks, rest = split_finished(MARKDOWN)
    assert [block.strip() for block in blocks] == [
        "One\npara.",
        "- a\n\n- b\n\n  more b",
        "Two.",
        "```py\nx\n\ny\n```",
        "1. first\n\n2. second",
    ]
    assert rest == "# End\n"


def test_a_number_that_may_become_an_item_keeps_its_list_open() -> None:
    assert split_finished("1. one\n\n2")[0] == []
    assert split_finished("1. one\n\nNo item")[0] == ["1. one\n\n"]


@given(
    st.lists(st.sampled_from(["word ", "\n", "\n\n", "- ", "1. ", "```", "~~~", "  ", "# ", "| a |", "`"])),
    st.data(),
)
def test_nothing_is_lost_and_what_is_finished_stays_so(pieces: list[str], data: st.DataObject) -> None:
    text = "".join(pieces)
    blocks, rest = split_finished(text)
    assert "".join(blocks) + rest == text
    cut = data.draw(st.integers(0, len(text)))
    earlier, _ = split_finished(text[:cut])
    whole = [block.strip() for block in blocks]
    assert [block.strip() for block in earlier] == whole[: len(earlier)]


def test_nothing_that_commands_a_terminal_gets_through() -> None:
    assert clean("a\x1b[31mb\x07\x9bc\u202ed\te\n") == "a[31mbcd\te\n"
    assert one_line(" two\n lines\x00 ") == "two lines"
    assert one_line(None) == ""


def test_sizes_read_as_people_say_them() -> None:
    assert [size(n) for n in (None, 0, 999, 5_200_000_000, 404_000_000_000, 43_000_000)] == [
        "?",
        "0 B",
        "999 B",
        "5.2 GB",
        "404 GB",
        "43.0 MB",
    ]


def test_times_are_utc_with_a_z_and_ids_are_text() -> None:
    moment = datetime(2026, 11, 23, 14, 5, tzinfo=timezone(timedelta(hours=2)))
    assert utc(moment) == "2026-11-23T12:05:00Z"
    identifier = UUID(int=7)
    assert json.loads(to_json({"at": datetime(2026, 1, 1, tzinfo=UTC), "path": PurePosixPath("/x")})) == {
        "at": "2026-01-01T00:00:00Z",
        "path": "/x",
    }
    line = to_json(DoneView(id=identifier, log_size=3))
    assert line == f'{{"id":"{identifier}","log_size":3}}'
    assert "\n" not in to_json({"text": "two\nlines"})


def test_half_a_surrogate_pair_survives_as_an_escape() -> None:
    line = to_json({"text": "half \ud83d, whole 😀"})
    line.encode()
    assert json.loads(line)["text"] == "half \ud83d, whole 😀"


def test_a_crash_report_has_places_and_no_words() -> None:
    def fail() -> None:
        try:
            {}["secret"]
        except KeyError as problem:
            raise ValueError("also secret") from problem

    with pytest.raises(ValueError, match="also") as caught:
        fail()
    text = details("1.0", ["--home", "secret", "ask", "secret question"], caught.value)
    assert "command: ask" in text
    assert "builtins.KeyError" in text
    assert "secret" not in text
    assert "builtins.ValueError" in text
    assert re.search(r"test_text_forms\.py:\d+ in fail", text)
