"""An answer's life over HTTP: it belongs to the server, whoever watches, leaves, comes back or stops it."""

import time
from contextlib import ExitStack
from uuid import uuid4

import httpx
import pytest

from infrastructure.simulator.options import SimulatorOptions
from infrastructure.simulator.server import RunningSimulator
from tests.e2e.http.conftest import StartServer
from tests.support.http_client import Reader, answered, ask, conversation
from tests.support.http_server import RunningServer

SLOW = "simulator-slow"


def wait_for(client: httpx.Client, answer_id: str, status: str, seconds: float = 10) -> dict:
    deadline = time.monotonic() + seconds
    while True:
        found = client.get(f"/api/v1/answers/{answer_id}").json()
        if found["status"] == status:
            return found
        assert time.monotonic() < deadline, f"still {found['status']}"
        time.sleep(0.05)


def test_a_prompt_is_accepted_and_its_answer_streamed_to_the_end(api: httpx.Client) -> None:
    where = conversation(api, title="Rivers")
    response = api.post(
        f"/api/v1/conversations/{where}/prompts", json={"text": "Which river is the longest?"}
    )
    assert response.status_code == 202
    asked = response.json()
    assert response.headers["location"] == f"/api/v1/answers/{asked['answer_id']}"
    assert int(response.headers["daybook-log-size"]) == asked["log_size"] > 0
    assert asked["conversation_id"] == where
    assert not asked["replayed"]

    reader = Reader(api, asked["answer_id"])
    assert reader.read() == 200
    assert reader.names[0] == "status"
    assert set(reader.names[1:-1]) == {"delta"}
    assert reader.names[-1] == "done"
    assert reader.end["status"] == "complete"
    assert reader.end["usage"]["completion_tokens"] > 0
    assert "simulator" in reader.text
    assert reader.thinking

    found = api.get(response.headers["location"]).json()
    assert (found["status"], found["text"], found["thinking"]) == ("complete", reader.text, reader.thinking)
    assert found["prompt_id"] == asked["prompt_id"]
    shown = api.get(f"/api/v1/conversations/{where}").json()
    assert [message["kind"] for message in shown["messages"]] == ["prompt", "answer"]
    assert shown["messages"][1]["text"] == reader.text
    assert shown["title"] == "Rivers"


def test_every_id_says_how_many_characters_were_sent(api: httpx.Client) -> None:
    reader = answered(api, "count", model=SLOW)
    thinking = text = 0
    for event in reader.events:
        if event.name == "delta":
            thinking += len(event.data.get("thinking", ""))
            text += len(event.data.get("text", ""))
            assert event.id == f"{thinking}.{text}"
    assert reader.last_id == f"{len(reader.thinking)}.{len(reader.text)}.end"


def test_who_comes_back_in_the_middle_gets_every_character_once(api: httpx.Client) -> None:
    reader = Reader(api, ask(api, "a long story", model=SLOW)["answer_id"])
    while True:
        assert reader.read(until=3) == 200
        if reader.names[-1] == "done":
            break
    found = api.get(f"/api/v1/answers/{reader.answer_id}").json()
    assert (reader.thinking, reader.text) == (found["thinking"], found["text"])
    assert "reset" not in reader.names


def test_a_second_watcher_sees_the_same_from_the_beginning(api: httpx.Client, server: RunningServer) -> None:
    first = Reader(api, ask(api, "for two", model=SLOW)["answer_id"])
    first.read(until=5)
    with server.client() as other:
        second = Reader(other, first.answer_id)
        second.read()
    first.read()
    assert (first.thinking, first.text) == (second.thinking, second.text)
    assert first.end["usage"] == second.end["usage"]
    assert first.last_id == second.last_id


