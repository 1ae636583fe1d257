"""The simulator as clients meet it: the `ollama` client, and plain HTTP where that hides the wire."""

from __future__ import annotations

import asyncio
import json
import re
import signal
import subprocess
import sys
import time
from collections.abc import Iterator
from pathlib import Path
from typing import Any

import httpx
import ollama
import pytest

from application.errors import ModelServerError
from infrastructure.simulator.answers import OPENING
from infrastructure.simulator.options import Mode, SimulatorOptions
from infrastructure.simulator.server import RunningSimulator

MODEL = "deepseek-r1:8b"
ASKED = [{"role": "user", "content": "Write some python code and a list of ideas"}]


@pytest.fixture(scope="module")
def url() -> Iterator[str]:
    with RunningSimulator(SimulatorOptions(rate=0, pull_seconds=0.05, fault_models=True)) as running:
        yield running.url


@pytest.fixture
def client(url: str) -> Iterator[ollama.Client]:
    with ollama.Client(url, timeout=10) as connected:
        yield connected


def post(url: str, path: str, body: dict[str, Any]) -> httpx.Response:
    return httpx.post(url + path, json=body, timeout=10)


def lines(response: httpx.Response) -> list[dict[str, Any]]:
    return [json.loads(line) for line in response.content.split(b"\n") if line]


def state(url: str) -> dict[str, int]:
    found: dict[str, int] = httpx.get(f"{url}/simulator/state").json()
    return found


def test_the_ollama_client_streams_a_chat_with_thinking_first(client: ollama.Client) -> None:
    parts = list(client.chat(MODEL, ASKED, stream=True))
    text = "".join(part.message.content or "" for part in parts)
    first_text = next(number for number, part in enumerate(parts) if part.message.content)
    assert text.startswith(OPENING)
    assert "```python\n" in text
    assert "\n1. " in text
    assert all(part.message.thinking for part in parts[:first_text])
    assert not any(part.message.thinking for part in parts[first_text:])
    assert [part.done for part in parts] == [False] * (len(parts) - 1) + [True]
    assert parts[-1].done_reason == "stop"
    assert parts[-1].eval_count == len(parts) - 1
    assert parts[-1].total_duration


def test_the_ollama_client_gets_the_same_answer_whole(client: ollama.Client) -> None:
    streamed = "".join(part.message.content or "" for part in client.chat(MODEL, ASKED, stream=True))
    whole = client.chat(MODEL, ASKED)
    assert whole.message.content == streamed
    assert whole.message.thinking


def test_thinking_can_be_turned_off(client: ollama.Client) -> None:
    assert client.chat(MODEL, ASKED, think=False).message.thinking is None


def test_the_ollama_client_generates(client: ollama.Client) -> None:
    assert client.generate(MODEL, "Hello?", system="Be brief.").response.startswith(OPENING)
    assert "".join(part.response for part in client.generate(MODEL, "Hello?", stream=True)).startswith(
        OPENING
    )


def test_the_ollama_client_pulls_uses_and_deletes_a_model(client: ollama.Client) -> None:
    progress = list(client.pull("all-minilm", stream=True))
    statuses = list(dict.fromkeys(step.status for step in progress))
    assert statuses[0] == "pulling manifest"
    assert re.fullmatch(r"pulling [0-9a-f]{12}", statuses[1] or "")
    assert statuses[-3:] == ["verifying sha256 digest", "writing manifest", "success"]
    assert "all-minilm:latest" in {model.model for model in client.list().models}
    embedded = client.embed("all-minilm", ["a red house", "the red house", "stock prices"]).embeddings
    near, far = (sum(a * b for a, b in zip(embedded[0], embedded[n], strict=True)) for n in (1, 2))
    assert near > far
    client.delete("all-minilm")
    with pytest.raises(ollama.ResponseError, match="not found"):
        client.show("all-minilm")


def test_a_failed_pull_is_a_line_in_an_answer_of_200(url: str) -> None:
    response = post(url, "/api/pull", {"model": "nobody-offers-this"})
    assert response.status_code == 200
    assert lines(response)[-1] == {"error": "pull model manifest: file does not exist"}


def test_loaded_models_are_listed_until_they_are_unloaded(client: ollama.Client) -> None:
    client.chat("deepseek-r1:1.5b", [], keep_alive=-1, options={"num_ctx": 2048})
    loaded = {model.model: model for model in client.ps().models}
    assert loaded["deepseek-r1:1.5b"].context_length == 2048
    assert client.chat("deepseek-r1:1.5b", [], keep_alive=0).done_reason == "unload"
    assert "deepseek-r1:1.5b" not in {model.model for model in client.ps().models}


