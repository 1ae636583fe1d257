"""The ways in which one request gets an answer."""

from collections.abc import Callable
from typing import Any
from uuid import UUID

import httpx
import pytest

from tests.support.http_client import ask, conversation
from tests.support.server_sent import events_of

PROMPTS = "/api/v1/prompts"
SLOW = "simulator-slow"
EVENTS = {"Accept": "text/event-stream"}


def path_in_a_conversation(api: httpx.Client) -> str:
    return f"/api/v1/conversations/{conversation(api)}/prompts"


def path_of_another_answer(api: httpx.Client) -> str:
    asked = ask(api, "first")
    api.get(f"/api/v1/answers/{asked['answer_id']}/stream")
    return f"/api/v1/conversations/{asked['conversation_id']}/prompts/{asked['prompt_id']}/answers"


WAYS: list[tuple[Callable[[httpx.Client], str], dict[str, Any]]] = [
    (lambda _: PROMPTS, {"text": "Why?"}),
    (path_in_a_conversation, {"text": "Why?"}),
    (path_of_another_answer, {}),
]


@pytest.mark.parametrize(("path", "body"), WAYS)
def test_without_a_preference_the_prompt_is_accepted(
    api: httpx.Client, path: Callable[[httpx.Client], str], body: dict[str, Any]
) -> None:
    response = api.post(path(api), json=body)

    assert response.status_code == 202
    asked = response.json()
    assert response.headers["location"] == f"/api/v1/answers/{asked['answer_id']}"
    assert response.headers["daybook-log-size"] == str(asked["log_size"])
    assert "preference-applied" not in response.headers


@pytest.mark.parametrize(("path", "body"), WAYS)
def test_who_waits_gets_the_finished_answer(
    api: httpx.Client, path: Callable[[httpx.Client], str], body: dict[str, Any]
) -> None:
    response = api.post(path(api), json=body, headers={"Prefer": "respond-async, wait=60"})

    assert response.status_code == 200
    answer = response.json()
    assert answer["status"] == "complete"
    assert answer["text"]
    assert response.headers["preference-applied"] == "wait=60"
    assert response.headers["location"] == response.headers["content-location"]
    assert int(response.headers["daybook-log-size"]) == answer["log_size"]
    read = api.get(response.headers["location"], params={"at_least": answer["log_size"]}).json()
    assert {name: read[name] for name in ("text", "thinking", "status", "usage")} == {
        name: answer[name] for name in ("text", "thinking", "status", "usage")
    }


def test_who_waits_too_short_gets_what_the_others_get(api: httpx.Client) -> None:
    response = api.post(
        PROMPTS, json={"text": "take your time", "model": "simulator-stall"}, headers={"Prefer": "wait=1"}
    )

    assert response.status_code == 202
    assert response.headers["preference-applied"] == "wait=1"
    answer = api.get(response.headers["location"]).json()
    assert answer["status"] == "streaming"
    api.post(f"{response.headers['location']}/cancel")


@pytest.mark.parametrize(("path", "body"), WAYS)
def test_the_answer_comes_in_the_same_request(
    api: httpx.Client, path: Callable[[httpx.Client], str], body: dict[str, Any]
) -> None:
    with api.stream("POST", path(api), json=body, headers=EVENTS) as response:
        location = response.headers["location"]
        assert response.headers["daybook-log-size"]
        events = list(events_of(response))

    names = [name for name, _ in events]
    assert names[:2] == ["asked", "status"]
    assert names[-1] == "done"
    asked = events[0][1]
    assert location == f"/api/v1/answers/{asked['answer_id']}"
    text = "".join(data.get("text", "") for name, data in events if name == "delta")
    assert text == api.get(location).json()["text"]


def test_a_client_that_leaves_a_stream_leaves_the_answer_to_itself(api: httpx.Client) -> None:
    body = {"text": "to the end", "model": SLOW}
    with api.stream("POST", PROMPTS, json=body, headers=EVENTS) as response:
        location = response.headers["location"]
        assert next(events_of(response))[0] == "asked"

    with api.stream("GET", f"{location}/stream") as response:
        assert [name for name, _ in events_of(response)][-1] == "done"
    assert api.get(location).json()["status"] == "complete"


def test_a_failed_answer_is_a_finished_one(api: httpx.Client) -> None:
    body = {"text": "anybody?", "model": "missing:1b"}
    response = api.post(PROMPTS, json=body, headers={"Prefer": "wait=30"})

    assert response.status_code == 200
    answer = response.json()
    assert (answer["status"], answer["reason"]) == ("failed", "model-missing")
    assert "missing:1b" in answer["detail"]
    with api.stream("POST", PROMPTS, json=body, headers=EVENTS) as response:
        name, end = list(events_of(response))[-1]
    assert (name, end["reason"]) == ("failed", "model-missing")


@pytest.mark.parametrize("headers", [{}, {"Prefer": "wait=30"}, EVENTS])
def test_a_prompt_that_was_asked_before_is_answered_by_the_first(
    api: httpx.Client, headers: dict[str, str]
) -> None:
    headers = headers | {"Idempotency-Key": f"again-{headers}".replace(" ", "")}
    body = {"text": "only once"}
    first = api.post(PROMPTS, json=body, headers=headers | {"Prefer": "wait=30", "Accept": "*/*"}).json()
    if "Accept" in headers:
        with api.stream("POST", PROMPTS, json=body, headers=headers) as response:
            events = list(events_of(response))
        asked = events[0][1]
        assert asked["replayed"]
        assert "".join(data.get("text", "") for name, data in events if name == "delta") == first["text"]
    else:
        asked = api.post(PROMPTS, json=body, headers=headers).json()
    assert asked["answer_id"] == first["answer_id"]
    assert asked["conversation_id"] == first["conversation_id"]


def test_a_conversation_may_open_in_a_project_with_everything_a_prompt_has(api: httpx.Client) -> None:
    project = api.post("/api/v1/projects", json={"name": "P", "instructions": "Be brief."}).json()["id"]
    body = {"text": "hi", "project_id": project, "options": {"num_ctx": 4096}, "think": False}
    answer = api.post(PROMPTS, json=body, headers={"Prefer": "wait=30"}).json()

    found = api.get(f"/api/v1/conversations/{answer['conversation_id']}").json()
    assert found["project_id"] == project
    provenance = api.get(f"/api/v1/messages/{answer['answer_id']}/provenance").json()
    assert provenance["options"] == {"num_ctx": 4096}
    assert provenance["instructions_project_id"] == project
    assert provenance["sent_message_ids"] == [answer["prompt_id"]]
    assert len(provenance["request_hash"]) == 64
    refused = api.get(f"/api/v1/messages/{answer['prompt_id']}/provenance")
    assert refused.status_code == 422
    assert api.post(PROMPTS, json={"text": "x", "parent_id": str(UUID(int=0))}).status_code == 422
