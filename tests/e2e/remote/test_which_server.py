"""Choosing a server, and what is said where it is not there, is none, or does not let one in."""

from __future__ import annotations

import stat
from collections.abc import Iterator
from http.server import BaseHTTPRequestHandler, HTTPServer
from pathlib import Path
from threading import Thread

import pytest

from infrastructure.simulator.server import RunningSimulator
from tests.support.cli_process import Daybook
from tests.support.grants import token
from tests.support.http_server import RunningServer


@pytest.fixture
def client(there: Daybook, tmp_path: Path) -> Daybook:
    """A command line with a configuration of its own, which goes to no server yet."""
    return there.with_settings(DAYBOOK_HOME=str(tmp_path), DAYBOOK_SERVER="")


def test_a_server_is_saved_used_and_forgotten(client: Daybook, served: RunningServer, tmp_path: Path) -> None:
    made = token(served, "ask")
    secret = tmp_path / "token"
    secret.write_text(f"{made.secret}\n", encoding="utf-8")

    added = client("server", "add", "home", f"{served.url}/", "--token-file", str(secret))
    assert "You may: ask" in added.err
    listed = client("server", "list")
    file = tmp_path / "servers.toml"
    assert stat.S_IMODE(file.stat().st_mode) == 0o600
    assert served.url in listed.out
    assert "None of them is in use" in listed.err

    assert client("--server", "home", "ask", "--json", "hello").json["status"] == "complete"
    assert "Commands go to home" in client("server", "use", "home").err
    client("ask", "hello again")
    assert client("config", "get", "server").out == "home\n"
    assert client("server", "list", "--json").json["servers"][0]["in_use"]
    shown = client("doctor")
    assert f"home ({served.url}) lets you in, for: ask" in shown.out
    assert "its own checks" in shown.out
    assert "needs the scope `admin`" in client("erase", "@last", "-y", expect=4).err

    everything = "".join(
        client(*args, expect=None).out + client(*args, expect=None).err
        for args in (["server", "list", "--json"], ["config", "list"], ["paths"], ["doctor"])
    )
    assert made.secret not in everything

    assert "book of this machine" in client("server", "use", "local").err
    client("server", "rm", "home")
    assert "No server is saved" in client("server", "list").err
    assert client("server", "use", "home", expect=3).err
    assert client("--server", "home", "list", expect=3).err


def test_the_log_names_the_token_that_did_it(client: Daybook, served: RunningServer) -> None:
    made = token(served, "admin")
    with_token = client.with_settings(DAYBOOK_SERVER=served.url, DAYBOOK_SERVER_TOKEN=made.secret)
    with_token("ask", "who was it")
    [event] = with_token("audit", "log", "--json", "-n", "1").out.splitlines()
    assert '"actor_name":"t"' in event
    assert " t " in with_token("audit", "log", "-n", "1").out


def test_a_token_comes_by_standard_input_and_is_tried_before_it_is_saved(
    client: Daybook, served: RunningServer, tmp_path: Path
) -> None:
    wrong = client("server", "add", "home", served.url, stdin=b"daybook_nonsense\n", expect=4)
    assert "server add" in wrong.err
    assert not (tmp_path / "servers.toml").exists()
    client("server", "add", "home", served.url, "--use", stdin=token(served, "read").secret.encode())
    assert "needs the scope `ask`" in client("ask", "hello", expect=4).err
    client("list")


@pytest.mark.parametrize(
    ("args", "code"),
    [
        (["add", "local", "http://127.0.0.1:1"], 2),
        (["add", "two words", "http://127.0.0.1:1"], 2),
        (["add", "home", "book.example.org"], 2),
        (["add", "home", "https://me:secret@book.example.org"], 2),
        (["add", "home", "http://127.0.0.1:9", "--token-file", "/nowhere"], 2),
        (["rm", "home"], 3),
    ],
)
def test_what_cannot_be_saved_is_said(client: Daybook, args: list[str], code: int, tmp_path: Path) -> None:
    assert client("server", *args, expect=code).err
    assert not (tmp_path / "servers.toml").exists()


def test_a_server_that_is_not_there(client: Daybook, nobody: str) -> None:
    away = client.with_settings(DAYBOOK_SERVER=f"http://{nobody}")
    for args in (["list"], ["ask", "hello"], ["audit", "verify"], ["models", "list"]):
        ran = away(*args, expect=6)
        assert "cannot be reached" in ran.err
        assert "daybook serve" in ran.err
    assert "cannot be reached" in away("doctor", expect=7).out


def test_tls_where_there_is_none(client: Daybook, served: RunningServer) -> None:
    ran = client("--server", served.url.replace("http:", "https:"), "list", expect=6)
    assert "encrypted" in ran.err
    assert "--server http://" in ran.err


def test_what_is_no_daybook(client: Daybook, cli_simulator: RunningSimulator) -> None:
    ran = client("--server", cli_simulator.url, "list", expect=6)
    assert "no Daybook" in ran.err


def test_a_wrong_token(client: Daybook, served: RunningServer) -> None:
    ran = client.with_settings(DAYBOOK_SERVER=served.url, DAYBOOK_SERVER_TOKEN="daybook_x")("list", expect=4)
    assert "daybook server add" in ran.err


def test_a_token_is_not_sent_in_clear_without_a_warning(client: Daybook) -> None:
    away = client.with_settings(DAYBOOK_SERVER="http://daybook.invalid:1", DAYBOOK_SERVER_TOKEN="t")
    ran = away("list", expect=6)
    assert "not encrypted" in ran.err
    assert "not encrypted" not in away.with_settings(DAYBOOK_SERVER_TOKEN="")("list", expect=6).err


def test_a_setting_that_is_no_server(client: Daybook) -> None:
    assert client.with_settings(DAYBOOK_SERVER="ftp://x")("list", expect=2).err
    assert "server add" in client.with_settings(DAYBOOK_SERVER="nowhere")("list", expect=3).err
    assert client("config", "set", "server", "not a server", expect=2).err


class _Elsewhere(BaseHTTPRequestHandler):
    status = 302

    def do_GET(self) -> None:
        self.send_response(self.status)
        if self.status == 302:
            self.send_header("Location", "https://elsewhere.example/")
        self.send_header("Content-Length", "0")
        self.end_headers()

    def log_message(self, *args: object) -> None:
        pass


@pytest.fixture(params=[302, 502, 200])
def stranger(request: pytest.FixtureRequest) -> Iterator[tuple[int, str]]:
    """Something else that answers: sends on, stands before nothing, or serves a page."""
    handler = type("Handler", (_Elsewhere,), {"status": request.param})
    with HTTPServer(("127.0.0.1", 0), handler) as server:
        Thread(target=server.serve_forever, daemon=True).start()
        yield request.param, f"http://127.0.0.1:{server.server_address[1]}"
        server.shutdown()


def test_strangers_are_told_apart(client: Daybook, stranger: tuple[int, str]) -> None:
    status, url = stranger
    said = {302: "elsewhere.example", 502: "cannot reach it", 200: "no Daybook"}
    assert said[status] in client("--server", url, "list", expect=6).err
