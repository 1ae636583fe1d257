"""Waiting for the model server, stopping from elsewhere and trying again, from the command line."""

from __future__ import annotations

import json

import pytest

from tests.support.cli_process import Daybook, wait_until

pytestmark = pytest.mark.slow


STALL, QUICK = "simulator-stall", "deepseek-r1:8b"


def streaming(daybook: Daybook) -> bool:
    return any(event["type"] == "conversation.answer-started" for event in daybook.events())


def test_an_answer_is_cancelled_from_another_process(empty_daybook: Daybook) -> None:
    daybook = empty_daybook
    asking = daybook.begin("ask", "-m", STALL, "stop me")
    wait_until(lambda: streaming(daybook), "the answer to begin")

    cancelled = daybook("cancel")

    assert cancelled.out.startswith("Cancelled: ")
    _, said = asking.communicate(timeout=30)
    assert asking.returncode == 130
    assert b"Cancelled" in said
    assert daybook.last()["messages"][-1]["status"] == "cancelled"
    assert "had ended before" in daybook("cancel").err
    assert daybook("cancel", "@last", "--json").json["status"] == "cancelled"
    assert daybook("cancel", "abcdef", expect=3).err


def test_a_killed_answer_is_answered_again_beside_what_it_had(empty_daybook: Daybook) -> None:
    daybook = empty_daybook
    asking = daybook.begin("ask", "-m", STALL, "kill me")
    wait_until(lambda: streaming(daybook), "the answer to begin")
    asking.kill()
    asking.communicate(timeout=30)

    again = daybook("retry", "-m", QUICK, "--no-think", "-o", "temperature", "0.1", "--json").json

    assert (again["status"], again["model"]) == ("complete", QUICK)
    shown = daybook.last()["messages"]
    assert [message["kind"] for message in shown] == ["prompt", "answer"]
    assert shown[0]["text"] == "kill me"
    assert shown[1]["text"] == again["text"]
    once_more = daybook("retry", again["answer_id"], "--json").json
    assert (once_more["model"], once_more["thinking"]) == (QUICK, "")
    assert once_more["prompt_id"] == again["prompt_id"]


def test_who_waits_for_the_model_server_is_told_the_place(empty_daybook: Daybook) -> None:
    daybook = empty_daybook
    first = daybook.begin("ask", "-m", STALL, "hold the place")
    wait_until(lambda: streaming(daybook), "the answer to begin")
    second = daybook.begin("ask", "-m", QUICK, "wait", "--json")
    wait_until(lambda: daybook("list", "--json").out.count("message_count") == 2, "the second to wait")

    daybook("cancel", daybook.events()[2]["stream"][-8:], expect=None)
    listed = daybook("list", "--json").json["conversations"]
    for one in listed:
        if one["title"] == "hold the place":
            daybook("cancel", one["id"])

    out, said = second.communicate(timeout=30)
    assert second.returncode == 0
    assert json.loads(out)["status"] == "complete"
    assert b"number 1 in the line" in said
    first.communicate(timeout=30)


def test_a_full_line_refuses_and_records_nothing(empty_daybook: Daybook) -> None:
    daybook = empty_daybook.with_settings(DAYBOOK_QUEUE_LIMIT="1")
    waiting = []
    for number in (1, 2):
        waiting.append(daybook.begin("ask", "-m", STALL, f"number {number}"))
        wait_until(
            lambda number=number: daybook("list", "--json").out.count("message_count") == number, "to wait"
        )
    size = daybook.log_size()

    refused = daybook("ask", "one too many", expect=5)

    assert "Nothing was recorded" in refused.err
    assert daybook.log_size() == size
    for process in waiting:
        process.kill()
        process.communicate(timeout=30)


def test_a_terminal_shows_the_place_in_the_line(empty_daybook: Daybook) -> None:
    daybook = empty_daybook
    first = daybook.begin("ask", "-m", STALL, "hold the place")
    wait_until(lambda: streaming(daybook), "the answer to begin")
    terminal = daybook.on_terminal("ask", "-m", QUICK, "--no-think", "wait")
    terminal.expect("number 1 in the line")
    first.kill()
    first.communicate(timeout=30)
    terminal.expect("simulator")
    terminal.wait()