def test_the_same_seed_and_request_give_the_same_bytes_but_for_times(url: str) -> None:
    def answer(**changes: Any) -> list[dict[str, Any]]:
        told = lines(post(url, "/api/chat", {"model": MODEL, "messages": ASKED, **changes}))
        return [line["message"] for line in told]

    assert answer() == answer()
    assert answer(options={"seed": 1}) == answer(options={"seed": 1})
    assert len({json.dumps(answer(options={"seed": seed})) for seed in range(5)}) > 1
    with RunningSimulator(SimulatorOptions(rate=0, seed=7)) as other:
        told = lines(post(other.url, "/api/chat", {"model": MODEL, "messages": ASKED}))
    with RunningSimulator(SimulatorOptions(rate=0, seed=7)) as again:
        assert [line["message"] for line in told] == [
            line["message"]
            for line in lines(post(again.url, "/api/chat", {"model": MODEL, "messages": ASKED}))
        ]


def test_the_wire_is_written_as_go_writes_it(url: str) -> None:
    response = post(url, "/api/chat", {"model": "simulator-odd-text", "messages": ASKED})
    assert response.headers["content-type"] == "application/x-ndjson"
    assert response.headers["transfer-encoding"] == "chunked"
    raw = response.content
    assert "\x85".encode() in raw
    assert rb"\u2028" in raw
    assert rb"\ud83d" in raw
    assert rb"\u003cb\u003e" in raw
    assert not set(raw) & set(b"<>&")
    assert "😀".encode() in raw
    assert re.fullmatch(r"\d{4}-\d\d-\d\dT\d\d:\d\d:\d\d\.\d{9}Z", lines(response)[0]["created_at"])


@pytest.mark.parametrize(
    ("path", "body", "status", "error"),
    [
        ("/api/chat", b"", 400, "missing request body"),
        ("/api/chat", b"{", 400, "Expecting property name"),
        ("/api/chat", b"{}", 400, "model is required"),
        ("/api/chat", b'{"model":"nope"}', 404, "model 'nope' not found"),
        ("/api/show", b'{"name":"nope"}', 404, "model 'nope' not found"),
        ("/api/chat", b'{"model":"deepseek-r1:8b","think":"much"}', 400, "invalid think value"),
        ("/api/chat", b'{"model":"deepseek-r1:8b","options":{"num_ctx":"big"}}', 500, "must be of type"),
        ("/api/chat", b'{"model":"deepseek-r1:8b","keep_alive":"soon"}', 400, "invalid duration"),
        ("/api/embed", b'{"model":"deepseek-r1:8b","input":"x"}', 501, "does not support embeddings"),
        ("/api/chat", b'{"model":"simulator-busy"}', 503, "server busy, please try again."),
    ],
)
def test_what_ollama_refuses_is_refused_likewise(
    url: str, path: str, body: bytes, status: int, error: str
) -> None:
    response = httpx.post(url + path, content=body)
    assert response.status_code == status
    assert error in response.json()["error"]


def test_a_context_that_is_too_small_is_an_error_only_without_truncation(url: str) -> None:
    turns = [{"role": "user", "content": "word " * 300}, {"role": "assistant", "content": "yes"}, *ASKED]
    body = {"model": MODEL, "messages": turns, "options": {"num_ctx": 64}}
    refused = post(url, "/api/chat", {**body, "truncate": False})
    assert (refused.status_code, refused.json()) == (
        400,
        {"error": "the input length exceeds the context length"},
    )
    cut = lines(post(url, "/api/chat", body))
    assert cut[-1]["prompt_eval_count"] <= 64


def test_the_number_of_tokens_can_be_limited_and_fixed(url: str) -> None:
    body = {"model": MODEL, "messages": ASKED, "think": False, "options": {"num_predict": 5}}
    told = lines(post(url, "/api/chat", body))
    assert (len(told), told[-1]["done_reason"], told[-1]["eval_count"]) == (6, "length", 5)
    with RunningSimulator(SimulatorOptions(rate=0, tokens=1000)) as fixed:
        told = lines(post(fixed.url, "/api/chat", {**body, "options": {}}))
        assert (told[-1]["done_reason"], told[-1]["eval_count"]) == ("stop", 1000)


def test_plain_routes_and_unknown_ones(url: str) -> None:
    assert httpx.get(url).text == "Ollama is running"
    assert httpx.head(url).status_code == 200
    assert "simulator" in httpx.get(f"{url}/api/version").json()["version"]
    missing = httpx.get(f"{url}/api/nothing")
    assert (missing.status_code, missing.text) == (404, "404 page not found")
    assert missing.headers["content-type"].startswith("text/plain")


@pytest.mark.parametrize(("host", "status"), [("localhost:1", 200), ("[::1]:80", 200), ("evil.example", 403)])
def test_a_foreign_host_is_refused_on_loopback(url: str, host: str, status: int) -> None:
    assert httpx.get(f"{url}/api/version", headers={"Host": host}).status_code == status


