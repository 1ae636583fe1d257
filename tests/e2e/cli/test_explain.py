"""What `daybook explain` promises: the very request, proven, and able to be sent again."""

from __future__ import annotations

import json
from collections.abc import Callable
from pathlib import Path

import httpx
import pytest

from infrastructure.simulator.server import RunningSimulator
from tests.support.cli_process import Daybook


@pytest.fixture(scope="module")
def book(new_cli: Callable[[], Daybook]) -> Daybook:
    return new_cli()


def sent_again(simulator: RunningSimulator, request: str) -> str:
    """Post a request to the model server and return the text that comes."""
    response = httpx.post(f"{simulator.url}/api/chat", content=request, timeout=30)
    assert response.status_code == 200, response.text
    return "".join(json.loads(line)["message"]["content"] for line in response.text.splitlines())


def test_everything_that_made_an_answer_is_told(book: Daybook) -> None:
    book("project", "create", "Sailing", "--instructions", "Be brief.")
    first = book("ask", "-p", "Sailing", "Why do boats heel?", "-o", "seed", "7", "--json").json
    second = book("ask", "--cid", first["conversation_id"], "And then?", "--json").json
    book("audit", "checkpoint")
    told = book("explain", second["answer_id"]).out

    assert f"deepseek-r1:8b, digest {second['model_digest']}" in told
    assert "instructions  version 2 of project Sailing" in told
    assert "sent          3 messages, nothing was cut" in told
    assert "its hash proves it: this is the request that was sent" in told
    assert "in the checkpoint of" in told
    assert "sent as system: Instructions\nBe brief.\n" in told
    assert f"sent as user: Prompt {first['prompt_id'][-8:]}\nWhy do boats heel?\n" in told
    assert first["text"] in told
    assert told.rstrip().endswith("And then?")

    found = book("explain", second["answer_id"], "--json").json
    assert found["check"] == "same"
    assert [one["role"] for one in found["sent"]] == ["system", "user", "assistant", "user"]
    assert found["sent"][0]["message_id"] is None
    assert [one["message_id"] for one in found["sent"][1:]] == [
        first["prompt_id"],
        first["answer_id"],
        second["prompt_id"],
    ]
    assert found["instructions"]["text"] == "Be brief."
    assert found["provenance"]["model_digest"] == second["model_digest"]
    assert found["usage"] == second["usage"]
    assert found["receipt"]["checkpoint_event_count"] > found["receipt"]["log_index"]
    assert (
        book("audit", "receipt", second["answer_id"]).out
        == book(*found["receipt"]["command"].split()[1:]).out
    )


def test_its_request_can_be_sent_again_and_gives_the_same_answer(
    book: Daybook, cli_simulator: RunningSimulator
) -> None:
    asked = book("ask", "Tell me of tides.", "-o", "seed", "11", "-s", "Rhyme.", "--no-think", "--json").json
    request = book("explain", "@last", "--as-request").out

    document = json.loads(request)
    assert request.count("\n") == 1
    assert (document["model"], document["think"], document["truncate"]) == ("deepseek-r1:8b", False, False)
    assert document["options"]["seed"] == 11
    assert [one["content"] for one in document["messages"]] == ["Rhyme.", "Tell me of tides."]
    assert sent_again(cli_simulator, request) == asked["text"]
    others = [json.dumps(document | {"options": {"seed": seed}}) for seed in range(20)]
    assert {sent_again(cli_simulator, one) for one in others} > {asked["text"]}
    assert "came with the prompt" in book("explain", "@last").out


def test_a_prompt_stands_for_its_answer_on_the_current_branch(book: Daybook) -> None:
    asked = book("ask", "Once", "--json").json
    again = book("retry", asked["answer_id"], "--json").json
    said = book("explain", asked["prompt_id"], "--json")
    assert said.json["answer_id"] == again["answer_id"]
    assert "has 2 answers; this is the one on the current branch" in said.err
    book("switch", asked["answer_id"])
    assert book("explain", asked["prompt_id"], "--json").json["answer_id"] == asked["answer_id"]
    assert book("explain", asked["conversation_id"], "--json").json["answer_id"] == asked["answer_id"]


def test_what_was_cut_is_told(book: Daybook) -> None:
    asked = book("ask", "long " * 400, "--json").json
    book("ask", "--cid", asked["conversation_id"], "Short", "-o", "num_ctx", "512", "--json")
    told = book("explain", "@last").out
    assert "1 message; the 2 oldest of the branch were cut" in told
    assert "this is the request that was sent" in told


def test_a_failed_answer_is_explained_with_why(book: Daybook) -> None:
    book("ask", "-m", "no-such-model", "hello", "--json", expect=5)
    found = book("explain", "@last", "--json").json
    assert (found["status"], found["reason"], found["check"]) == ("failed", "model-missing", "same")
    told = book("explain", "@last").out
    assert "failed (model-missing)" in told
    assert "its digest was not told" in told


def test_of_an_erased_answer_the_rest_is_told(book: Daybook) -> None:
    asked = book("ask", "a secret of mine", "--json").json
    copy = book("fork", asked["conversation_id"], "--json").json
    book("erase", asked["conversation_id"], "--yes")
    told = book("explain", asked["answer_id"])
    assert "cannot be rendered again: what was sent was erased" in told.out
    assert "deepseek-r1:8b" in told.out
    assert "secret" not in told.out
    found = book("explain", asked["answer_id"], "--json").json
    assert (found["erased"], found["request"], found["sent"], found["check"]) == (True, None, None, None)
    refused = book("explain", asked["answer_id"], "--as-request", expect=4)
    assert "was erased" in refused.err
    assert refused.out == ""

    kept = book("explain", copy["id"], "--json").json
    assert kept["check"] == "key-destroyed"
    warned = book("explain", copy["id"], "--as-request")
    assert json.loads(warned.out)["messages"][-1]["content"] == "a secret of mine"
    assert "cannot be checked any more" in warned.err


def test_what_was_taken_in_is_rendered_and_not_checked(
    book: Daybook, new_cli: Callable[[], Daybook], tmp_path: Path
) -> None:
    asked = book("ask", "Exported", "--json").json
    file = tmp_path / "one.json"
    file.write_text(book("export", asked["conversation_id"], "--format", "json").out)
    other = new_cli()
    other("import", str(file))
    [listed] = other("list", "--json").json["conversations"]
    found = other("explain", listed["id"], "--json").json
    assert found["check"] == "key-elsewhere"
    assert found["imported_id"] == asked["answer_id"]
    assert found["request"]["messages"][-1]["content"] == "Exported"
    assert "cannot be checked here" in other("explain", listed["id"]).out


def test_what_cannot_be_explained_is_refused(book: Daybook) -> None:
    assert "no message" in book("explain", "ffffffff", expect=3).err
    book("explain", "zz", expect=2)
    book("explain", "@last", "--json", "--as-request", expect=2)
