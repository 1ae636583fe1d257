"""What `daybook replay diff` promises: figures to decide by, words to read, an exit code for scripts."""

from __future__ import annotations

from collections.abc import Callable
from pathlib import Path

import pexpect
import pytest

from tests.support.cli_process import Daybook

QUESTIONS = ("Why is the sky blue?", "Name three fish.", "What is a hull?")


@pytest.fixture(scope="module")
def book(new_cli: Callable[[], Daybook]) -> Daybook:
    """A book of three questions, of which a replay with their own seed and one with another are there."""
    made = new_cli()
    for question in QUESTIONS:
        made("ask", question, "-o", "seed", "1", "--no-think", "--json")
    return made


@pytest.fixture(scope="module")
def same(book: Daybook) -> str:
    found: str = book("replay", "--last", "3", "--seed", "1", "--json").json["replay_id"]
    return found


@pytest.fixture(scope="module")
def other(book: Daybook, same: str) -> str:
    del same  # it is the first
    found: str = book("replay", "--last", "3", "--seed", "4", "--repeat", "2", "--json").json["replay_id"]
    return found


def test_with_the_same_seed_nothing_differs(book: Daybook, same: str) -> None:
    found = book("replay", "diff", same, "--json", "--fail-under", "1").json
    assert (found["prompt_count"], found["identical_count"], found["alike_share"]) == (3, 3, 1.0)
    assert {one["prompt"] for one in found["prompts"]} == set(QUESTIONS)
    assert all(one["old"]["text"] == one["runs"][0]["new"]["text"] for one in found["prompts"])
    assert found["old"]["completion_tokens"] == found["new"]["completion_tokens"] > 0

    told = book("replay", "diff", same).out
    assert "3 of 3 answered as before or nearly so (100 %): 3 identical, 0 near, 0 different" in told
    assert "[-" not in told
    assert "{+" not in told


def test_with_another_seed_it_says_which_words(book: Daybook, other: str) -> None:
    shown = book("replay", "show", other, "--json").json
    found = book("replay", "diff", other, "--json").json
    for name in ("prompt_count", "identical_count", "near_count", "different_count"):
        assert found[name] == shown[name]
    assert found["different_count"] + found["near_count"] > 0
    assert [[run["repeat"] for run in one["runs"]] for one in found["prompts"]] == [[1, 2]] * 3

    told = book("replay", "diff", other).out
    assert "[-" in told
    assert "{+" in told
    assert "answer 2" in told
    assert "median" in told
    without = book("replay", "diff", other, "--no-texts").out
    assert "[-" not in without
    assert "median" in without


def test_only_one_verdict_is_shown(book: Daybook, other: str) -> None:
    found = book("replay", "diff", other, "--json").json
    for verdict in ("different", "near", "identical"):
        wanted = {one["prompt_id"][-8:] for one in found["prompts"] if one["verdict"] == verdict}
        told = book("replay", "diff", other, "--only", verdict, "--no-texts").out
        assert set(told.split()) & {one["prompt_id"][-8:] for one in found["prompts"]} == wanted


def test_too_few_alike_leave_with_seven(book: Daybook, other: str) -> None:
    share = book("replay", "diff", other, "--json").json["alike_share"]
    assert share < 1
    refused = book("replay", "diff", other, "--no-texts", "--fail-under", "1", expect=7)
    assert "--fail-under 1 is not reached" in refused.err
    assert book("replay", "diff", other, "--json", "--fail-under", "1", expect=7).json["alike_share"] == share
    book("replay", "diff", other, "--no-texts", "--fail-under", str(share))
    book("replay", "diff", other, "--fail-under", "1.5", expect=2)


def test_the_page_is_a_file_of_its_own(book: Daybook, other: str, tmp_path: Path) -> None:
    file = tmp_path / "report.html"
    assert str(file) in book("replay", "diff", other, "--html", str(file)).err
    text = file.read_text()
    assert text.startswith("<!doctype html>")
    assert text.count("<svg") == 4
    assert all(question in text for question in QUESTIONS)
    assert file.stat().st_mode & 0o077 == 0
    assert "is there already" in book("replay", "diff", other, "--html", str(file), expect=2).err
    book("replay", "diff", other, "--html", str(file), "--force")
    assert book("replay", "diff", other, "--html", "-").out == file.read_text()
    book("replay", "diff", other, "--html", str(file), "--json", expect=2)


def test_on_a_terminal_both_stand_beside_each_other(book: Daybook, other: str) -> None:
    def drawn(columns: int) -> str:
        terminal = book.on_terminal("replay", "diff", other, columns=columns)
        terminal.expect(pexpect.EOF)
        return str(terminal.before)

    wide = drawn(100)
    assert " | " in wide
    assert "\x1b[" in wide
    narrow = drawn(60)
    assert " | " not in narrow
    assert "\n\x1b[31m- " in narrow


def test_what_is_erased_is_shown_as_such(new_cli: Callable[[], Daybook]) -> None:
    book = new_cli()
    asked = book("ask", "a secret of mine", "-o", "seed", "1", "--json").json
    book("ask", "nothing secret", "-o", "seed", "1", "--json")
    replay = book("replay", "--last", "2", "--seed", "1", "--json").json["replay_id"]
    book("erase", asked["conversation_id"], "--yes")
    found = book("replay", "diff", replay, "--json")
    assert [one["old"]["text"] is None for one in found.json["prompts"]].count(True) == 1
    assert {one["prompt"] for one in found.json["prompts"]} == {None, "nothing secret"}
    assert "cannot be read any more" in book("replay", "diff", replay).out


def test_a_replay_that_is_not_there(book: Daybook) -> None:
    assert "no replay" in book("replay", "diff", "ffffffff", expect=3).err
