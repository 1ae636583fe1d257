"""Changing what was read: tags, keys, methods; and what stands in nobody's way."""

import threading
from typing import Any
from uuid import uuid4

import httpx
import pytest

from application.commands import StartConversation
from application.handlers import HANDLERS
from tests.e2e.http.test_rules import is_problem
from tests.support.http_client import answered, ask, conversation
from tests.support.http_server import RunningServer

LIST = "/api/v1/conversations"


@pytest.fixture
def project(api: httpx.Client) -> str:
    return str(api.post("/api/v1/projects", json={"name": "Sailing"}).json()["id"])


def test_a_tag_is_what_a_change_is_decided_on(api: httpx.Client) -> None:
    path = f"{LIST}/{conversation(api)}"
    seen = api.get(path).headers["etag"]

    first = api.patch(path, json={"title": "mine"}, headers={"If-Match": seen})
    second = api.patch(path, json={"title": "theirs"}, headers={"If-Match": seen})

    assert first.status_code == 200
    problem = is_problem(second, 412, "changed-meanwhile")
    assert "has changed since you read it" in problem["detail"]
    now = api.get(path, params={"at_least": first.headers["daybook-log-size"]})
    assert now.json()["title"] == "mine"
    assert now.headers["etag"] == first.headers["etag"] != seen
    chained = api.patch(path, json={"title": "again"}, headers={"If-Match": first.headers["etag"]})
    assert chained.status_code == 200
    assert api.post(f"{path}/archive", headers={"If-Match": "*"}).status_code == 200


def test_of_many_who_saw_the_same_one_alone_changes_it(server: RunningServer, project: str) -> None:
    path = f"/api/v1/projects/{project}"
    with server.client() as client:
        seen = client.get(path).headers["etag"]
    start, statuses = threading.Barrier(6), []

    def change(number: int) -> None:
        with server.client() as client:
            client.get("/healthz")
            start.wait()
            body = {"name": f"by {number}"}
            statuses.append(client.patch(path, json=body, headers={"If-Match": seen}).status_code)

    threads = [threading.Thread(target=change, args=(number,)) for number in range(6)]
    for thread in threads:
        thread.start()
    for thread in threads:
        thread.join()
    assert sorted(statuses) == [200, *[412] * 5]


def test_who_has_the_newest_gets_no_body(api: httpx.Client, project: str) -> None:
    path = f"/api/v1/projects/{project}"
    tag = api.get(path).headers["etag"]
    same = api.get(path, headers={"If-None-Match": tag})
    assert (same.status_code, same.content, same.headers["etag"]) == (304, b"", tag)
    done = api.patch(path, json={"description": "boats"}).headers
    headers = {"If-None-Match": tag, "Daybook-Log-Size": done["daybook-log-size"]}
    other = api.get(path, headers=headers)
    assert (other.status_code, other.json()["description"]) == (200, "boats")


def test_a_project_is_changed_in_one_append(api: httpx.Client, project: str) -> None:
    path = f"/api/v1/projects/{project}"
    body = {"name": "Boats", "description": "d", "instructions": "i", "default_model": "m:1b"}
    done = api.patch(path, json=body)

    fresh = {"at_least": done.headers["daybook-log-size"]}
    found = api.get(path, params=fresh).json()
    assert {name: found[name] for name in body} == body
    events = api.get("/api/v1/audit/log", params={"stream_id": project, "order": "oldest"}).json()["events"]
    assert [event["type"] for event in events] == [
        "project.created",
        "project.renamed",
        "project.described",
        "project.instructions-changed",
        "project.default-model-set",
    ]
    assert len({event["correlation_id"] for event in events[1:]}) == 1
    done = api.patch(path, json={"instructions": "", "default_model": ""})
    found = api.get(path, params={"at_least": done.headers["daybook-log-size"]}).json()
    assert (found["instructions"], found["default_model"], found["name"]) == (None, None, "Boats")
    for verb in ("archive", "restore"):
        assert api.post(f"{path}/{verb}").status_code == 200
    assert [
        one["id"] for one in api.get("/api/v1/projects", params={"name": "Boats"}).json()["projects"]
    ] == [project]


def test_a_key_may_come_in_quotes(api: httpx.Client) -> None:
    opened = {
        api.post(LIST, json={"title": "t"}, headers={"Idempotency-Key": key}).json()["id"]
        for key in ('"quoted-key"', "quoted-key")
    }
    assert len(opened) == 1


def test_a_command_that_is_under_way_is_not_begun_again(
    api: httpx.Client, server: RunningServer, monkeypatch: pytest.MonkeyPatch
) -> None:
    entered, go_on = threading.Event(), threading.Event()
    handle = HANDLERS[StartConversation]

    def slow(services: Any, command: Any) -> Any:
        entered.set()
        assert go_on.wait(20)
        return handle(services, command)

    monkeypatch.setitem(HANDLERS, StartConversation, slow)
    headers = {"Idempotency-Key": "slow-1"}
    results: list[httpx.Response] = []

    def first() -> None:
        with server.client() as client:
            results.append(client.post(LIST, json={"title": "t"}, headers=headers))

    thread = threading.Thread(target=first)
    thread.start()
    assert entered.wait(20)
    refused = api.post(LIST, json={"title": "t"}, headers=headers)
    go_on.set()
    thread.join()
    is_problem(refused, 409, "already-under-way")
    assert refused.headers["retry-after"] == "1"
    again = api.post(LIST, json={"title": "t"}, headers=headers)
    assert again.json() == results[0].json()


