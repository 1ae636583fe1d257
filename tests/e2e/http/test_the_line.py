"""The line before the model server over HTTP: shown, kept in order, bounded, and the same for two servers."""

import time
from collections.abc import Iterator
from contextlib import ExitStack

import httpx
import pytest

from infrastructure.simulator.options import SimulatorOptions
from infrastructure.simulator.server import RunningSimulator
from tests.e2e.http.conftest import StartServer
from tests.support.cli_process import Daybook, wait_until
from tests.support.http_client import Reader, ask, conversation
from tests.support.http_server import RunningServer

QUICK, STALL = "deepseek-r1:8b", "simulator-stall"
ONE = {"DAYBOOK_MODEL_CONCURRENCY": "1", "DAYBOOK_QUEUE_LIMIT": "2"}


@pytest.fixture
def two(start_server: StartServer) -> Iterator[tuple[httpx.Client, httpx.Client]]:
    """Clients of two servers on one book, whose model server writes one answer at a time."""
    with ExitStack() as stack:
        here = start_server(settings=ONE, heartbeat_every=0.2)
        there = start_server(database_url=here.database_url, settings=ONE, heartbeat_every=0.2)
        yield stack.enter_context(here.client()), stack.enter_context(there.client())


def cancel(client: httpx.Client, answer_id: str) -> httpx.Response:
    return client.post(f"/api/v1/answers/{answer_id}/cancel")


def test_the_place_in_the_line_is_shown_wherever_somebody_watches(
    two: tuple[httpx.Client, httpx.Client],
) -> None:
    here, there = two
    first = ask(here, "hold the place", model=STALL)["answer_id"]
    second = ask(there, "wait", model=QUICK)["answer_id"]
    third = ask(here, "wait longer", model=QUICK)["answer_id"]

    for client in two:
        readers = [Reader(client, answer_id) for answer_id in (second, third)]
        for reader in readers:
            while not reader.names or reader.events[-1].data.get("status") != "queued":
                reader.read(until=1)
        assert [reader.events[-1].data["position"] for reader in readers] == [1, 2]
        found = client.get(f"/api/v1/answers/{third}").json()
        assert (found["status"], found["position"]) == ("queued", 2)

    assert cancel(there, first).json()["status"] == "cancelled"
    for answer_id in (second, third):
        reader = Reader(there, answer_id)
        reader.read()
        assert reader.end["status"] == "complete"
    assert here.get(f"/api/v1/answers/{third}").json()["position"] is None


def test_a_full_line_refuses_before_anything_is_recorded(two: tuple[httpx.Client, httpx.Client]) -> None:
    here, there = two
    where = conversation(there)
    waiting = [ask(client, "wait", model=STALL)["answer_id"] for client in (here, there, here)]
    for client in two:
        figures = client.get("/metrics").text
        assert "daybook_line_running 1.0\n" in figures
        assert "daybook_line_waiting 2.0\n" in figures

    refused = there.post(f"/api/v1/conversations/{where}/prompts", json={"text": "one too many"})

    assert refused.status_code == 503
    assert int(refused.headers["retry-after"]) > 0
    assert refused.json()["type"] == "/problems/line-full"
    assert "Nothing was recorded" in refused.json()["detail"]
    assert there.get(f"/api/v1/conversations/{where}").json()["messages"] == []
    for answer_id in reversed(waiting):
        assert cancel(there, answer_id).json()["status"] == "cancelled"
    assert ask(there, "now it may", conversation_id=where)["answer_id"]


def test_an_answer_is_cancelled_from_another_server_and_the_model_is_free(
    two: tuple[httpx.Client, httpx.Client], simulator: RunningSimulator
) -> None:
    here, there = two
    answer_id = ask(here, "stop me from elsewhere", model=STALL)["answer_id"]
    reader = Reader(here, answer_id)
    reader.read(until=3)
    follower = Reader(there, answer_id)
    follower.read(until=2)
    active = state(simulator)["active"]

    cancelled = cancel(there, answer_id)

    assert (cancelled.status_code, cancelled.json()["status"]) == (200, "cancelled")
    assert cancelled.json()["thinking"].startswith(reader.thinking)
    assert state(simulator)["active"] == active - 1
    for watcher in (reader, follower):
        watcher.read()
        assert (watcher.names[-1], watcher.end["status"]) == ("done", "cancelled")
        assert (watcher.thinking, watcher.text) == (cancelled.json()["thinking"], cancelled.json()["text"])


