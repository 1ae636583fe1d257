"""What the server tells of itself: figures, lines, readiness; and what it keeps to itself."""

import json
import re
import signal

import httpx
import pytest

from tests.e2e.http.conftest import StartServer
from tests.e2e.http.test_serve import serving
from tests.support.http_client import answered, ask

WORD = "xylophone"


def figure(text: str, name: str) -> float:
    """Return the value of a figure, given with its labels as they are shown."""
    match = re.search(rf"^{re.escape(name)} (\S+)$", text, re.MULTILINE)
    assert match, f"{name} is not in\n{text}"
    return float(match[1])


def test_the_figures_follow_what_happens(start_server: StartServer) -> None:
    with start_server().client() as client:
        answered(client, f"what is a {WORD}?")
        ask(client, "broken", model="missing:1b")
        failed = client.post(
            "/api/v1/prompts", json={"text": "x", "model": "missing:1b"}, headers={"Prefer": "wait=30"}
        )
        client.get(f"/api/v1/search?q={WORD}")
        client.get(f"/{WORD}/{WORD}")
        client.request("PROPFIND", "/healthz")
        client.post(f"/api/v1/conversations/{failed.json()['conversation_id']}/erasure")
        response = client.get("/metrics")

    text = response.text
    assert response.headers["content-type"].startswith("text/plain; version=0.0.4")
    assert WORD not in text.lower()
    route = 'route="/api/v1/conversations/{conversation_id}/prompts"'
    assert figure(text, f'daybook_http_requests_total{{method="POST",{route},status="202"}}') == 2
    assert figure(text, 'daybook_http_requests_total{method="GET",route="(no such path)",status="404"}') == 1
    assert figure(text, 'daybook_http_requests_total{method="OTHER",route="/healthz",status="405"}') == 1
    assert figure(text, 'daybook_problems_total{kind="no-such-path"}') == 1
    assert figure(text, 'daybook_answers_total{status="complete"}') == 1
    assert figure(text, 'daybook_answer_failures_total{reason="model-missing"}') >= 1
    assert figure(text, "daybook_first_token_seconds_count") == 1
    assert figure(text, 'daybook_tokens_total{kind="completion"}') > 0
    assert figure(text, "daybook_append_seconds_count") >= 6
    assert figure(text, "daybook_append_batch_sum") >= 6
    assert figure(text, "daybook_answers_running") == 0
    assert figure(text, "daybook_log_size") >= 10
    assert figure(text, "daybook_erased") == 1
    assert figure(text, "daybook_database_up") == 1
    assert figure(text, "daybook_database_connections_most") == 10
    assert figure(text, 'daybook_read_model_lag{read_model="search"}') >= 0


def test_figures_are_told_to_whoever_may_read_the_book(start_server: StartServer) -> None:
    with start_server(token="s3cret").client() as client:
        assert client.get("/metrics").status_code == 401
        assert client.get("/metrics", headers={"Authorization": "Bearer s3cret"}).status_code == 200


def test_readiness_tells_strangers_no_more_than_that(start_server: StartServer) -> None:
    with start_server(token="s3cret").client() as client:
        stranger = client.get("/readyz").json()
        assert stranger == {"ready": True, "version": None, "checks": [], "read_models": []}
        assert client.get("/readyz", headers={"Authorization": "Bearer wrong"}).json() == stranger
        known = client.get("/readyz", headers={"Authorization": "Bearer s3cret"}).json()
        assert {check["name"] for check in known["checks"]} >= {"database", "migrations", "read models"}


def test_readiness_tells_a_page_of_another_site_no_more_either(api: httpx.Client) -> None:
    assert api.get("/readyz").json()["checks"]
    for headers in ({"Host": "evil.example"}, {"Origin": "http://evil.example"}):
        assert api.get("/readyz", headers=headers).json()["checks"] == []


@pytest.mark.slow
@pytest.mark.parametrize("form", ["auto", "text"])
def test_a_request_is_a_line_without_what_anybody_wrote(
    environment: dict[str, str], unused_port: int, form: str
) -> None:
    environment["DAYBOOK_LOG_FORMAT"] = form
    with serving(environment, unused_port) as served:
        with served.client() as client:
            asked = client.post(
                "/api/v1/prompts", json={"text": f"what is a {WORD}?"}, headers={"Prefer": "wait=30"}
            )
            client.get("/api/v1/search", params={"q": WORD})
            client.get(f"/{WORD}")
        code, said = served.end(signal.SIGTERM)
    assert code == 0
    assert WORD not in said
    request_id = asked.headers["daybook-request-id"]
    if form == "text":
        assert re.search(rf"INFO    request request_id={request_id} .* status=200 ", said)
        return
    lines = [json.loads(line) for line in said.splitlines() if line.startswith("{")]
    by_name: dict[str, list[dict[str, object]]] = {}
    for line in lines:
        by_name.setdefault(str(line["line"]), []).append(line)
    (request,) = [line for line in by_name["request"] if line["request_id"] == request_id]
    assert request["route"] == "/api/v1/prompts"
    assert (request["method"], request["operation"], request["status"]) == ("POST", "ask", 200)
    assert float(str(request["duration_ms"])) > 0
    assert request["actor"]
    (ended,) = by_name["answer-ended"]
    assert ended["correlation_id"] == request["correlation_id"]
    assert (ended["status"], ended["answer_id"]) == ("complete", asked.json()["answer_id"])
    (lost,) = [line for line in by_name["request"] if line["status"] == 404]
    assert (lost["route"], lost["problem"]) == ("(no such path)", "no-such-path")
    assert {"listening", "stopping"} <= set(by_name)