def test_leaving_stops_the_generation() -> None:
    async def main(url: str) -> None:
        client = ollama.AsyncClient(url)
        stream = await client.chat(MODEL, ASKED, stream=True)
        await anext(stream)
        assert (await asyncio.to_thread(state, url))["active"] == 1
        await stream.aclose()
        await asyncio.sleep(0.1)
        left = await asyncio.to_thread(state, url)
        await asyncio.sleep(0.2)
        assert await asyncio.to_thread(state, url) == left
        assert (left["active"], left["cancelled"]) == (0, 1)
        await client._client.aclose()

    with RunningSimulator(SimulatorOptions(rate=50)) as slow:
        asyncio.run(main(slow.url))


def test_requests_beyond_the_queue_are_refused_while_the_model_loads_and_never_after() -> None:
    async def main(url: str) -> list[int]:
        body = {"model": MODEL, "messages": ASKED, "options": {"num_predict": 1}}
        async with httpx.AsyncClient(base_url=url, timeout=10) as client:
            asked = (client.post("/api/chat", json=body) for _ in range(10))
            return sorted(response.status_code for response in await asyncio.gather(*asked))

    with RunningSimulator(SimulatorOptions(rate=0, load_seconds=0.3, max_queue=2)) as loading:
        assert asyncio.run(main(loading.url)) == [200] * 3 + [503] * 7
        assert asyncio.run(main(loading.url)) == [200] * 10


def test_the_servers_mode_holds_for_every_model() -> None:
    with RunningSimulator(SimulatorOptions(rate=0, mode=Mode.FAILING)) as failing:
        told = lines(post(failing.url, "/api/chat", {"model": MODEL, "messages": ASKED}))
        assert list(told[-1]) == ["error"]
        whole = post(failing.url, "/api/chat", {"model": MODEL, "messages": ASKED, "stream": False})
        assert whole.status_code == 500


def test_a_script_answers_the_prompts_it_knows(tmp_path: Path) -> None:
    script = tmp_path / "script.json"
    entries = [
        {"prompt": "Ping", "text": "Pong, scripted.", "thinking": "Easy."},
        {"contains": "paced", "chunks": ["one ", {"text": "two", "delay_ms": 200}], "reason": "length"},
        {"contains": "fail", "text": "So far", "error": "scripted failure"},
        {"contains": "cut", "text": "So far", "end": "cut"},
        {"model": "deepseek-r1", "contains": "who", "text": "The family."},
    ]
    script.write_text(json.dumps({"answers": entries}))
    with RunningSimulator(SimulatorOptions(rate=0, script=script)) as scripted:

        def ask(text: str) -> list[dict[str, Any]]:
            body = {"model": MODEL, "messages": [{"role": "user", "content": text}]}
            return lines(post(scripted.url, "/api/chat", body))

        def said(told: list[dict[str, Any]], key: str = "content") -> str:
            return "".join(line["message"].get(key, "") for line in told if "message" in line)

        assert said(ask("Ping")) == "Pong, scripted."
        assert said(ask("Ping"), "thinking") == "Easy."
        began = time.monotonic()
        paced = ask("A paced one")
        assert time.monotonic() - began > 0.2
        assert ([line["message"]["content"] for line in paced], paced[-1]["done_reason"]) == (
            ["one ", "two", ""],
            "length",
        )
        failed = ask("Please fail")
        assert (said(failed), failed[-1]) == ("So far", {"error": "scripted failure"})
        with pytest.raises(httpx.RemoteProtocolError):
            ask("cut it")
        assert said(ask("Who?")) == "The family."
        assert said(ask("Something else")).startswith(OPENING)


def test_an_address_in_use_is_told_with_the_way_out(url: str) -> None:
    port = int(url.rpartition(":")[2])
    with pytest.raises(ModelServerError, match=f"cannot listen on 127.0.0.1:{port}"):
        RunningSimulator(port=port).start()


def test_stopping_ends_streams_that_are_under_way() -> None:
    simulator = RunningSimulator(SimulatorOptions(mode=Mode.STALL, rate=0))
    simulator.start()
    with httpx.stream(
        "POST", f"{simulator.url}/api/chat", json={"model": MODEL, "messages": ASKED}
    ) as response:
        chunks = response.iter_raw()
        next(chunks)
        began = time.monotonic()
        simulator.stop()
        assert time.monotonic() - began < 3
        with pytest.raises(httpx.HTTPError):
            list(chunks)
    simulator.stop()


def test_the_blocking_server_tells_its_address_and_ends_on_a_signal() -> None:
    program = (
        "from infrastructure.simulator.options import SimulatorOptions\n"
        "from infrastructure.simulator.server import run\n"
        "run('127.0.0.1', 0, SimulatorOptions(), lambda url: print(url, flush=True))\n"
    )
    root = Path(__file__).parents[3]
    with subprocess.Popen(
        [sys.executable, "-c", program], cwd=root, stdout=subprocess.PIPE, text=True
    ) as server:
        assert server.stdout is not None
        address = server.stdout.readline().strip()
        assert httpx.get(address).text == "Ollama is running"
        server.terminate()
        assert server.wait(5) in {0, -signal.SIGTERM}
