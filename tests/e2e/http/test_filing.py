"""Tags, moves, pins, filters, instructions and titles over HTTP."""

from __future__ import annotations

import time
from collections.abc import Callable
from pathlib import Path
from typing import Any
from uuid import uuid4

import httpx
import pytest

from infrastructure.simulator.server import RunningSimulator
from tests.e2e.http.test_rules import is_problem
from tests.support.http_client import answered
from tests.support.http_server import RunningServer

API = "/api/v1"


@pytest.fixture
def talk(api: httpx.Client) -> str:
    """A conversation of one prompt and one ended answer."""
    reader = answered(api, "Why is the sky blue?")
    found: str = api.get(f"{API}/answers/{reader.answer_id}").json()["conversation_id"]
    return found


def fresh(response: httpx.Response) -> dict[str, str]:
    assert response.status_code in {200, 201}, response.text
    return {"Daybook-Log-Size": response.headers["daybook-log-size"]}


def listed(api: httpx.Client, headers: dict[str, str], **params: Any) -> list[str]:
    found = api.get(f"{API}/conversations", params=params, headers=headers).json()["conversations"]
    return [one["id"] for one in found]


def test_a_conversation_is_filed_in_one_request(api: httpx.Client, talk: str) -> None:
    project = api.post(f"{API}/projects", json={"name": "Optics", "default_options": {"seed": 7}}).json()[
        "id"
    ]
    path = f"{API}/conversations/{talk}"
    seen = api.get(path).headers["etag"]
    done = api.patch(
        path,
        json={"title": "Blue", "project_id": project, "tags": ["Sky", "light"], "pinned": True},
        headers={"If-Match": seen},
    )
    shown = api.get(path, headers=fresh(done)).json()
    assert (shown["title"], shown["title_by"], shown["project_id"]) == ("Blue", "person", project)
    assert (shown["pinned"], shown["tags"]) == (True, ["light", "Sky"])
    is_problem(api.patch(path, json={"pinned": False}, headers={"If-Match": seen}), 412, "changed-meanwhile")

    headers = fresh(done)
    assert listed(api, headers, tag=["sky", "LIGHT"], project_id=project, pinned=True) == [talk]
    assert listed(api, headers, tag=["sky", "dark"]) == []
    assert listed(api, headers, tag="sky", until="2020-01-01T00:00:00Z") == []
    assert listed(api, headers, tag="sky", since="2020-01-01", sort="title") == [talk]
    assert listed(api, headers, tag="sky", model="nobody") == []
    names = [one["name"] for one in api.get(f"{API}/tags", headers=headers).json()["tags"]]
    assert {"Sky", "light"} <= set(names)

    found = api.get(f"{API}/search", params={"q": "sky", "tag": "sky", "kind": "prompt"}, headers=headers)
    assert [hit["conversation_id"] for hit in found.json()["results"]] == [talk]
    assert found.json()["results"][0]["project_id"] == project
    for nothing in (
        {"tag": "dark"},
        {"model": "nobody"},
        {"until": "2020-01-01"},
        {"project_id": str(uuid4())},
    ):
        assert api.get(f"{API}/search", params={"q": "sky", **nothing}).json()["results"] == []

    headers = fresh(api.patch(path, json={"project_id": None, "remove_tags": ["LIGHT"], "add_tags": ["x"]}))
    shown = api.get(path, headers=headers).json()
    assert (shown["project_id"], shown["tags"]) == (None, ["Sky", "x"])
    archived = fresh(api.patch(path, json={"archived": True}))
    assert listed(api, archived, tag="sky") == []
    assert listed(api, archived, tag="sky", archived="only") == [talk]


@pytest.mark.parametrize(
    ("body", "status"),
    [
        ({}, 422),
        ({"tags": ["a,b"]}, 422),
        ({"tags": [""]}, 422),
        ({"tags": ["a"] * 33}, 422),
        ({"add_tags": ["a"], "remove_tags": ["a"]}, 422),
        ({"project_id": str(uuid4())}, 404),
        ({"title": ""}, 422),
    ],
)
def test_what_cannot_be_done_changes_nothing(
    api: httpx.Client, talk: str, body: dict[str, Any], status: int
) -> None:
    before = api.get(f"{API}/conversations/{talk}").headers["etag"]
    assert api.patch(f"{API}/conversations/{talk}", json=body).status_code == status
    assert api.get(f"{API}/conversations/{talk}").headers["etag"] == before


def test_instructions_have_versions_that_answers_name(api: httpx.Client) -> None:
    body = {"name": "Physics", "instructions": "Be brief.", "default_options": {"seed": 7}}
    project = api.post(f"{API}/projects", json=body).json()["id"]
    path = f"{API}/projects/{project}"
    asked = api.post(
        f"{API}/prompts", json={"text": "Hi", "project_id": project}, headers={"Prefer": "wait=30"}
    ).json()
    made = api.get(f"{API}/messages/{asked['answer_id']}/provenance").json()
    assert made["options"]["seed"] == 7
    version = made["instructions_version"]
    headers = fresh(api.patch(path, json={"instructions": "Be long.", "default_options": {}}))
    shown = api.get(path, headers=headers).json()
    assert (shown["default_options"], shown["instructions_version"] > version) == ({}, True)
    assert api.get(f"{path}/instructions/{version}").json()["text"] == "Be brief."
    headers = fresh(api.post(f"{path}/instructions/{version}/restore"))
    every = api.get(f"{path}/instructions", headers=headers).json()["instructions"]
    assert [(one["text"], one["current"]) for one in every] == [
        ("Be brief.", True),
        ("Be long.", False),
        ("Be brief.", False),
    ]
    is_problem(api.get(f"{path}/instructions/99"), 404, "not-found")
    is_problem(api.post(f"{path}/instructions/99/restore"), 404, "not-found")
    is_problem(api.get(f"{API}/projects/{uuid4()}/instructions"), 404, "not-found")


def test_a_server_gives_titles_after_the_answer(
    new_database: Callable[[], str], simulator: RunningSimulator, tmp_path: Path
) -> None:
    settings = {"DAYBOOK_TITLES": "on"}
    with (
        RunningServer(new_database(), tmp_path, simulator.url, settings=settings) as server,
        server.client() as api,
    ):
        asked = api.post(f"{API}/prompts", json={"text": "Why is it red?"}, headers={"Prefer": "wait=30"})
        path = f"{API}/conversations/{asked.json()['conversation_id']}"
        deadline = time.monotonic() + 20
        while (shown := api.get(path).json())["title_by"] is None:
            assert time.monotonic() < deadline
            time.sleep(0.05)
        assert (shown["title"], shown["title_by"]) == ("Simulated: Why is it red?", "model")
