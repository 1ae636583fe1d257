"""A client that a tool made of the OpenAPI document, used against a real server.

Its parsers are strict: a body that does not have the documented form fails here.
"""

from __future__ import annotations

import importlib
import json
import sys
import uuid
from collections.abc import Iterator
from typing import Any

import httpx
import pytest
from openapi_python_client import generate
from openapi_python_client.config import Config, ConfigFile, MetaType

from tests.support.http_server import RunningServer

pytestmark = pytest.mark.slow

PACKAGE = "generated_daybook_client"


class Generated:
    """The generated package: its operations by name, its types by name."""

    def __init__(self, url: str) -> None:
        self.client = self._module("client").Client(base_url=url, raise_on_unexpected_status=True)
        self.unset = self._module("types").UNSET

    def model(self, name: str) -> Any:
        return getattr(self._module("models"), name)

    def call(self, group: str, operation: str, *parts: Any, **more: Any) -> Any:
        """Call an operation; return its whole response, the parsed body among it."""
        module = self._module(f"api.{group}.{operation}")
        return module.sync_detailed(*parts, client=self.client, **more)

    @staticmethod
    def _module(name: str) -> Any:
        return importlib.import_module(f"{PACKAGE}.{name}")


@pytest.fixture(scope="module")
def generated(
    api: httpx.Client, server: RunningServer, tmp_path_factory: pytest.TempPathFactory
) -> Iterator[Generated]:
    """A client generated from what the server serves, with every operation in it."""
    folder = tmp_path_factory.mktemp("generated")
    document = folder / "openapi.json"
    document.write_text(json.dumps(api.get("/openapi.json").json()))
    config = Config.from_sources(
        config_file=ConfigFile(
            post_hooks=[], content_type_overrides={"application/x-tar": "application/octet-stream"}
        ),
        meta_type=MetaType.NONE,
        document_source=document,
        file_encoding="utf-8",
        overwrite=False,
        output_path=folder / PACKAGE,
    )
    complaints = generate(config=config, custom_template_path=None)
    assert [complaint.detail or complaint.header for complaint in complaints] == []
    sys.path.insert(0, str(folder))
    try:
        made = Generated(server.url)
        with made.client:
            yield made
    finally:
        sys.path.remove(str(folder))
        for name in [name for name in sys.modules if name.partition(".")[0] == PACKAGE]:
            del sys.modules[name]


def test_every_operation_is_in_the_client(generated: Generated, api: httpx.Client) -> None:
    for operations in api.get("/openapi.json").json()["paths"].values():
        for operation in operations.values():
            group = operation["tags"][0].replace(" ", "_")
            name = "".join(f"_{c.lower()}" if c.isupper() else c for c in operation["operationId"])
            module = generated._module(f"api.{group}.{name}")
            assert callable(module.sync_detailed)


def test_a_conversation_through_the_client(generated: Generated) -> None:
    prompt = generated.model("FirstPrompt")(text="Is anybody there?")
    answered = generated.call("prompts", "ask", body=prompt, prefer="wait=30")
    answer = answered.parsed
    assert (answered.status_code, type(answer).__name__) == (200, "AnswerView")
    assert answer.status == "complete"
    accepted = generated.call(
        "prompts",
        "ask_question",
        answer.conversation_id,
        body=generated.model("NewPrompt")(text="And now?"),
        idempotency_key='"client-1"',
    )
    assert (accepted.status_code, type(accepted.parsed).__name__) == (202, "AskedView")
    ended = generated.call(
        "prompts",
        "ask_question",
        answer.conversation_id,
        body=generated.model("NewPrompt")(text="And now?"),
        idempotency_key='"client-1"',
        prefer="wait=30",
    ).parsed
    assert ended.answer_id == accepted.parsed.answer_id
    assert ended.log_size is not None

    shown = generated.call(
        "conversations", "get_conversation", answer.conversation_id, at_least=ended.log_size
    )
    assert [message.kind for message in shown.parsed.messages] == ["prompt", "answer"] * 2
    assert shown.parsed.messages[0].at.tzinfo is not None
    changes = generated.model("ConversationChanges")(title="Through the client")
    changed = generated.call(
        "conversations",
        "change_conversation",
        answer.conversation_id,
        body=changes,
        if_match=shown.headers["etag"],
    )
    assert changed.parsed.id == answer.conversation_id
    refused = generated.call(
        "conversations",
        "change_conversation",
        answer.conversation_id,
        body=changes,
        if_match=shown.headers["etag"],
    )
    assert (refused.status_code, refused.parsed.type_) == (412, "/problems/changed-meanwhile")
    found = generated.call("search", "search_messages", q="anybody").parsed
    assert answer.conversation_id in [hit.conversation_id for hit in found.results]
    provenance = generated.call("messages", "get_provenance", answer.answer_id).parsed
    assert provenance.sent_message_ids == [answer.prompt_id]


def test_upkeep_and_proofs_through_the_client(generated: Generated) -> None:
    project = generated.call(
        "projects", "create_project", body=generated.model("NewProject")(name="P")
    ).parsed
    done = generated.call(
        "projects", "change_project", project.id, body=generated.model("ProjectChanges")(description="d")
    )
    listed = generated.call("projects", "list_projects", at_least=done.parsed.log_size).parsed
    assert (project.id, "d") in [(one.id, one.description) for one in listed.projects]
    preview = generated.call("holds_and_erasures", "preview_project_erasure", project.id)
    erased = generated.call(
        "holds_and_erasures", "erase_project", project.id, if_match=preview.headers["etag"]
    ).parsed
    assert erased.finished
    checkpoint = generated.call("audit", "make_checkpoint").parsed
    verified = generated.call(
        "audit", "verify_log", body=generated.model("Verification")(since=checkpoint.note)
    ).parsed
    assert (verified.ok, verified.checkpoint) == (True, checkpoint.note)
    events = generated.call("audit", "list_events", stream_id=project.id).parsed
    assert [event.type_ for event in events.events] == [
        "project.erased",
        "project.described",
        "project.created",
    ]
    archive = generated.call("audit", "export_log").parsed
    assert len(archive.payload.read()) > 10_000
    assert generated.call("upkeep", "get_keys").parsed.unfinished is False
    assert generated.call("upkeep", "run_doctor").parsed.ok in {True, False}
    assert generated.call("models", "list_models").parsed.models
    assert "daybook_log_size" in generated.call("probes", "get_metrics").parsed
    missing = generated.call("messages", "get_message", uuid.uuid4())
    assert (missing.status_code, missing.parsed.title) == (404, "There is no such thing")


def test_the_examples_have_the_form_that_the_client_parses(generated: Generated, api: httpx.Client) -> None:
    schemas = api.get("/openapi.json").json()["components"]["schemas"]
    with_examples = {name: schema["example"] for name, schema in schemas.items() if "example" in schema}
    assert len(with_examples) >= 20
    for name, example in with_examples.items():
        parsed = generated.model(name).from_dict(example)
        assert parsed.to_dict().keys() >= example.keys() - {None}
