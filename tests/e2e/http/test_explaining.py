"""What made an answer, over HTTP."""

from __future__ import annotations

import httpx

from tests.e2e.http.test_rules import is_problem
from tests.support.http_client import answered

API = "/api/v1"


def test_an_answer_is_explained_with_its_very_request(api: httpx.Client) -> None:
    reader = answered(api, "Why is the sea salt?")
    shown = api.get(f"{API}/answers/{reader.answer_id}").json()
    found = api.get(f"{API}/answers/{reader.answer_id}/explanation").json()

    assert (found["check"], found["not_rendered"], found["instructions"]) == ("same", None, None)
    assert found["sent"] == [
        {"message_id": shown["prompt_id"], "role": "user", "content": "Why is the sea salt?"}
    ]
    assert found["request"]["messages"] == [{"role": "user", "content": "Why is the sea salt?"}]
    assert found["request"]["options"] == found["provenance"]["options"]
    assert (found["source"], found["status"]) == ("api", "complete")
    assert found["tokens_per_second"] > 0
    assert found["receipt"]["log_index"] > 0


def test_prompts_and_what_is_not_there_are_refused(api: httpx.Client) -> None:
    reader = answered(api, "Hi")
    shown = api.get(f"{API}/answers/{reader.answer_id}").json()
    is_problem(api.get(f"{API}/answers/{shown['prompt_id']}/explanation"), 422, "invalid-input")
    is_problem(api.get(f"{API}/answers/{shown['conversation_id']}/explanation"), 404, "not-found")