def test_an_answer_goes_on_without_watchers(api: httpx.Client, server: RunningServer) -> None:
    with server.client() as tab:
        answer_id = ask(tab, "nobody looks", model=SLOW)["answer_id"]
        Reader(tab, answer_id).read(until=2)
    assert api.get(f"/api/v1/answers/{answer_id}").json()["status"] == "streaming"
    assert wait_for(api, answer_id, "complete")["text"]


def test_an_ended_answer_is_streamed_from_the_transcript(api: httpx.Client) -> None:
    first = answered(api, "once more")
    again = Reader(api, first.answer_id)
    assert again.read() == 200
    assert (again.thinking, again.text, again.last_id) == (first.thinking, first.text, first.last_id)
    half = Reader(api, first.answer_id, last_id=f"{len(first.thinking)}.3")
    half.read()
    assert half.text == first.text[3:]


def test_who_has_everything_is_told_so(api: httpx.Client) -> None:
    reader = answered(api, "the end")
    assert reader.read() == 204
    assert Reader(api, reader.answer_id, last_id="999999.999999").read() == 204


def test_who_took_thinking_for_text_and_comes_back_after_the_end_starts_anew(api: httpx.Client) -> None:
    reader = answered(api, "think aloud", model="simulator-unopened")
    late = Reader(api, reader.answer_id, text="x" * 9999, last_id="0.9999")
    assert late.read() == 200
    assert (late.thinking, late.text) == (reader.thinking, reader.text)


def test_who_lacks_only_the_end_gets_it(api: httpx.Client) -> None:
    reader = answered(api, "the end")
    behind = Reader(api, reader.answer_id, last_id=reader.last_id.removesuffix(".end"))
    assert behind.read() == 200
    assert behind.names == ["status", "done"]


def test_an_unknown_answer_is_not_found(api: httpx.Client) -> None:
    for path in ("", "/stream"):
        response = api.get(f"/api/v1/answers/{uuid4()}{path}")
        assert response.status_code == 404
        assert response.headers["content-type"] == "application/problem+json"
    prompt = ask(api, "I am no answer")["prompt_id"]
    assert api.get(f"/api/v1/answers/{prompt}").status_code == 404


def test_an_event_id_that_is_none_is_refused(api: httpx.Client) -> None:
    reader = answered(api, "hello")
    assert Reader(api, reader.answer_id, last_id="banana").read() == 422


def test_a_cancelled_answer_keeps_what_it_has(api: httpx.Client) -> None:
    reader = Reader(api, ask(api, "stop soon", model=SLOW)["answer_id"])
    reader.read(until=4)
    began = time.monotonic()
    response = api.post(f"/api/v1/answers/{reader.answer_id}/cancel")
    assert response.status_code == 200
    assert time.monotonic() - began < 3
    cancelled = response.json()
    assert cancelled["status"] == "cancelled"
    assert cancelled["thinking"].startswith(reader.thinking)
    reader.read()
    assert (reader.names[-1], reader.end["status"]) == ("done", "cancelled")
    assert reader.end["reason"] == "cancelled"
    assert cancelled["reason"] == "cancelled"
    assert reader.thinking == cancelled["thinking"]
    again = api.post(f"/api/v1/answers/{reader.answer_id}/cancel")
    assert (again.status_code, again.json()["status"]) == (200, "cancelled")


def test_thinking_that_was_taken_for_text_is_sent_again_after_a_reset(api: httpx.Client) -> None:
    reader = answered(api, "think aloud", model="simulator-unopened")
    found = api.get(f"/api/v1/answers/{reader.answer_id}").json()
    assert found["thinking"]
    assert (reader.thinking, reader.text) == (found["thinking"], found["text"])


def test_odd_characters_survive_the_way(api: httpx.Client) -> None:
    reader = answered(api, "be odd", model="simulator-odd-text")
    found = api.get(f"/api/v1/answers/{reader.answer_id}").json()
    assert "\u2028" in found["text"]
    assert reader.text == found["text"]