def test_head_is_get_without_a_body(api: httpx.Client) -> None:
    asked = ask(api, "once")
    for path in (
        LIST,
        f"{LIST}/{asked['conversation_id']}",
        "/healthz",
        "/docs",
        f"/api/v1/answers/{asked['answer_id']}/stream",
    ):
        response = api.head(path)
        assert response.status_code == 200, path
        assert response.content == b""
    assert api.head(f"{LIST}/{asked['conversation_id']}").headers["etag"]
    assert api.head(f"{LIST}/{uuid4()}").status_code == 404
    assert api.head(f"{LIST}/{asked['conversation_id']}/prompts").status_code == 405


def test_options_and_405_tell_what_a_path_takes(api: httpx.Client) -> None:
    everything = {"GET", "HEAD", "OPTIONS", "POST"}
    response = api.options(LIST)
    assert (response.status_code, response.content) == (204, b"")
    assert set(response.headers["allow"].split(", ")) == everything
    refused = api.delete(LIST)
    problem = is_problem(refused, 405, "no-such-method")
    assert set(refused.headers["allow"].split(", ")) == everything
    assert "DELETE" in problem["detail"]
    is_problem(api.options("/api/v1/nothing"), 404, "no-such-path")


def test_requests_of_one_action_share_their_correlation_id(api: httpx.Client) -> None:
    correlation = str(uuid4())
    headers = {"Daybook-Correlation-Id": correlation}
    one = api.post(LIST, json={"title": "a"}, headers=headers)
    two = api.post(LIST, json={"title": "b"}, headers=headers)

    assert one.headers["daybook-correlation-id"] == two.headers["daybook-correlation-id"] == correlation
    assert one.headers["daybook-request-id"] != two.headers["daybook-request-id"]
    found = api.get("/api/v1/audit/log", params={"correlation_id": correlation, "limit": 10}).json()
    assert {event["stream"] for event in found["events"]} == {one.json()["id"], two.json()["id"]}
    odd = api.post(LIST, json={}, headers={"Daybook-Correlation-Id": "not an id"})
    assert odd.headers["daybook-correlation-id"] == odd.headers["daybook-request-id"]


def test_a_tree_is_shown_and_gone_on_from(api: httpx.Client) -> None:
    first = api.post("/api/v1/prompts", json={"text": "root"}, headers={"Prefer": "wait=30"}).json()
    where = first["conversation_id"]
    answered(api, "then", conversation_id=where)
    tree = api.get(f"{LIST}/{where}/tree").json()
    assert [node["kind"] for node in tree["messages"]] == ["prompt", "answer"] * 2
    assert tree["current_id"] == tree["messages"][-1]["id"]

    done = api.put(f"{LIST}/{where}/current", json={"message_id": first["answer_id"]})
    assert done.status_code == 200
    fresh = {"at_least": done.headers["daybook-log-size"]}
    assert api.get(f"{LIST}/{where}/tree", params=fresh).json()["current_id"] == first["answer_id"]
    assert len(api.get(f"{LIST}/{where}", params=fresh).json()["messages"]) == 2
    branch = api.get(f"{LIST}/{where}", params={"leaf_id": tree["current_id"], **fresh}).json()
    assert len(branch["messages"]) == 4
    following = api.get(f"/api/v1/messages/{first['answer_id']}/following").json()["messages"]
    assert [one["id"] for one in following] == [tree["messages"][2]["id"]]


def test_things_are_found_by_a_piece_of_their_id(api: httpx.Client, project: str) -> None:
    asked = ask(api, "find me")
    kinds = {
        asked["conversation_id"]: "conversation",
        asked["prompt_id"]: "prompt",
        asked["answer_id"]: "answer",
        project: "project",
    }
    size = str(asked["log_size"])
    for whole, kind in kinds.items():
        for piece in (whole, whole[-8:]):
            found = api.get(f"/api/v1/ids/{piece}", headers={"Daybook-Log-Size": size}).json()["found"]
            assert (whole, kind) in [(one["id"], one["kind"]) for one in found]
    assert api.get("/api/v1/ids/zzzz").status_code == 422
    latest = api.get("/api/v1/latest", headers={"Daybook-Log-Size": size}).json()
    assert latest == {"conversation_id": asked["conversation_id"], "answer_id": asked["answer_id"]}
    message = api.get(f"/api/v1/messages/{asked['prompt_id']}").json()
    assert (message["text"], message["conversation_id"], message["source"]) == (
        "find me",
        asked["conversation_id"],
        "api",
    )
    assert api.get(f"/api/v1/messages/{uuid4()}").status_code == 404