def test_an_answer_of_the_command_line_is_cancelled_over_http_and_the_model_is_free(
    server: RunningServer, api: httpx.Client, simulator: RunningSimulator
) -> None:
    cli = Daybook(
        {
            "DAYBOOK_HOME": str(server.book._home.root),
            "DAYBOOK_DATABASE_URL": server.database_url,
            "DAYBOOK_OLLAMA_URL": simulator.url,
        }
    )
    active = state(simulator)["active"]
    asking = cli.begin("ask", "-m", STALL, "stop me from a browser")
    wait_until(lambda: state(simulator)["active"] > active, "the model to be asked")
    [newest] = [one for one in cli.events() if one["type"] == "conversation.answer-started"][-1:]
    messages = api.get(f"/api/v1/conversations/{newest['stream']}").json()["messages"]

    cancelled = cancel(api, messages[-1]["id"])

    assert (cancelled.status_code, cancelled.json()["status"]) == (200, "cancelled")
    wait_until(lambda: state(simulator)["active"] == active, "the model to be free")
    asking.communicate(timeout=30)
    assert asking.returncode == 130


def state(simulator: RunningSimulator) -> dict[str, int]:
    found: dict[str, int] = httpx.get(f"{simulator.url}/simulator/state", trust_env=False).json()
    return found


def test_a_stopping_server_marks_what_waits_as_well(start_server: StartServer) -> None:
    server = start_server(settings=ONE)
    with server.client() as client:
        waiting = [ask(client, f"number {number}", model=STALL)["answer_id"] for number in range(3)]
        began = time.monotonic()
        server.stop()
        assert time.monotonic() - began < 10
    with start_server(database_url=server.database_url).client() as client:
        found = [client.get(f"/api/v1/answers/{answer_id}").json() for answer_id in waiting]
        assert [one["status"] for one in found] == ["interrupted"] * 3
        assert [one["reason"] for one in found] == ["shutdown"] * 3
        again = client.post(f"/api/v1/answers/{waiting[2]}/retry", json={"model": QUICK})
        assert again.status_code == 202
        reader = Reader(client, again.json()["answer_id"])
        reader.read()
        assert reader.end["status"] == "complete"


def test_an_answer_is_tried_again_beside_the_one_that_was_cut(api: httpx.Client) -> None:
    asked = ask(api, "once more", model=QUICK, options={"temperature": 0.25}, think=False)
    Reader(api, asked["answer_id"]).read()

    again = api.post(f"/api/v1/answers/{asked['answer_id']}/retry")

    assert again.status_code == 202
    assert again.json()["prompt_id"] == asked["prompt_id"]
    assert again.json()["answer_id"] != asked["answer_id"]
    reader = Reader(api, again.json()["answer_id"])
    reader.read()
    assert reader.end["status"] == "complete"
    assert not reader.thinking
    messages = api.get(f"/api/v1/conversations/{asked['conversation_id']}").json()["messages"]
    assert [one["id"] for one in messages] == [asked["prompt_id"], reader.answer_id]
    assert api.get(f"/api/v1/answers/{asked['answer_id']}").json()["status"] == "complete"


@pytest.mark.slow
def test_many_who_watch_from_afar_cost_one_reader(start_server: StartServer) -> None:
    options = SimulatorOptions(rate=0, slow_rate=40, fault_models=True)
    with ExitStack() as stack:
        simulator = stack.enter_context(RunningSimulator(options))
        one = start_server(settings={"DAYBOOK_OLLAMA_URL": simulator.url})
        other = start_server(database_url=one.database_url)
        here, there = stack.enter_context(one.client()), stack.enter_context(other.client())
        answer_id = ask(here, "for many", model="simulator-slow")["answer_id"]
        clients = [stack.enter_context(other.client()) for _ in range(5)]
        path = f"/api/v1/answers/{answer_id}/stream"
        streams = [stack.enter_context(client.stream("GET", path)) for client in clients]
        assert len(other.app.state.server.tails._tails) == 1
        readers = [Reader(client, answer_id) for client in clients]
        for reader, response in zip(readers, streams, strict=True):
            for event in reader._parsed(response):
                reader._take(event)
        found = there.get(f"/api/v1/answers/{answer_id}").json()
        assert {(reader.thinking, reader.text) for reader in readers} == {(found["thinking"], found["text"])}
    gone(other)


def gone(server: RunningServer) -> None:
    deadline = time.monotonic() + 10
    while server.app.state.server.tails._tails:
        assert time.monotonic() < deadline, "nobody watches, and it is still read"
        time.sleep(0.02)
