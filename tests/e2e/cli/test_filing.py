"""What `tag`, `pin`, `move`, `list`, `search` and `project` promise of how conversations are filed."""

from __future__ import annotations

from collections.abc import Callable
from pathlib import Path
from typing import Any

import pytest

from tests.support.cli_process import Daybook, wait_until


@pytest.fixture(scope="module")
def book(new_cli: Callable[[], Daybook]) -> Daybook:
    return new_cli()


def asked(book: Daybook, text: str, *more: str) -> str:
    found: str = book("ask", text, "--json", *more).json["conversation_id"]
    return found


def ids(book: Daybook, *args: str) -> list[str]:
    return [one["id"] for one in book("list", "--json", *args).json["conversations"]]


def test_tags_are_put_on_taken_off_and_filtered_by(book: Daybook) -> None:
    one = asked(book, "Of tides")
    other = asked(book, "Of harbours")
    assert "Home, work" in book("tag", one, "+work", "+Home").err
    book("tag", "+work")
    assert "work\n" in book("tag", one).out
    assert book("tag", other, "--json").json["tags"] == ["work"]
    assert book("tag", "--json").json["tags"] == [
        {"name": "Home", "conversation_count": 1},
        {"name": "work", "conversation_count": 2},
    ]
    assert ids(book, "--tag", "WORK", "--tag", "home") == [one]
    assert "No conversation fits (--tag)." in book("list", "-t", "absent").err
    hits = book("search", "tides", "--tag", "home", "--role", "prompt", "--json").json["results"]
    assert [hit["conversation_id"] for hit in hits] == [one]
    assert book("search", "harbours", "--tag", "home", "--json").json["results"] == []
    book("tag", one, "-work", "+later")
    assert book("tag", one, "--json").json["tags"] == ["Home", "later"]
    book("tag", one, "--clear", "+only")
    assert book("tag", one, "--json").json["tags"] == ["only"]
    assert "put on as +oops" in book("tag", one, "oops", expect=2).err
    assert "not both" in book("tag", one, "--clear", "-only", expect=2).err
    assert "at once" in book("tag", one, "+a", "-a", expect=2).err


def test_words_that_are_not_to_be_found_are_no_options(book: Daybook) -> None:
    one = asked(book, "Of moored boats")
    asked(book, "Of moored boats at sea")
    found = book("search", "moored", "-sea", "--role", "prompt", "--json").json["results"]
    assert [hit["conversation_id"] for hit in found] == [one]
    found = book("search", "moored", "-boats", "-t", "none", "--json").json["results"]
    assert found == []
    found = book("search", "moored", '-"boats at"', "--role", "prompt", "--json").json["results"]
    assert [hit["conversation_id"] for hit in found] == [one]
    assert len(book("search", "moored", "-n", "1", "--json").json["results"]) == 1


def test_the_last_one_was_not_there_at_a_moment_before_it(book: Daybook) -> None:
    asked(book, "Of the earlier")
    then = str(book.log_size() - 1)
    asked(book, "Of the later")
    assert "Of the later" in (told := book("show", "@last", "--as-of", then, expect=3).err)
    assert "begun later" in told
    assert "Of the earlier" in book("list", "--as-of", then).out


def test_a_file_says_its_format_by_its_ending(book: Daybook, tmp_path: Path) -> None:
    asked(book, "Of formats")
    book("export", "@last", "-o", str(tmp_path / "a.md"))
    book("export", "@last", "-o", str(tmp_path / "a.pdf"), "--format", "md")
    assert "says no format" in book("export", "@last", "-o", str(tmp_path / "b.pdf"), expect=2).err
    assert not (tmp_path / "b.pdf").exists()


def test_pins_come_first_and_moves_are_between_projects(book: Daybook) -> None:
    one = asked(book, "Of the first")
    asked(book, "Of the second")
    book("pin", one)
    assert ids(book)[0] == one
    assert "* Of the first" in book("list").out
    assert ids(book, "--pinned") == [one]
    assert "Another project" not in book("project", "create", "Garden").err
    book("move", one, "Garden")
    assert ids(book, "-p", "Garden") == [one]
    book("move", one, "--none")
    assert "no conversation yet" in book("list", "-p", "Garden").err
    assert "Where to?" in book("move", one, expect=2).err
    assert "Another project has this name" in book("project", "create", "Garden").err
    assert "ambiguous" in book("move", one, "Garden", expect=2).err
    assert "Where to?" in book("move", one, "Shed", "--none", expect=2).err
    book("unpin", one)
    assert ids(book, "--pinned") == []


