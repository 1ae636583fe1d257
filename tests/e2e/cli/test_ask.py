"""One prompt, from the command line into the book and back."""

from __future__ import annotations

from tests.support.cli_process import Daybook, read_some, wait_until

ASK_KEYS = {
    "conversation_id",
    "prompt_id",
    "answer_id",
    "model",
    "status",
    "text",
    "thinking",
    "usage",
    "timings",
}


def test_what_was_asked_is_listed_shown_found_and_logged(empty_daybook: Daybook) -> None:
    daybook = empty_daybook
    answered = daybook("ask", "Which zebra is striped?", "--json").json
    assert ASK_KEYS | {"log_size"} <= answered.keys()
    assert answered["status"] == "complete"
    assert set(answered["usage"]) == {"prompt_tokens", "completion_tokens"}
    assert all(key.endswith("_ms") for key in answered["timings"])

    (listed,) = daybook("list", "--json").json["conversations"]
    assert listed["id"] == answered["conversation_id"]
    assert listed["message_count"] == 2
    assert listed["updated_at"].endswith("Z")

    shown = daybook("show", listed["id"][-8:], "--json").json
    prompt, answer = shown["messages"]
    assert (prompt["kind"], prompt["text"], prompt["parent_id"]) == (
        "prompt",
        "Which zebra is striped?",
        None,
    )
    assert (answer["id"], answer["parent_id"]) == (answered["answer_id"], answered["prompt_id"])
    assert (answer["text"], answer["thinking"]) == (answered["text"], answered["thinking"])

    results = daybook("search", "zebra", "--json").json["results"]
    assert {found["message_id"] for found in results} >= {prompt["id"]}
    assert all("«zebra»" in found["snippet"] for found in results)

    events = daybook.events()
    assert [event["type"] for event in events] == [
        "conversation.started",
        "conversation.prompt-added",
        "conversation.answer-started",
        "conversation.answer-completed",
    ]
    assert [event["log_index"] for event in events] == [0, 1, 2, 3]
    assert {event["stream"] for event in events} == {answered["conversation_id"]}
    assert len({event["correlation_id"] for event in events}) == 1
    assert answered["log_size"] == 4


def test_a_pipe_gets_the_bare_text_of_the_answer(daybook: Daybook) -> None:
    ran = daybook("ask", "hello")
    assert ran.out.strip() == daybook.last()["messages"][-1]["text"]
    assert "\x1b" not in ran.out
    assert not ran.err


def test_what_is_piped_in_becomes_the_material_of_the_question(daybook: Daybook) -> None:
    daybook("ask", "What is this?", stdin=b"one\ntwo ``` three\n")
    assert daybook.last()["messages"][0]["text"] == "What is this?\n\n````\none\ntwo ``` three\n````"


def test_a_pipe_alone_is_the_question(daybook: Daybook) -> None:
    daybook("ask", stdin="\ufeffgrüß dich\r\n".encode())
    assert daybook.last()["messages"][0]["text"] == "grüß dich"


def test_a_conversation_goes_on_with_continue_or_by_its_id(daybook: Daybook) -> None:
    first = daybook("ask", "one", "--json").json
    second = daybook("ask", "-c", "two", "--json").json
    third = daybook("ask", "--cid", first["conversation_id"][:-4], "three", "--json", expect=None)
    assert second["conversation_id"] == first["conversation_id"]
    assert third.json["conversation_id"] == first["conversation_id"]
    assert [message["text"] for message in daybook.last()["messages"][::2]] == ["one", "two", "three"]


def test_only_the_first_code_block_is_printed_with_extract(daybook: Daybook) -> None:
    ran = daybook("ask", "-x", "some python code")
    assert ran.out.startswith("def answer")
    assert "```" not in ran.out
    without = daybook("ask", "-x", "hello", expect=1)
    assert not without.out
    assert "no code block" in without.err


def test_without_streaming_the_same_is_printed(daybook: Daybook) -> None:
    ran = daybook("ask", "--no-stream", "hello again")
    assert ran.out.strip() == daybook.last()["messages"][-1]["text"]


def test_thinking_can_be_turned_off(daybook: Daybook) -> None:
    assert daybook("ask", "--think", "hello", "--json").json["thinking"]
    assert not daybook("ask", "--no-think", "hello", "--json").json["thinking"]


def test_instructions_and_options_reach_the_model(daybook: Daybook) -> None:
    answered = daybook("ask", "-s", "Be brief.", "-o", "num_predict", "7", "hello", "--json").json
    assert answered["usage"]["completion_tokens"] <= 7
    assert (
        "instructions to follow"
        in daybook("ask", "-s", "Be brief.", "--no-think", "hi", "--json").json["text"]
    )


def test_a_key_asks_only_once(daybook: Daybook) -> None:
    first = daybook("ask", "--idempotency-key", "k1", "once", "--json").json
    size = daybook.log_size()
    second = daybook("ask", "--idempotency-key", "k1", "once", "--json").json
    assert (second["answer_id"], second["text"], second["replayed"]) == (
        first["answer_id"],
        first["text"],
        True,
    )
    other = daybook("ask", "--idempotency-key", "k1", "something else", expect=4)
    assert "was used before" in other.err
    assert daybook.log_size() == size


def test_a_closed_pipe_ends_quietly_and_the_answer_is_whole(daybook: Daybook) -> None:
    process = daybook.begin("ask", "-m", "simulator-slow", "hello closed pipe")
    assert read_some(process)
    assert process.stdout is not None
    process.stdout.close()
    assert process.wait(60) == 0
    assert process.stderr is not None
    assert process.stderr.read() == b""
    process.stderr.close()
    answer = daybook.last()["messages"][-1]
    assert answer["status"] == "complete"
    assert answer["text"].startswith("This is Daybook's simulator")


def test_a_killed_process_leaves_an_answer_that_the_next_command_closes(daybook: Daybook) -> None:
    process = daybook.begin("ask", "-m", "simulator-slow", "--no-think", "hello killed one")
    assert read_some(process, 4)
    wait_until(lambda: len(read_some(process, 100)) > 0, "more text")
    read_some(process, 200)
    process.kill()
    process.communicate()
    shown = daybook.last()
    prompt, answer = shown["messages"]
    assert prompt["text"] == "hello killed one"
    assert answer["status"] == "interrupted"
    again = daybook("ask", "-c", "go on", "--json").json
    assert (again["status"], again["conversation_id"]) == ("complete", shown["id"])
