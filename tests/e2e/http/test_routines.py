"""Routines over HTTP: saved, changed, run in the three ways a prompt is, removed and erased."""

from __future__ import annotations

from typing import Any

import httpx
import pytest

from tests.support.server_sent import events_of

ROUTINES = "/api/v1/routines"
BODY: dict[str, Any] = {"variables": {"lang": "French"}, "input": "hello"}


@pytest.fixture
def routine(api: httpx.Client, request: pytest.FixtureRequest) -> str:
    """The path of a routine of the test's own."""
    name = request.node.name.split("[")[0].replace("_", "-")[-60:].strip("-")
    body = {"name": name, "prompt": "In {{lang}}, {{tone=kindly}}: {{input}}", "options": {"seed": 3}}
    response = api.post(ROUTINES, json=body)
    assert response.status_code == 201, response.text
    location: str = response.headers["location"]
    return location


def test_a_run_is_accepted_waited_for_or_streamed(api: httpx.Client, routine: str) -> None:
    accepted = api.post(f"{routine}/runs", json=BODY)
    assert accepted.status_code == 202
    assert accepted.headers["location"] == f"/api/v1/answers/{accepted.json()['answer_id']}"

    answer = api.post(f"{routine}/runs", json=BODY, headers={"Prefer": "wait=30"}).json()
    assert (answer["status"], "In French, kindly: hello" in answer["text"]) == ("complete", True)

    with api.stream("POST", f"{routine}/runs", json=BODY, headers={"Accept": "text/event-stream"}) as stream:
        names = [name for name, _ in events_of(stream)]
        size = {"at_least": stream.headers["daybook-log-size"]}
    assert (names[0], names[-1]) == ("asked", "done")

    found = api.get(f"/api/v1/conversations/{answer['conversation_id']}").json()["messages"][0]
    identifier = routine.rpartition("/")[2]
    assert found["made_by"] == {
        "routine_id": identifier,
        "version": 1,
        "variables": {"lang": "French", "tone": "kindly"},
    }
    listed = api.get("/api/v1/conversations", params={"routine_id": identifier, **size}).json()
    assert [one["routine_version"] for one in listed["conversations"]] == [1, 1, 1]
    assert api.get(routine, params=size).json()["run_count"] == 3


def test_a_run_that_lacks_something_is_refused(api: httpx.Client, routine: str) -> None:
    refused = api.post(f"{routine}/runs", json={"input": "hello"})
    assert (refused.status_code, "value for lang" in refused.json()["detail"]) == (422, True)
    assert api.post(f"{routine}/runs").status_code == 422
    assert api.post(f"{routine}/runs", json={**BODY, "version": 2}).status_code == 404
    assert api.post(f"{routine}/runs", json={**BODY, "variable": {}}).status_code == 422


def test_a_change_is_a_version_and_needs_the_one_it_was_decided_on(api: httpx.Client, routine: str) -> None:
    shown = api.get(routine)
    assert api.get(routine, headers={"If-None-Match": shown.headers["etag"]}).status_code == 304
    match = {"If-Match": shown.headers["etag"]}
    changed = api.patch(routine, json={"description": "d", "think": False}, headers=match)
    assert (changed.status_code, changed.headers["etag"]) == (200, '"2"')
    assert api.patch(routine, json={"description": "e"}, headers=match).status_code == 412
    size = {"at_least": changed.json()["log_size"]}
    now = api.get(routine, params=size).json()
    assert (now["version"], now["description"], now["think"], now["options"]) == (2, "d", False, {"seed": 3})
    assert now["variables"] == [{"name": "lang", "default": None}, {"name": "tone", "default": "kindly"}]
    assert now["input_is_placed"]
    versions = api.get(f"{routine}/versions", params=size).json()["versions"]
    assert [(one["version"], one["description"]) for one in versions] == [(1, None), (2, "d")]


def test_names_are_given_once_and_freed_by_a_removal(api: httpx.Client, routine: str) -> None:
    name = api.get(routine).json()["name"]
    taken = api.post(ROUTINES, json={"name": name, "prompt": "x"})
    assert (taken.status_code, name in taken.json()["detail"]) == (409, True)
    size = {"at_least": api.delete(routine).json()["log_size"]}
    assert api.get(ROUTINES, params={"name": name, **size}).json()["routines"] == []
    assert api.get(routine, params=size).json()["removed_at"]
    assert api.post(f"{routine}/runs", json=BODY).status_code == 409
    assert api.post(ROUTINES, json={"name": name, "prompt": "x"}).status_code == 201


def test_an_erased_routine_is_gone(api: httpx.Client, routine: str) -> None:
    seen = api.get(f"{routine}/erasure").json()
    assert (seen["kind"], seen["conversation_count"]) == ("routine", 0)
    key = {"Idempotency-Key": f"erase {routine}"}
    erased = api.post(f"{routine}/erasure", headers=key).json()
    assert erased["finished"]
    assert api.get(routine, params={"at_least": erased["log_size"]}).status_code == 410
    assert api.post(f"{routine}/runs", json=BODY).status_code == 410
    assert api.post(f"{routine}/erasure", headers=key).json()["log_size"] == erased["log_size"]
    assert api.post(f"{routine}/erasure").status_code == 410


def test_lists_go_on_where_they_ended(api: httpx.Client, routine: str) -> None:
    api.post(ROUTINES, json={"name": "another-one", "prompt": "x"})
    first = api.get(ROUTINES, params={"limit": 1, "include_removed": True}).json()
    following = {"limit": 1, "include_removed": True, "cursor": first["next_cursor"]}
    second = api.get(ROUTINES, params=following).json()
    assert first["routines"][0]["id"] != second["routines"][0]["id"]
    unknown = "00000000-0000-0000-0000-000000000000"
    assert api.get(ROUTINES, params={"cursor": unknown}).status_code == 422
    assert api.get(f"{ROUTINES}/{unknown}").status_code == 404
    identifier = first["routines"][0]["id"]
    named = {"id": identifier, "kind": "routine", "title": first["routines"][0]["name"]}
    assert named.items() <= api.get(f"/api/v1/ids/{identifier}").json()["found"][0].items()
