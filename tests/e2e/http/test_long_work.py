"""Operations that take long: their progress, their results, and what becomes of them without a watcher."""

import io
import socket
import tarfile
import threading
import time
from pathlib import Path
from typing import Any
from uuid import uuid4

import httpx
import pytest

from infrastructure.proofs.auditor import Offline
from tests.e2e.http.conftest import StartServer
from tests.e2e.http.test_rules import is_problem
from tests.support.http_client import answered, ask, conversation
from tests.support.http_server import RunningServer
from tests.support.server_sent import events_of

EVENTS = {"Accept": "text/event-stream"}
LIST = "/api/v1/conversations"


def last_of(api: httpx.Client, path: str, body: Any = None) -> tuple[list[str], dict[str, Any]]:
    """Follow an operation to its end; return the names of its events and the data of the last."""
    with api.stream("POST", path, json=body, headers=EVENTS) as response:
        events = list(events_of(response))
    return [name for name, _ in events], events[-1][1]


def test_the_log_is_verified_against_a_checkpoint(api: httpx.Client) -> None:
    conversation(api, title="something")
    made = api.post("/api/v1/audit/checkpoints").json()
    assert made["fresh"]
    assert not api.post("/api/v1/audit/checkpoints").json()["fresh"]

    found = api.post("/api/v1/audit/verification", json={"since": made["note"]}).json()
    assert (found["ok"], found["root"], found["checkpoint"]) == (True, made["root"], made["note"])
    names, told = last_of(api, "/api/v1/audit/verification", {"incremental": True})
    assert (names[-1], told["ok"]) == ("done", True)
    refused = api.post("/api/v1/audit/verification", json={"since": "nonsense"})
    is_problem(refused, 422, "invalid-input")
    names, told = last_of(api, "/api/v1/audit/verification", {"since": "nonsense"})
    assert (names[-1], told["type"]) == ("failed", "/problems/invalid-input")
    assert told["correlation_id"]


def test_checkpoints_are_listed_page_after_page(api: httpx.Client) -> None:
    made = []
    for number in range(3):
        conversation(api, title=f"{number}")
        made.append(api.post("/api/v1/audit/checkpoints").json()["note"])
    seen: list[str] = []
    cursor: str | None = None
    while cursor is not None or not seen:
        params = {"limit": 2} | ({"cursor": cursor} if cursor else {})
        page = api.get("/api/v1/audit/checkpoints", params=params).json()
        seen += [one["note"] for one in page["checkpoints"]]
        cursor = page["next_cursor"]
    assert seen[:3] == made[::-1]
    assert len(seen) == len(set(seen))


def test_proofs_can_be_checked_without_the_server(api: httpx.Client, tmp_path: Path) -> None:
    asked = answered(api, "prove me").answer_id
    key = api.get("/api/v1/audit/key").json()["key"]
    old = api.post("/api/v1/audit/checkpoints").json()["note"]
    event = api.get("/api/v1/audit/log", params={"limit": 1}).json()["events"][0]
    assert api.get(f"/api/v1/audit/log/{event['log_index']}").json() == event
    conversation(api)
    for number, params in enumerate(
        ({"message_id": asked}, {"event_id": event["id"]}, {"log_index": event["log_index"]})
    ):
        response = api.get("/api/v1/audit/receipt", params=params)
        assert response.status_code == 200, response.text
        file = tmp_path / f"{number}.json"
        file.write_text(response.text)
        assert "event" in Offline().receipt(file, key)
    extension = api.post("/api/v1/audit/extension", json={"checkpoint": old})
    (tmp_path / "extension.json").write_text(extension.text)
    assert Offline().receipt(tmp_path / "extension.json", key)
    is_problem(api.get("/api/v1/audit/receipt"), 422, "invalid-input")
    is_problem(api.get("/api/v1/audit/receipt", params={"message_id": str(uuid4())}), 404, "not-found")
    is_problem(api.get("/api/v1/audit/receipt", params={"event_id": str(uuid4())}), 404, "not-found")
    is_problem(api.get("/api/v1/audit/receipt", params={"log_index": 10**9}), 404, "not-found")
    is_problem(api.get(f"/api/v1/audit/log/{10**9}"), 404, "not-found")


@pytest.mark.parametrize("reveal", [False, True])
def test_the_log_is_downloaded_and_whole(api: httpx.Client, tmp_path: Path, *, reveal: bool) -> None:
    answered(api, "a word to be revealed")
    response = api.post("/api/v1/audit/export", json={"reveal": reveal})

    assert response.headers["content-type"] == "application/x-tar"
    with tarfile.open(fileobj=io.BytesIO(response.content)) as tar:
        assert {(entry.uname, entry.uid) for entry in tar} == {("", 0)}
        tar.extractall(tmp_path, filter="data")
    assert Offline().export(tmp_path / "daybook-log", api.get("/api/v1/audit/key").json()["key"])
    assert (b"a word to be revealed" in response.content) is reveal


