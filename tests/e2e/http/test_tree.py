"""Edits, forks, branches, ratings, notes and usage over HTTP."""

from __future__ import annotations

from typing import Any
from uuid import uuid4

import httpx
import pytest

from tests.e2e.http.test_rules import is_problem
from tests.support.http_client import answered

API = "/api/v1"


@pytest.fixture
def talk(api: httpx.Client) -> dict[str, Any]:
    """A conversation of one prompt and one ended answer."""
    reader = answered(api, "Why is the sky blue?")
    found: dict[str, Any] = api.get(f"{API}/answers/{reader.answer_id}").json()
    return found


def fresh(response: httpx.Response) -> dict[str, str]:
    """Return the header with which a query shows at least this."""
    return {"Daybook-Log-Size": response.headers["daybook-log-size"]}


def test_an_edit_is_answered_beside_the_old_prompt(api: httpx.Client, talk: dict[str, Any]) -> None:
    path = f"{API}/conversations/{talk['conversation_id']}"
    edit = api.post(
        f"{path}/prompts/{talk['prompt_id']}/edits",
        json={"text": "Why is it red?", "options": {"temperature": 1}},
        headers={"Prefer": "wait=30"},
    )
    assert edit.status_code == 200
    assert edit.json()["status"] == "complete"

    tree = api.get(f"{path}/tree", params={"beginnings": True}).json()
    assert tree["current_id"] == edit.json()["answer_id"]
    assert [
        (one["kind"], one["sibling_index"], one["sibling_count"], one["current"]) for one in tree["messages"]
    ] == [("prompt", 1, 2, False), ("answer", 1, 1, False), ("prompt", 2, 2, True), ("answer", 1, 1, True)]
    assert tree["messages"][2]["beginning"] == "Why is it red?"
    assert {one["beginning"] for one in api.get(f"{path}/tree").json()["messages"]} == {None}
    shown = api.get(path).json()["messages"]
    assert [one["sibling_index"] for one in shown] == [2, 1]
    wrong = api.post(f"{path}/prompts/{talk['answer_id']}/edits", json={"text": "x"})
    assert "prompts are edited" in is_problem(wrong, 422, "invalid-input")["detail"]
    is_problem(api.post(f"{path}/prompts/{uuid4()}/edits", json={"text": "x"}), 404, "not-found")


def test_the_current_branch_is_chosen_by_any_message_of_it(api: httpx.Client, talk: dict[str, Any]) -> None:
    path = f"{API}/conversations/{talk['conversation_id']}"
    api.post(
        f"{path}/prompts/{talk['prompt_id']}/edits", json={"text": "Red?"}, headers={"Prefer": "wait=30"}
    )
    chosen = api.put(f"{path}/current", json={"message_id": talk["prompt_id"], "to_end": True})

    assert api.get(f"{path}/tree", headers=fresh(chosen)).json()["current_id"] == talk["answer_id"]
    is_problem(api.put(f"{path}/current", json={"message_id": talk["prompt_id"]}), 422, "invalid-input")


def test_a_fork_knows_its_origin(api: httpx.Client, talk: dict[str, Any]) -> None:
    path = f"{API}/conversations/{talk['conversation_id']}/forks"
    body = {"message_id": talk["answer_id"], "title": "Mine"}
    key = {"Idempotency-Key": str(uuid4())}
    made = api.post(path, json=body, headers=key)

    assert made.status_code == 201
    assert api.post(path, json=body, headers=key).json()["id"] == made.json()["id"]
    found = api.get(made.headers["location"], headers=fresh(made)).json()
    assert (found["title"], found["origin_conversation_id"]) == ("Mine", talk["conversation_id"])
    assert [one["origin_message_id"] for one in found["messages"]] == [talk["prompt_id"], talk["answer_id"]]
    copied = found["messages"][1]
    old = api.get(f"{API}/messages/{talk['answer_id']}").json()
    assert {name: copied[name] for name in ("text", "at", "ended_at", "usage", "timings", "model")} == {
        name: old[name] for name in ("text", "at", "ended_at", "usage", "timings", "model")
    }
    provenance = api.get(f"{API}/messages/{copied['id']}/provenance").json()
    assert provenance["sent_message_ids"] == [found["messages"][0]["id"]]


def test_an_answer_is_rated(api: httpx.Client, talk: dict[str, Any]) -> None:
    path = f"{API}/answers/{talk['answer_id']}/rating"
    rated = api.put(path, json={"rating": "up", "words": "Short."})
    shown = api.get(f"{API}/messages/{talk['answer_id']}", headers=fresh(rated)).json()
    assert (shown["rating"], shown["rating_words"]) == ("up", "Short.")
    cleared = api.put(path, json={"rating": None})
    shown = api.get(f"{API}/messages/{talk['answer_id']}", headers=fresh(cleared)).json()
    assert (shown["rating"], shown["rating_words"]) == (None, None)
    assert api.put(path, json={"rating": "5"}).status_code == 422
    is_problem(api.put(f"{API}/answers/{talk['prompt_id']}/rating", json={"rating": "up"}), 404, "not-found")


def test_a_note_comes_changes_and_goes(api: httpx.Client, talk: dict[str, Any]) -> None:
    message = f"{API}/messages/{talk['prompt_id']}"
    made = api.post(f"{message}/notes", json={"text": "Look this up."})
    assert made.status_code == 201
    note = made.headers["location"]
    assert api.get(note, headers=fresh(made)).json()["text"] == "Look this up."
    changed = api.put(note, json={"text": "Looked up."})
    (shown,) = api.get(message, headers=fresh(changed)).json()["notes"]
    assert (shown["id"], shown["text"]) == (made.json()["id"], "Looked up.")
    assert shown["changed_at"] is not None
    gone = api.delete(note)
    assert api.get(message, headers=fresh(gone)).json()["notes"] == []
    for response in (api.get(note), api.put(note, json={"text": "x"}), api.delete(note)):
        is_problem(response, 404, "not-found")
    is_problem(api.post(f"{message}/notes", json={"text": " "}), 422, "invalid-input")


def test_what_was_spent_is_counted(api: httpx.Client, talk: dict[str, Any]) -> None:
    size = {"at_least": talk["log_size"]}
    by_day = api.get(f"{API}/usage", params={"by": "day", "zone": "Europe/Berlin", **size}).json()
    assert by_day["total"]["answer_count"] >= 1
    assert by_day["groups"][-1]["day"]
    none = api.get(f"{API}/usage", params={"until": "2020-01-01T00:00:00", **size}).json()
    assert (none["groups"], none["total"]["answer_count"]) == ([], 0)
    wrong = api.get(f"{API}/usage", params={"by": "day", "zone": "Nowhere/Land"})
    assert "time zone" in is_problem(wrong, 422, "invalid-input")["detail"]
