"""What `daybook replay` promises: the same context, once each however it is broken off, and a verdict."""

from __future__ import annotations

import random
import signal
import time
from collections.abc import Callable
from pathlib import Path

import pytest

from tests.support.cli_process import Daybook, wait_until


@pytest.fixture
def book(new_cli: Callable[[], Daybook]) -> Daybook:
    return new_cli()


def asked(book: Daybook, count: int) -> str:
    """Ask and be answered; return the conversation's id."""
    first = book("ask", "--json", "Question 0: why?").json
    for number in range(1, count):
        book("ask", "-c", "--json", f"Question {number}: why?")
    found: str = first["conversation_id"]
    return found


def test_the_same_seed_gives_the_same_and_another_says_which_differ(book: Daybook) -> None:
    conversation_id = asked(book, 3)
    before = book("show", conversation_id, "--json").json
    same = book("replay", conversation_id, "--json").json
    assert (same["status"], same["prompt_count"], same["identical_count"]) == ("complete", 3, 3)
    other = book("replay", "--last", "2", "--seed", "99", "--repeat", "2", "--json").json
    assert (other["prompt_count"], other["run_count"], other["identical_count"]) == (2, 4, 0)
    found = book("replay", "diff", other["replay_id"], "--json").json
    assert [len(one["runs"]) for one in found["prompts"]] == [2, 2]
    answers = {one["id"]: one for one in before["messages"] if one["kind"] == "answer"}
    assert {one["old"]["answer_id"] for one in found["prompts"]} < set(answers)
    assert all(one["old"]["text"] == answers[one["old"]["answer_id"]]["text"] for one in found["prompts"])
    assert all(run["new"]["text"] for one in found["prompts"] for run in one["runs"])
    assert "not reached" in book("replay", "diff", "@last", "--fail-under", "0.5", expect=7).err
    book("replay", "diff", same["replay_id"], "--fail-under", "1", expect=0)
    assert book("show", conversation_id, "--json").json == before  # nothing of the book was changed


@pytest.mark.slow
def test_one_that_is_killed_again_and_again_asks_each_prompt_once(book: Daybook) -> None:
    asked(book, 4)
    chance = random.Random(5)
    process = book.begin("replay", "--last", "4", "-m", "simulator-slow", "--json")
    wait_until(lambda: bool(book("replay", "list", "--json").json["replays"]), "a replay")
    for _ in range(2):
        time.sleep(chance.uniform(0.2, 1.2))
        process.kill()
        process.communicate()
        found = book("replay", "show", "--json").json
        if found["status"] == "complete":
            break
        assert found["status"] == "stopped"
        process = book.begin("replay", "resume")
    process.communicate(timeout=120)
    if book("replay", "show", "--json").json["status"] != "complete":
        book("replay", "resume")
    found = book("replay", "show", "--json").json
    assert (found["status"], found["run_count"], found["prompt_count"]) == ("complete", 4, 4)
    events = [one["type"] for one in book.events() if one["type"].startswith("replay.")]
    assert events.count("replay.prompt-answered") == 4
    assert events.count("replay.completed") == 1
    assert "is complete" in book("replay", "resume", expect=4).err


@pytest.mark.slow
def test_ctrl_c_says_how_to_go_on_and_a_cancel_ends_it_elsewhere(book: Daybook) -> None:
    asked(book, 2)
    process = book.begin("replay", "--last", "2", "-m", "simulator-stall")
    wait_until(lambda: bool(book("replay", "list", "--json").json["replays"]), "a replay")
    wait_until(lambda: book("replay", "show", "--json").json["status"] == "running", "its start")
    assert "run by another process" in book("replay", "resume", expect=4).err.replace("being run", "run")
    process.send_signal(signal.SIGINT)
    _, err = process.communicate(timeout=30)
    assert process.returncode == 130
    assert b"daybook replay resume" in err
    process = book.begin("replay", "resume")
    wait_until(lambda: book("replay", "show", "--json").json["status"] == "running", "its start")
    book("replay", "cancel")
    out, err = process.communicate(timeout=30)
    assert b"cancelled" in out + err  # in the moment of its start it is told that it was cancelled
    assert process.returncode in {0, 4}, err


def test_what_was_erased_is_skipped_and_an_erased_replay_says_nothing_more(book: Daybook) -> None:
    gone, stays = asked(book, 1), asked(book, 1)
    process = book.begin("replay", "--last", "2", "-m", "simulator-stall")
    wait_until(lambda: bool(book("replay", "list", "--json").json["replays"]), "a replay")
    process.kill()
    process.communicate()
    book("erase", gone, "--yes")
    assert book("replay", "--last", "2", "--json").json["prompt_count"] == 1
    replay_id = book("replay", "show", "--json").json["replay_id"]
    assert stays[-8:] in book("replay", "diff", replay_id, "--json").out
    book("replay", "erase", replay_id, "--yes")
    shown = book("replay", "diff", replay_id, "--json").json
    assert [run["new"]["text"] for one in shown["prompts"] for run in one["runs"]] == [None]
    assert "was erased" in book("replay", "show", replay_id).out


def test_a_page_is_written_and_wrong_arguments_are_told(book: Daybook, tmp_path: Path) -> None:
    asked(book, 1)
    book("replay", "@last", "--seed", "3")
    page = tmp_path / "page.html"
    book("replay", "diff", "@last", "--html", str(page))
    assert "<svg" in page.read_text()
    assert "one of them" in book("replay", "start", "--last", "1", "@last", expect=2).err
    assert "no answer" in book("replay", "--search", "zebra", expect=2).err
    assert "models pull" in book("replay", "--last", "1", "-m", "none-such", expect=5).err
    assert "cannot be read" in book("replay", "--last", "1", "--instructions", "/nowhere", expect=2).err