@pytest.mark.parametrize("model", ["simulator-failing", "simulator-cut", "simulator-garbage", "missing:1b"])
def test_a_failed_answer_says_why_and_keeps_what_came(api: httpx.Client, model: str) -> None:
    reader = answered(api, "break", model=model)
    assert reader.names[-1] == "failed"
    assert reader.end["status"] == "failed"
    assert reader.end["reason"] == api.get(f"/api/v1/answers/{reader.answer_id}").json()["reason"]
    assert reader.end["detail"]
    found = api.get(f"/api/v1/answers/{reader.answer_id}").json()
    assert (found["status"], found["text"]) == ("failed", reader.text)


def test_a_prompt_can_be_answered_again(api: httpx.Client) -> None:
    asked = ask(api, "twice", model="simulator-failing")
    Reader(api, asked["answer_id"]).read()
    path = f"/api/v1/conversations/{asked['conversation_id']}/prompts/{asked['prompt_id']}/answers"
    response = api.post(path, json={"model": "deepseek-r1:8b"})
    assert response.status_code == 202
    again = Reader(api, response.json()["answer_id"])
    again.read()
    assert again.end["status"] == "complete"
    assert again.answer_id != asked["answer_id"]


def test_a_silent_stream_is_kept_open_by_comments(api: httpx.Client) -> None:
    answer_id = ask(api, "say nothing", model="simulator-stall")["answer_id"]
    path = f"/api/v1/answers/{answer_id}/stream"
    with api.stream("GET", path) as response:
        assert response.headers["x-accel-buffering"] == "no"
        assert response.headers["cache-control"] == "no-store"
        lines = response.iter_lines()
        seen = 0
        while seen < 3:
            seen += next(lines).startswith(":")
    api.post(f"/api/v1/answers/{answer_id}/cancel")


def test_a_stopping_server_ends_answers_and_tells_their_watchers(start_server: StartServer) -> None:
    server = start_server()
    with server.client() as client:
        asked = ask(client, "not to the end", model="simulator-stall")
        reader = Reader(client, asked["answer_id"])
        reader.read(until=3)
        began = time.monotonic()
        with server.client() as watcher:
            watching = Reader(watcher, asked["answer_id"])
            path = f"/api/v1/answers/{asked['answer_id']}/stream"
            with watcher.stream("GET", path) as response:
                server.server.should_exit = True
                for event in watching._parsed(response):
                    watching._take(event)
        assert (watching.names[-1], watching.end["status"]) == ("failed", "interrupted")
        server.stop()
        assert time.monotonic() - began < 10
    with start_server(database_url=server.database_url).client() as client:
        found = client.get(f"/api/v1/answers/{asked['answer_id']}").json()
        assert found["status"] == "interrupted"
        assert (found["thinking"], found["text"]) == (watching.thinking, watching.text)
        again = ask(client, "go on", conversation_id=asked["conversation_id"], model="deepseek-r1:8b")
        assert again["conversation_id"] == asked["conversation_id"]


@pytest.mark.slow
def test_an_answer_of_another_process_is_streamed_from_what_it_saves(start_server: StartServer) -> None:
    # Slow enough that a loaded machine comes to the cancellation before the end.
    options = SimulatorOptions(rate=0, slow_rate=25, fault_models=True)
    with ExitStack() as stack:
        simulator = stack.enter_context(RunningSimulator(options))
        one = start_server(settings={"DAYBOOK_OLLAMA_URL": simulator.url})
        other = start_server(database_url=one.database_url)
        here, there = stack.enter_context(one.client()), stack.enter_context(other.client())
        answer_id = ask(here, "seen from afar", model=SLOW)["answer_id"]
        watching = Reader(there, answer_id)
        watching.read(until=3)
        assert "delta" in watching.names
        watching.read()
        assert watching.end["status"] == "complete"
        found = here.get(f"/api/v1/answers/{answer_id}").json()
        assert (watching.thinking, watching.text) == (found["thinking"], found["text"])
        assert "reset" not in watching.names
