"""Who is let in, what is refused, and how it is said."""

import http.client
import json
import re
import socket
from uuid import UUID, uuid4

import httpx
import pytest

from domain.errors import InvalidInputError
from tests.e2e.http.conftest import StartServer
from tests.support.http_client import answered, ask, conversation
from tests.support.http_server import RunningServer

LIST = "/api/v1/conversations"


def is_problem(response: httpx.Response, status: int, slug: str | None = None) -> dict:
    assert response.status_code == status, response.text
    assert response.headers["content-type"] == "application/problem+json"
    problem = response.json()
    assert problem["status"] == status
    assert problem["title"]
    assert problem["detail"]
    assert str(UUID(problem["correlation_id"])) == response.headers["daybook-correlation-id"]
    assert "Traceback" not in response.text
    if slug is not None:
        assert problem["type"] == f"/problems/{slug}"
    return problem


def test_the_same_key_with_the_same_command_records_once(api: httpx.Client) -> None:
    where = conversation(api)
    path, body = f"{LIST}/{where}/prompts", {"text": "only once"}
    headers = {"Idempotency-Key": "key-1"}
    first = api.post(path, json=body, headers=headers)
    second = api.post(path, json=body, headers=headers)
    assert (first.status_code, second.status_code) == (202, 202)
    assert second.json() == {**first.json(), "replayed": True, "log_size": second.json()["log_size"]}
    assert first.headers["location"] == second.headers["location"]
    is_problem(api.post(path, json={"text": "another"}, headers=headers), 422, "idempotency-mismatch")
    assert api.get(f"{LIST}/{where}").json()["messages"][0]["text"] == "only once"
    assert len(api.get(f"{LIST}/{where}").json()["messages"]) == 2


def test_a_conversation_is_opened_once_under_a_key(api: httpx.Client) -> None:
    opened = {
        api.post(LIST, json={"title": "t"}, headers={"Idempotency-Key": "key-2"}).json()["id"]
        for _ in range(3)
    }
    assert len(opened) == 1


@pytest.mark.parametrize("key", ["", "with\ttab", "x" * 258])
def test_a_key_that_is_none_is_refused(api: httpx.Client, key: str) -> None:
    problem = is_problem(api.post(LIST, json={}, headers={"Idempotency-Key": key}), 422, "invalid-request")
    assert problem["errors"][0]["parameter"] == "idempotency-key"


def test_two_writers_on_one_conversation_are_told_of_the_conflict(api: httpx.Client) -> None:
    where = conversation(api)
    asked = ask(api, "first", conversation_id=where, model="simulator-stall")
    refused = api.post(f"{LIST}/{where}/prompts", json={"text": "second"})
    is_problem(refused, 409, "conflict")
    api.post(f"/api/v1/answers/{asked['answer_id']}/cancel")


@pytest.mark.parametrize(
    ("body", "status"),
    [
        (b'{"text": ""}', 422),
        (b'{"text": "   "}', 422),
        (b'{"text": "nul \\u0000"}', 422),
        (b'{"text": "half \\ud800"}', 422),
        (b'{"text": 3}', 422),
        (b"{}", 422),
        (b"[]", 422),
        (b'{"text": "x", "extra": 1}', 422),
        (b'{"text": "x", "options": {"num_ctx": -1}}', 422),
        (b'{"text": "x", "options": {"num_ctx": 1e400}}', 422),
        (b'{"text": "x", "parent_id": "no"}', 422),
        (b"{", 400),
        (b'{"text": "\xff"}', 400),
        (b"[" * 100_000, 400),
        (b"", 422),
    ],
)
def test_a_bad_body_is_refused_and_nothing_recorded(api: httpx.Client, body: bytes, status: int) -> None:
    where = conversation(api)
    headers = {"Content-Type": "application/json"}
    problem = is_problem(api.post(f"{LIST}/{where}/prompts", content=body, headers=headers), status)
    assert "half" not in json.dumps(problem)
    assert api.get(f"{LIST}/{where}").json()["messages"] == []


def test_a_validation_problem_points_at_what_is_wrong(api: httpx.Client) -> None:
    where = conversation(api)
    problem = is_problem(api.post(f"{LIST}/{where}/prompts", json={"text": 1, "a/b": 2}), 422)
    assert {part["pointer"] for part in problem["errors"]} == {"#/text", "#/a~1b"}
    problem = is_problem(api.get(LIST, params={"limit": 0}), 422)
    assert problem["errors"][0]["parameter"] == "limit"


def test_unknown_things_are_not_found(api: httpx.Client) -> None:
    nobody = uuid4()
    is_problem(api.get(f"{LIST}/{nobody}"), 404, "not-found")
    is_problem(api.get(f"/api/v1/projects/{nobody}"), 404, "not-found")
    is_problem(api.post(f"{LIST}/{nobody}/prompts", json={"text": "x"}), 404, "not-found")
    is_problem(api.patch(f"{LIST}/{nobody}", json={"title": "x"}), 404, "not-found")
    is_problem(api.post(LIST, json={"project_id": str(nobody)}), 404, "not-found")
    is_problem(api.get("/nothing/here"), 404, "no-such-path")
    is_problem(api.get("/api/v1/conversations/"), 404, "no-such-path")


def test_a_wrong_method_names_the_right_ones(api: httpx.Client) -> None:
    response = api.delete(LIST)
    is_problem(response, 405, "no-such-method")
    assert set(response.headers["allow"].split(", ")) & {"GET", "POST"}