def test_lists_are_sorted_and_go_on_with_the_same_filters(book: Daybook) -> None:
    one, two = asked(book, "Zebra"), asked(book, "aardvark")
    for identifier in (one, two):
        book("tag", identifier, "+animals")
    assert ids(book, "--tag", "animals", "--sort", "title") == [two, one]
    assert ids(book, "--tag", "animals", "--sort", "created") == [two, one]
    page = book("list", "--tag", "animals", "--sort", "title", "-n", "1", "--since", "1d")
    assert "More: daybook list --cursor" in page.err
    words = page.err.split("daybook ", 1)[1].split()
    assert words[3:] == ["--tag", "animals", "--since", "1d", "--sort", "title"]
    assert ids(book, *words[1:]) == [one]
    assert "without a cursor" in book("list", "--sort", "created", "--cursor", words[2], expect=2).err
    assert ids(book, "--until", "2020-01-01") == []
    assert "is no time" in book("list", "--since", "whenever", expect=2).err
    assert ids(book, "--model", "nobody") == []


def test_a_projects_options_and_instructions_are_seen_and_brought_back(book: Daybook) -> None:
    book("project", "create", "Lab", "-s", "Be brief.", "-o", "seed", "3")
    assert book("project", "options", "Lab").out == "-o seed 3\n"
    answer = book("ask", "Hi", "-p", "Lab", "--json").json["answer_id"]
    book("project", "options", "Lab", "-o", "seed", "4", "-o", "stop", '["a b"]')
    assert "-o seed 4 -o stop '[\"a b\"]'" in book("project", "show", "Lab").out
    book("project", "instructions", "Lab", "Be long.")
    history = book("project", "instructions", "Lab", "--history", "--json").json["instructions"]
    assert [(one["text"], one["current"]) for one in history] == [("Be long.", True), ("Be brief.", False)]
    first = str(history[1]["version"])
    assert book("project", "instructions", "Lab", "--version", first).out == "Be brief.\n"
    assert "Be brief." in book("project", "instructions", "Lab", "--history").out
    book("project", "instructions", "Lab", "--restore", first)
    assert book("project", "show", "Lab", "--json").json["instructions"] == "Be brief."
    book("project", "instructions", "Lab", "--clear")
    last = book("project", "instructions", "Lab", "--history", "--json").json["instructions"][0]
    assert "taken away" in book("project", "instructions", "Lab", "--version", str(last["version"])).err
    assert (
        "no instructions of version 99"
        in book("project", "instructions", "Lab", "--version", "99", expect=3).err
    )
    assert "One of" in book("project", "instructions", "Lab", "--history", "--clear", expect=2).err
    assert "not both" in book("project", "options", "Lab", "-o", "a", "1", "--clear", expect=2).err
    book("project", "options", "Lab", "--clear")
    assert "no options of its own" in book("project", "options", "Lab").err
    assert answer


def test_a_question_leaves_a_title_behind_and_does_not_wait_for_it(new_cli: Callable[[], Daybook]) -> None:
    book = new_cli().with_settings(DAYBOOK_TITLES="on")
    book("ask", "How do I sharpen a chisel?", "--no-think")

    def titled() -> dict[str, Any] | None:
        one: dict[str, Any] = book("list", "--json").json["conversations"][0]
        return one if one["title_by"] == "model" else None

    wait_until(lambda: titled() is not None, "a title")
    found = titled()
    assert found is not None
    assert found["title"].startswith("Simulated: How do I sharpen")
    [event] = [one for one in book.events() if one["type"] == "conversation.titled"]
    assert (event["actor"], event["source"]) == ("system", "system")
    book("rename", "@last", "My own")
    assert book("list", "--json").json["conversations"][0]["title_by"] == "person"
