"""What `edit`, `switch`, `tree`, `fork`, `rate`, `note` and `stats` promise at the command line."""

from __future__ import annotations

from collections.abc import Callable
from contextlib import closing
from typing import Any
from uuid import UUID

import pytest

from bootstrap.host import ProcessHost
from bootstrap.settings import Settings
from tests.support.cli_process import Daybook


@pytest.fixture(scope="module")
def book(new_cli: Callable[[], Daybook]) -> Daybook:
    return new_cli()


@pytest.fixture
def talk(book: Daybook) -> dict[str, Any]:
    """A conversation of one prompt and one answer."""
    asked: dict[str, Any] = book("ask", "Why is the sky blue?", "--json").json
    return asked


def nodes(book: Daybook, identifier: str) -> list[dict[str, Any]]:
    found: list[dict[str, Any]] = book("tree", identifier, "--json").json["messages"]
    return found


def test_an_edit_is_a_sibling_and_the_old_prompt_stays(book: Daybook, talk: dict[str, Any]) -> None:
    edited = book("edit", talk["prompt_id"], "Why is it red?", "--json").json
    piped = book("edit", talk["answer_id"], "-", "--json", stdin=b"Why is it green?\n").json

    prompts = [one for one in nodes(book, talk["conversation_id"]) if one["kind"] == "prompt"]
    assert [one["id"] for one in prompts] == [talk["prompt_id"], edited["prompt_id"], piped["prompt_id"]]
    assert [one["beginning"] for one in prompts] == [
        "Why is the sky blue?",
        "Why is it red?",
        "Why is it green?",
    ]
    assert {(one["sibling_count"], one["parent_id"]) for one in prompts} == {(3, None)}
    assert [one["current"] for one in prompts] == [False, False, True]
    assert "· 3/3" in book("show", talk["conversation_id"]).out


def test_an_edit_with_nothing_to_say_records_nothing(book: Daybook, talk: dict[str, Any]) -> None:
    before = len(book.events())

    assert "empty" in book("edit", talk["prompt_id"], " ", expect=2).err
    assert "empty" in book("edit", talk["prompt_id"], expect=2).err
    assert "no message" in book("edit", "deadbeefdead", "x", expect=3).err
    assert len(book.events()) == before


def test_a_retry_keeps_the_options_it_is_not_given(book: Daybook) -> None:
    first = book("ask", "Hi", "-o", "temperature", "0.5", "-o", "seed", "3", "--json").json
    book("retry", first["prompt_id"], "-o", "temperature", "1", "--json")
    book("edit", first["conversation_id"], "Ho", "--json")

    found = [one for one in nodes(book, first["conversation_id"]) if one["kind"] == "answer"]
    assert [(one["sibling_index"], one["sibling_count"]) for one in found] == [(1, 2), (2, 2), (1, 1)]
    opened = ProcessHost(Settings(book.environment)).open_book(str)
    with closing(opened):
        told = [opened.transcript.message(UUID(one["id"])) for one in found]
    options = [one.provenance.options for one in told if one and one.provenance]
    assert [(one["temperature"], one["seed"]) for one in options] == [(0.5, 3), (1, 3), (1, 3)]


def test_a_prompt_goes_on_from_any_answer(book: Daybook, talk: dict[str, Any]) -> None:
    book("ask", "-c", "And on Mars?")
    other = book("ask", "--from", talk["answer_id"], "And at sunset?", "--json").json

    found = {one["id"]: one for one in nodes(book, talk["conversation_id"])}
    assert found[other["prompt_id"]]["parent_id"] == talk["answer_id"]
    assert found[other["prompt_id"]]["sibling_count"] == 2
    refused = book("ask", "--from", talk["prompt_id"], "x", expect=2).err
    assert "follows an answer" in refused
    assert "daybook retry" in refused
    assert "not both" in book("ask", "-c", "--from", talk["answer_id"], "x", expect=2).err


def test_branches_are_switched_by_message_and_by_neighbour(book: Daybook, talk: dict[str, Any]) -> None:
    there = talk["conversation_id"]
    again = book("retry", talk["answer_id"], "--json").json["answer_id"]
    end = book("ask", "-c", "More?", "--json").json["answer_id"]

    def current() -> str:
        return str(book("tree", there, "--json").json["current_id"])

    book("switch", there, "--previous")
    assert current() == talk["answer_id"]
    assert "no previous one" in book("switch", there, "--previous", expect=3).err
    book("switch", talk["answer_id"], "--next")
    assert current() == end
    book("switch", talk["answer_id"])
    book("switch", again, "--here", "--json")
    assert current() == again
    book("switch", there, "--start")
    assert "begins anew" in book("tree", there).err
    assert "Which branch?" in book("switch", there, expect=2).err
    assert "One of" in book("switch", there, "--next", "--start", expect=2).err