def test_an_erasure_is_looked_at_before_and_finished(api: httpx.Client) -> None:
    project = api.post("/api/v1/projects", json={"name": "Old"}).json()["id"]
    for text in ("first", "second"):
        body = {"text": text, "project_id": project}
        api.post("/api/v1/prompts", json=body, headers={"Prefer": "wait=30"})
    path = f"/api/v1/projects/{project}/erasure"
    held = api.post(f"/api/v1/projects/{project}/hold", json={"reason": "The audit."})
    fresh = {"at_least": held.headers["daybook-log-size"]}
    preview = api.get(path, params=fresh)
    assert (preview.json()["conversation_count"], preview.json()["message_count"]) == (2, 4)
    assert [(one["id"], one["reason"]) for one in preview.json()["holds"]] == [(project, "The audit.")]
    assert project in [one["id"] for one in api.get("/api/v1/holds", params=fresh).json()["holds"]]
    is_problem(api.post(path), 409, "refused")
    released = api.post(f"/api/v1/projects/{project}/release", json={"reason": "Done."})
    is_problem(api.post(path, headers={"If-Match": preview.headers["etag"]}), 412, "changed-meanwhile")

    headers = {"If-Match": released.headers["etag"], "Idempotency-Key": f"erase-{project}"}
    erased = api.post(path, headers=headers)
    assert erased.status_code == 200
    told = erased.json()
    assert (told["conversation_count"], told["message_count"], told["finished"]) == (2, 4, True)
    again = api.post(path, headers=headers).json()
    assert {name: again[name] for name in ("id", "conversation_count", "message_count")} == {
        name: told[name] for name in ("id", "conversation_count", "message_count")
    }
    is_problem(api.post(path), 410, "content-erased")
    is_problem(api.get(path), 410, "content-erased")
    assert api.get("/api/v1/keys").json()["unfinished"] is False


def test_an_erasure_tells_how_far_it_is(api: httpx.Client) -> None:
    asked = answered(api, "to be erased")
    where = api.get(f"/api/v1/answers/{asked.answer_id}").json()["conversation_id"]
    preview = api.get(f"{LIST}/{where}/erasure").json()
    assert (preview["kind"], preview["message_count"], preview["holds"]) == ("conversation", 2, [])
    for verb, status in (("hold", 200), ("release", 200)):
        assert api.post(f"{LIST}/{where}/{verb}", json={"reason": "r"}).status_code == status
    is_problem(api.post(f"{LIST}/{where}/hold", json={"reason": "  "}), 422, "invalid-input")

    names, told = last_of(api, f"{LIST}/{where}/erasure")

    assert (names[-1], told["id"], told["finished"]) == ("done", where, True)
    assert "progress" in names
    is_problem(api.get(f"{LIST}/{where}"), 410, "content-erased")
    names, told = last_of(api, f"{LIST}/{where}/erasure")
    assert (names[-1], told["type"]) == ("failed", "/problems/content-erased")


def test_keys_are_rotated_and_read_models_rebuilt(api: httpx.Client) -> None:
    answered(api, "Under which key is this?")
    before = api.get("/api/v1/keys").json()["epochs"][-1]["epoch"]
    assert api.post("/api/v1/keys/rotation").json()["epoch"] == before + 1
    names, told = last_of(api, "/api/v1/keys/rotation")
    assert (names[-1], told["epoch"], "progress" in names) == ("done", before + 2, True)

    names, told = last_of(api, "/api/v1/projections/rebuild", {"read_models": ["search"]})
    assert (names[-1], "progress" in names) == ("done", True)
    assert {one["lag"] for one in told["read_models"]} == {0}
    assert api.post("/api/v1/projections/rebuild").json()["log_size"] == told["log_size"]
    assert {one["name"] for one in api.get("/api/v1/projections").json()["read_models"]} >= {"search"}
    unknown = api.post("/api/v1/projections/rebuild", json={"read_models": ["nothing"]})
    is_problem(unknown, 404, "unknown-read-model")