def test_every_problem_type_leads_to_a_page(api: httpx.Client) -> None:
    for path in (LIST + "/" + str(uuid4()), "/nothing"):
        response = api.get(api.get(path).json()["type"])
        assert response.status_code == 200
        assert response.headers["content-type"].startswith("text/plain")
    assert api.get("/problems/of-nobody").status_code == 404


def test_a_prompt_of_ten_megabytes_is_refused(api: httpx.Client) -> None:
    where = conversation(api)
    is_problem(api.post(f"{LIST}/{where}/prompts", json={"text": "x" * 10_000_000}), 413, "too-large")
    is_problem(api.post(f"{LIST}/{where}/prompts", json={"text": "x" * 3_000_000}), 422, "invalid-input")


def test_a_body_without_a_length_is_bounded_too(api: httpx.Client) -> None:
    where = conversation(api)
    pieces = (b"x" * 100_000 for _ in range(100))
    headers = {"Content-Type": "application/json"}
    is_problem(api.post(f"{LIST}/{where}/prompts", content=pieces, headers=headers), 413, "too-large")


def test_a_large_prompt_of_umlauts_fits_however_it_is_spelled(api: httpx.Client) -> None:
    where = conversation(api)
    body = json.dumps({"text": "ü" * 1_000_000, "model": "missing:1b"}).encode()
    assert len(body) > 6_000_000
    headers = {"Content-Type": "application/json"}
    assert api.post(f"{LIST}/{where}/prompts", content=body, headers=headers).status_code == 202


@pytest.mark.parametrize("host", ["evil.example", "evil.example:80", "192.168.1.4"])
def test_a_foreign_host_is_refused_but_probes_may_come_by_any(server: RunningServer, host: str) -> None:
    with server.client(headers={"Host": host}) as client:
        is_problem(client.get(LIST), 403, "foreign-host")
        assert client.get("/healthz").status_code == 200
        assert client.get("/readyz").status_code == 200


def test_a_page_of_another_site_may_not_ask(api: httpx.Client, server: RunningServer) -> None:
    for origin in ("http://evil.example", "null", "http://localhost:3000"):
        is_problem(api.post(LIST, json={}, headers={"Origin": origin}), 403, "foreign-origin")
    assert api.post(LIST, json={}, headers={"Origin": server.url}).status_code == 201


def test_with_a_token_only_its_bearer_is_let_in(start_server: StartServer) -> None:
    server = start_server(token="s3cret")
    with server.client() as client:
        for headers, slug in (
            ({}, "token-needed"),
            ({"Authorization": "Bearer wrong"}, "token-wrong"),
            ({"Authorization": "Basic s3cret"}, "token-needed"),
        ):
            response = client.get(LIST, headers=headers)
            is_problem(response, 401, slug)
            assert response.headers["www-authenticate"].startswith("Bearer")
        assert client.get("/openapi.json").status_code == 401
        assert client.get("/healthz").status_code == 200
        assert client.get("/readyz").status_code == 200
        client.headers["Authorization"] = "Bearer s3cret"
        assert client.get(LIST).status_code == 200
        assert answered(client, "with a token").end["status"] == "complete"


def test_without_a_token_other_machines_are_not_let_in(start_server: StartServer) -> None:
    with pytest.raises(InvalidInputError, match="no token is set"):
        start_server(settings={"DAYBOOK_LISTEN": "0.0.0.0:0"})


def test_names_that_were_listed_are_ours(start_server: StartServer) -> None:
    listed = {"DAYBOOK_ALLOWED_HOSTS": "daybook.lan", "DAYBOOK_PUBLIC_URL": "https://book.example.org"}
    with start_server(settings=listed).client() as client:
        for headers in (
            {"Host": "daybook.lan"},
            {"Host": "book.example.org", "Origin": "https://book.example.org"},
        ):
            assert client.get(LIST, headers=headers).status_code == 200


def test_a_mistake_of_ours_is_told_and_logged_without_its_details(
    api: httpx.Client,
    server: RunningServer,
    monkeypatch: pytest.MonkeyPatch,
    caplog: pytest.LogCaptureFixture,
) -> None:
    def broken(*_: object, **__: object) -> None:
        raise ZeroDivisionError("the secret of the house")

    monkeypatch.setattr(server.book.conversations, "listed", broken)
    response = api.get(LIST)
    is_problem(response, 500, "unexpected")
    assert "secret of the house" not in response.text
    assert "ZeroDivisionError" not in response.text
    logged = caplog.text
    assert response.json()["correlation_id"] in logged
    assert re.search(r"builtins\.ZeroDivisionError\n.*test_rules\.py:\d+ in broken", logged, re.DOTALL)
    assert "secret of the house" not in logged
    monkeypatch.undo()
    assert api.get(LIST).status_code == 200


def test_requests_that_are_no_http_are_survived(server: RunningServer, api: httpx.Client) -> None:
    for raw in (
        b"\x16\x03\x01\x02\x00\x01",
        b"GET / HTTP/1.1\r\n\r\n",
        b"GET /healthz HTTP/1.1\r\nHost: a\r\nHost: b\r\n\r\n",
    ):
        with socket.create_connection(("127.0.0.1", server.port), timeout=5) as connection:
            connection.sendall(raw)
            connection.shutdown(socket.SHUT_WR)
            assert not connection.recv(4096).startswith(b"HTTP/1.1 5")
    refused = http.client.HTTPConnection("127.0.0.1", server.port, timeout=5)
    refused.request("GET", "/healthz", headers={"Cookie": "x" * 100_000})
    response = refused.getresponse()
    response.read()
    assert response.status < 500
    refused.close()
    assert api.get("/healthz").status_code == 200
