"""`GET /`: what it shows, what it lets a browser do, and its errors as pages."""

import time
from collections.abc import Callable

import httpx
import pytest

from infrastructure.simulator.options import SimulatorOptions
from infrastructure.simulator.server import RunningSimulator
from tests.support.http_client import answered
from tests.support.http_server import RunningServer
from tests.support.server_sent import events_of

StartServer = Callable[..., RunningServer]


def test_the_page_says_how_things_stand(api: httpx.Client) -> None:
    page = api.get("/")

    assert page.status_code == 200
    assert page.headers["content-type"] == "text/html; charset=utf-8"
    for words in ("deepseek-r1:8b", "ready", "events", "<textarea", "Lately"):
        assert words in page.text


def test_a_browser_may_load_and_run_what_comes_from_here_and_nothing_else(api: httpx.Client) -> None:
    page = api.get("/")
    policy = page.headers["content-security-policy"]

    assert "default-src 'none'" in policy
    assert "script-src 'self'" in policy
    assert "unsafe" not in policy
    assert "style=" not in page.text
    assert "http://" not in page.text.replace("http://www.w3.org", "")
    assert "https://" not in page.text


def test_its_files_may_be_kept_by_their_stamp_and_only_so(api: httpx.Client) -> None:
    page = api.get("/").text
    address = page.split('href="/static/page.css?')[1].split('"')[0]

    kept, fresh = api.get(f"/static/page.css?{address}"), api.get("/static/page.css")
    assert "immutable" in kept.headers["cache-control"]
    assert fresh.headers["cache-control"] == "no-cache"
    assert kept.headers["content-type"].startswith("text/css")
    assert api.get("/static/page.js").headers["content-type"].startswith("text/javascript")
    assert api.get("/static/nothing.css").status_code == 404


def test_a_conversation_is_shown_rendered_and_escaped(api: httpx.Client) -> None:
    identifier = answered(api, "<script>alert(1)</script> & **bold**").end["conversation_id"]

    page = api.get(f"/conversations/{identifier}")
    front = api.get("/")

    assert "<script>alert" not in page.text + front.text
    assert "&lt;script&gt;alert(1)&lt;/script&gt; &amp; **bold**" in page.text
    assert f"/conversations/{identifier}" in front.text
    assert "<pre><code>" in page.text


@pytest.mark.parametrize(
    ("path", "status"), [("/nosuch", 404), ("/sign-in", 422), ("/conversations/xyz", 422)]
)
def test_a_wrong_address_is_a_page_for_people_and_a_problem_for_programs(
    api: httpx.Client, path: str, status: int
) -> None:
    shown = api.get(path, headers={"Accept": "text/html,*/*"})
    told = api.get(path)

    assert (shown.status_code, told.status_code) == (status, status)
    assert shown.headers["content-type"].startswith("text/html")
    assert "Back to the book" in shown.text
    assert told.headers["content-type"] == "application/problem+json"


def test_an_ended_answer_can_be_had_as_html(api: httpx.Client) -> None:
    answer = answered(api, "Show me").answer_id

    html = api.get(f"/answers/{answer}/html")

    assert html.headers["content-type"].startswith("text/html")
    assert "<p>" in html.text


@pytest.mark.parametrize("path", ["/conversations/{}", "/answers/{}/html"])
def test_what_is_not_there_is_told_on_a_page(api: httpx.Client, path: str) -> None:
    missing = api.get(path.format("0190aaaa-0000-7000-8000-00000000beef"))

    assert missing.status_code == 404
    assert missing.headers["content-type"].startswith("text/html")
    assert "0000beef" in missing.text


def test_a_missing_model_is_told_and_can_be_pulled_from_the_page(start_server: StartServer) -> None:
    with RunningSimulator(SimulatorOptions(rate=0, models=())) as bare:
        server = start_server(settings={"DAYBOOK_OLLAMA_URL": bare.url})
        with server.client() as client:
            before = client.get("/state").json()
            assert before["model_missing"]
            assert "daybook models pull deepseek-r1:8b" in client.get("/").text

            assert client.post("/pull").status_code == 202
            deadline = time.monotonic() + 20
            while (now := client.get("/state").json())["model_missing"] and time.monotonic() < deadline:
                time.sleep(0.05)
            assert now["model"]["ok"], now


def test_a_missing_model_is_got_unasked_and_answers_wait_for_it(start_server: StartServer) -> None:
    with RunningSimulator(SimulatorOptions(rate=0, models=(), pull_seconds=3.0)) as bare:
        server = start_server(settings={"DAYBOOK_OLLAMA_URL": bare.url, "DAYBOOK_PULL": "on"})
        with server.client() as client:
            asked = client.post("/api/v1/prompts", json={"text": "Are you there?"}).json()
            with client.stream("GET", f"/api/v1/answers/{asked['answer_id']}/stream") as stream:
                told = list(events_of(stream))

            waited = [data for name, data in told if name == "status" and "waits_for" in data]
            assert {data["status"] for data in waited} == {"queued"}
            assert any("% of 5.2 GB" in data["waits_for"] for data in waited), waited
            assert told[-1][0] == "done"
            assert client.get("/state").json()["model"] == {"ok": True, "text": "ready", "hint": ""}


def test_a_page_is_shown_without_a_model_server(start_server: StartServer, unused_port: int) -> None:
    server = start_server(settings={"DAYBOOK_OLLAMA_URL": f"http://127.0.0.1:{unused_port}"})
    with server.client() as client:
        page = client.get("/")

    assert page.status_code == 200
    assert "daybook" in page.text
    assert 'class="ill" id="state-model"' in page.text