def test_models_are_listed_shown_pulled_and_recommended(api: httpx.Client) -> None:
    names, told = last_of(api, "/api/v1/models/pull", {"model": "deepseek-r1:1.5b"})
    assert (names[-1], told["name"]) == ("done", "deepseek-r1:1.5b")
    assert "progress" in names
    listed = api.get("/api/v1/models").json()["models"]
    assert "deepseek-r1:1.5b" in [one["name"] for one in listed]
    assert api.get("/api/v1/models/deepseek-r1:1.5b").json()["digest"] == told["digest"]
    is_problem(api.get("/api/v1/models/library/none:1b"), 424, "model-missing")
    assert {one["name"] for one in api.get("/api/v1/models/recommendation").json()["models"]}
    doctor = api.get("/api/v1/doctor").json()
    assert {"database", "migrations", "keys", "model server"} <= {one["name"] for one in doctor["checks"]}


class Slow:
    """A work of many steps, which tells when it began, and how it ended."""

    def __init__(self) -> None:
        self.began, self.ended = threading.Event(), threading.Event()
        self.error: BaseException | None = None
        self.steps = 0

    def run(self, progress: Any, of: int) -> None:
        self.began.set()
        try:
            for step in range(of):
                progress(step, of)
                self.steps += 1
                time.sleep(0.02)
        except BaseException as error:
            self.error = error
            raise
        finally:
            self.ended.set()


@pytest.fixture
def slow(server: RunningServer, monkeypatch: pytest.MonkeyPatch) -> Slow:
    """Makes a verification and a rotation take so long that a client can leave before their end."""
    slow = Slow()
    verify, rotate = server.book.audit.verify, server.book.keys.rotate

    def slow_verify(*, progress: Any, **more: Any) -> Any:
        slow.run(progress, 5_000)
        return verify(progress=progress, **more)

    def slow_rotate(progress: Any) -> Any:
        slow.run(progress, 100)
        return rotate(progress)

    monkeypatch.setattr(server.book.audit, "verify", slow_verify)
    monkeypatch.setattr(server.book.keys, "rotate", slow_rotate)
    return slow


@pytest.mark.parametrize("headers", [EVENTS, {}])
def test_a_verification_is_given_up_when_its_client_leaves(
    server: RunningServer, slow: Slow, headers: dict[str, str]
) -> None:
    _leave(server, "/api/v1/audit/verification", headers, slow)

    assert slow.ended.wait(20)
    assert slow.error is not None
    assert slow.steps < 5_000


@pytest.mark.parametrize("headers", [EVENTS, {}])
def test_a_rotation_goes_on_when_its_client_leaves(
    api: httpx.Client, server: RunningServer, slow: Slow, headers: dict[str, str]
) -> None:
    before = api.get("/api/v1/keys").json()["epochs"][-1]["epoch"]
    _leave(server, "/api/v1/keys/rotation", headers, slow)

    assert slow.ended.wait(30)
    assert (slow.error, slow.steps) == (None, 100)
    deadline = time.monotonic() + 20
    while (now := api.get("/api/v1/keys").json())["epochs"][-1]["epoch"] == before or now["unfinished"]:
        assert time.monotonic() < deadline, now
        time.sleep(0.05)


def test_a_stopping_server_lets_work_come_to_its_next_safe_place(
    start_server: StartServer, monkeypatch: pytest.MonkeyPatch
) -> None:
    server, slow = start_server(), Slow()
    monkeypatch.setattr(server.book.keys, "rotate", lambda progress: slow.run(progress, 5_000))
    with (
        server.client() as client,
        client.stream("POST", "/api/v1/keys/rotation", headers=EVENTS) as response,
    ):
        events = events_of(response)
        assert next(events)[0] == "progress"
        server.server.should_exit = True
        name, told = list(events)[-1]
    assert (name, told["type"]) == ("failed", "/problems/stopping")
    assert slow.ended.wait(10)
    server.stop()


def _leave(server: RunningServer, path: str, headers: dict[str, str], slow: Slow) -> None:
    """Begin an operation and break the connection when it is under way."""
    host = f"127.0.0.1:{server.port}"
    lines = [f"POST {path} HTTP/1.1", f"Host: {host}", "Content-Length: 0"]
    lines += [f"{name}: {value}" for name, value in headers.items()]
    with socket.create_connection(("127.0.0.1", server.port), timeout=20) as connection:
        connection.sendall(("\r\n".join(lines) + "\r\n\r\n").encode())
        assert slow.began.wait(20)


def test_a_hold_on_one_conversation_is_listed_with_its_reason(api: httpx.Client) -> None:
    where = ask(api, "kept")["conversation_id"]
    done = api.post(f"{LIST}/{where}/hold", json={"reason": "Wanted by the court."})
    fresh = {"at_least": done.headers["daybook-log-size"]}
    holds = {one["id"]: one for one in api.get("/api/v1/holds", params=fresh).json()["holds"]}
    assert (holds[where]["kind"], holds[where]["reason"]) == ("conversation", "Wanted by the court.")