def test_a_tree_is_drawn_with_its_current_branch_straight(book: Daybook, talk: dict[str, Any]) -> None:
    book("edit", talk["prompt_id"], "Why is it red?")
    drawn = book("tree", talk["conversation_id"]).out.splitlines()

    assert [line[:4] for line in drawn[1:]] == ["├─ ○", "│  ○", "● " + drawn[3][2:4], "● " + drawn[4][2:4]]
    assert "1/2" in drawn[1]
    assert drawn[3].endswith("Why is it red?")
    assert "← goes on here" in drawn[4]
    assert book("tree", talk["answer_id"]).out == book("tree", talk["conversation_id"]).out


def test_a_fork_is_a_conversation_of_its_own(book: Daybook, talk: dict[str, Any]) -> None:
    book("project", "create", "Optics")
    made = book("fork", talk["answer_id"], "--title", "Mine", "--project", "Optics", "--json").json
    shown = book("show", made["id"], "--json").json

    assert (shown["title"], shown["origin_conversation_id"]) == ("Mine", talk["conversation_id"])
    assert shown["origin_message_id"] == talk["answer_id"]
    assert [one["origin_message_id"] for one in shown["messages"]] == [talk["prompt_id"], talk["answer_id"]]
    assert "copied from" in book("show", "@last").out
    assert book("ask", "-c", "More?", "--json").json["conversation_id"] == made["id"]
    assert len(book("show", talk["conversation_id"], "--json").json["messages"]) == 2
    erased = book("erase", talk["conversation_id"], "--with-derived", "--yes", "--json").json
    assert erased["derived_count"] == 1
    assert "erased" in book("fork", talk["answer_id"], expect=3).err


def test_answers_are_rated_and_messages_noted(book: Daybook, talk: dict[str, Any]) -> None:
    assert "No note" in book("note", talk["prompt_id"]).err
    book("rate", talk["answer_id"], "down", "--note", "too long")
    book("rate", "up")
    note = book("note", talk["answer_id"], "look", "this", "up", "--json").json["id"]
    book("note", "@last", "-", "--edit", note[-8:], stdin=b"look that up")

    shown = book("show", talk["conversation_id"])
    assert "(rated up)" in shown.out
    assert "look that up" in shown.out
    message = book("note", talk["answer_id"], "--json").json
    assert [(one["id"], one["text"]) for one in message["notes"]] == [(note, "look that up")]
    assert message["rating"] == "up"
    book("note", talk["answer_id"], "--remove", note)
    book("rate", "clear")
    assert "No note" in book("note", talk["answer_id"]).err
    assert "no note" in book("note", talk["answer_id"], "--remove", note, expect=3).err
    assert "goes with nothing else" in book("note", "@last", "x", "--remove", note, expect=2).err
    assert "an answer is wanted" in book("rate", talk["prompt_id"], "up", expect=3).err
    assert "up|down|clear" in book("rate", "sideways", expect=2).err


def test_what_was_spent_is_counted(new_cli: Callable[[], Daybook]) -> None:
    book = new_cli()
    assert "No answer yet" in book("stats").err
    book("project", "create", "Optics")
    book("ask", "-p", "Optics", "Why?")
    book("rate", "up")
    book("fork")

    found = book("stats", "--json").json
    assert [one["answer_count"] for one in found["groups"]] == [1]
    assert found["groups"][0]["up_count"] == 1
    assert found["total"]["completion_tokens"] > 0
    assert book("stats", "--by", "project", "--json").json["groups"][0]["project_name"] == "Optics"
    assert "Optics" in book("stats", "--by", "project").out
    day = book("stats", "--by", "day", "--since", "1d", "--json").json
    assert len(day["groups"]) == 1
    assert day["zone"] in {"UTC", "Etc/UTC"}
    table = book("stats").out
    assert "█" in table
    assert "\x1b" not in table
    assert "No answer in this time" in book("stats", "--until", "2020-01-01").err
    assert "no time" in book("stats", "--since", "soon", expect=2).err


def test_a_chat_moves_in_its_tree(book: Daybook) -> None:
    lines = [
        "/fork",
        "One?",
        "/edit Two?",
        "/edit Two?",
        "/retry",
        "/switch previous",
        "/switch",
        "/rate up because",
        "/rate sideways",
        "/note remember",
        "/fork Mine",
        "/switch next",
        "/tree",
        "/quit",
    ]
    ran = book("chat", stdin="\n".join(lines).encode())

    assert "has not begun yet" in ran.err
    assert "as it was" in ran.err
    assert "takes next, previous" in ran.err
    assert "Rated up." in ran.err
    assert "/rate takes" in ran.err
    assert "single branch" in ran.err
    origin = book("show", "@last", "--json").json["origin_conversation_id"]
    found = nodes(book, origin)
    assert [(one["kind"], one["sibling_index"], one["sibling_count"]) for one in found] == [
        ("prompt", 1, 2),
        ("answer", 1, 1),
        ("prompt", 2, 2),
        ("answer", 1, 2),
        ("answer", 2, 2),
    ]
    assert [one["rating"] for one in found] == [None, None, None, "up", None]
    assert [one["note_count"] for one in found] == [0, 0, 0, 1, 0]
