"""Clients that mean no good, or know no better: slow, huge, hasty and malformed."""

import socket
import time

import httpx
import pytest

from bootstrap.patient_protocol import HEAD_BYTES, PatientProtocol
from interfaces.http import frame
from tests.e2e.http.conftest import StartServer
from tests.support.http_client import Reader, ask, conversation
from tests.support.http_server import RunningServer


def raw(server: RunningServer, data: bytes, seconds: float = 10) -> bytes:
    """Send bytes, and return everything until the server closes; b"" where it does not answer."""
    with socket.create_connection(("127.0.0.1", server.port), timeout=seconds) as connection:
        answer = b""
        try:
            connection.sendall(data)
            while piece := connection.recv(65536):
                answer += piece
        except ConnectionError:
            pass
    return answer


def head(*lines: str) -> bytes:
    return "\r\n".join(["GET /healthz HTTP/1.1", "Host: localhost", *lines, "", ""]).encode()


def still_there(api: httpx.Client) -> None:
    assert api.get("/healthz").status_code == 200


def test_many_and_long_headers_are_refused(server: RunningServer, api: httpx.Client) -> None:
    for lines in (
        [f"X-{number}: {'y' * 50}" for number in range(2000)],
        ["X-Long: " + "y" * 2 * HEAD_BYTES],
        ["X-Endless: " + "y" * 10 * HEAD_BYTES + "\r\n" * 0],
    ):
        assert raw(server, head(*lines)).startswith(b"HTTP/1.1 400")
    assert raw(server, b"GET /" + b"a" * 2 * HEAD_BYTES).startswith(b"HTTP/1.1 400")
    assert raw(server, b"\x16\x03\x01\x02\x00\x01\x00\xff" * 50).startswith(b"HTTP/1.1 400")
    still_there(api)


@pytest.mark.slow
def test_a_head_that_never_ends_is_not_waited_for(
    server: RunningServer, api: httpx.Client, monkeypatch: pytest.MonkeyPatch
) -> None:
    monkeypatch.setattr(PatientProtocol, "head_seconds", 1.5)
    assert raw(server, b"GET /healthz HTTP/1.1\r\nHost: loc") == b""
    assert raw(server, b"") == b""
    with socket.create_connection(("127.0.0.1", server.port), timeout=10) as connection:
        connection.sendall(head())
        assert connection.recv(65536).startswith(b"HTTP/1.1 200")
        connection.sendall(b"GET /heal")
        assert connection.recv(65536) == b""
    still_there(api)


def test_a_body_that_never_ends_is_not_waited_for(
    server: RunningServer, api: httpx.Client, monkeypatch: pytest.MonkeyPatch
) -> None:
    monkeypatch.setattr(frame, "BODY_SECONDS", 0.3)
    where = conversation(api)
    size = api.get(f"/api/v1/conversations/{where}").json()
    data = (
        f"POST /api/v1/conversations/{where}/prompts HTTP/1.1\r\nHost: localhost\r\n"
        'Content-Type: application/json\r\nContent-Length: 1000\r\n\r\n{"text": "hal'
    ).encode()
    answer = raw(server, data)
    assert answer.startswith(b"HTTP/1.1 408")
    assert b"Nothing was recorded" in answer
    assert api.get(f"/api/v1/conversations/{where}").json() == size


@pytest.mark.parametrize("body", [b'{"text": "\xff\xfe"}', b'{"text": "\xed\xa0\x80"}', b"\x00" * 100, b"["])
def test_bodies_that_are_no_text_are_refused_and_record_nothing(api: httpx.Client, body: bytes) -> None:
    where = conversation(api)
    headers = {"Content-Type": "application/json"}
    response = api.post(f"/api/v1/conversations/{where}/prompts", content=body, headers=headers)
    assert response.status_code in {400, 422}
    assert response.headers["content-type"] == "application/problem+json"
    assert api.get(f"/api/v1/conversations/{where}").json()["messages"] == []


def test_who_asks_too_often_is_told_when_to_come_again(start_server: StartServer) -> None:
    with start_server(settings={"DAYBOOK_RATE_LIMIT": "60"}).client() as client:
        answers = [client.get("/api/v1/conversations") for _ in range(30)]
        refused = answers[-1]
        assert answers[0].status_code == 200
        assert refused.status_code == 429
        assert refused.json()["type"] == "/problems/too-many-requests"
        assert client.get("/healthz").status_code == 200
        time.sleep(int(refused.headers["retry-after"]))
        assert client.get("/api/v1/conversations").status_code == 200


def test_a_watcher_that_does_not_read_is_cut_off_and_loses_nothing(
    start_server: StartServer, monkeypatch: pytest.MonkeyPatch
) -> None:
    monkeypatch.setattr(PatientProtocol, "unread_seconds", 0.5)
    server = start_server()
    # Accepted connections have it from their listener; else the kernel grows it until all answers fit.
    server.listener.setsockopt(socket.SOL_SOCKET, socket.SO_SNDBUF, 4096)
    with server.client() as client:
        answer_id = ask(client, "a lot", model="deepseek-r1:8b")["answer_id"]
        reader = Reader(client, answer_id)
        reader.read()
        with socket.socket() as connection:
            connection.setsockopt(socket.SOL_SOCKET, socket.SO_RCVBUF, 2048)
            connection.connect(("127.0.0.1", server.port))
            # Asked for so often on one connection that the answers fill it.
            request = f"GET /api/v1/answers/{answer_id} HTTP/1.1\r\nHost: localhost\r\n\r\n".encode()
            connection.sendall(request * 500)
            port = connection.getsockname()[1]
            assert connection.recv(1) == b"H"
            deadline = time.monotonic() + 60
            while any(one.client[1] == port for one in list(server.server.server_state.connections)):
                assert time.monotonic() < deadline, "it is still waited for"
                time.sleep(0.05)
        again = Reader(client, answer_id)
        again.read()
        assert (again.thinking, again.text) == (reader.thinking, reader.text)
