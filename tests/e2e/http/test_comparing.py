"""A replay against what was recorded, over HTTP."""

from __future__ import annotations

import re
import time
from uuid import uuid4

import httpx

from tests.e2e.http.test_rules import is_problem
from tests.support.http_client import answered

API = "/api/v1"


def replayed(api: httpx.Client, seed: int) -> str:
    """Ask a question, replay its answer to the end, and return the replay."""
    reader = answered(api, "Why is the sea salt <b>now</b>?")
    shown = api.get(f"{API}/answers/{reader.answer_id}").json()
    body = {"conversation_id": shown["conversation_id"], "model": shown["model"], "options": {"seed": seed}}
    started = api.post(f"{API}/replays", json=body)
    assert started.status_code in {200, 201, 202}, started.text
    found: str = started.json()["id"]
    for _ in range(200):
        if api.get(f"{API}/replays/{found}").json()["status"] == "complete":
            return found
        time.sleep(0.05)
    raise AssertionError("the replay does not come to its end")


def test_figures_and_texts_are_one_document_and_the_page_another(api: httpx.Client) -> None:
    replay = replayed(api, 7)
    found = api.get(f"{API}/replays/{replay}/comparison").json()
    assert (found["replay_id"], found["prompt_count"], found["compared_count"]) == (replay, 1, 1)
    [one] = found["prompts"]
    assert one["prompt"] == "Why is the sea salt <b>now</b>?"
    assert one["old"]["text"]
    assert one["runs"][0]["new"]["text"]

    page = api.get(f"{API}/replays/{replay}/comparison.html")
    assert page.headers["content-type"] == "text/html; charset=utf-8"
    assert page.headers["content-security-policy"].startswith("default-src 'none'")
    assert "Why is the sea salt &lt;b&gt;now&lt;/b&gt;?" in page.text
    assert not re.findall(r"<(?:script|link|img|iframe)\b", page.text)


def test_what_is_not_there_has_no_comparison(api: httpx.Client) -> None:
    for path in ("comparison", "comparison.html"):
        is_problem(api.get(f"{API}/replays/{uuid4()}/{path}"), 404, "not-found")
