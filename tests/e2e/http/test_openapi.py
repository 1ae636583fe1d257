"""The OpenAPI document, held against the server: names that stay, and what a machine finds by trying."""

import os
from collections.abc import Iterator
from pathlib import Path
from typing import Any

import httpx
import pytest
import schemathesis
from hypothesis import HealthCheck, Phase, given, settings
from schemathesis import GenerationMode
from schemathesis.checks import not_a_server_error
from schemathesis.specs.openapi.checks import (
    content_type_conformance,
    response_schema_conformance,
    status_code_conformance,
    unsupported_method,
)

from tests.support.http_client import Reader, ask
from tests.support.http_server import RunningServer

OPERATIONS = {
    "isAlive",
    "isReady",
    "getMetrics",
    "whoAmI",
    "findMessages",
    "listMessages",
    "findEvent",
    "startConversation",
    "listConversations",
    "getConversation",
    "changeConversation",
    "archiveConversation",
    "restoreConversation",
    "getTree",
    "getMoment",
    "getHistory",
    "goOnFrom",
    "ask",
    "askQuestion",
    "editPrompt",
    "answerAgain",
    "forkConversation",
    "exportConversation",
    "exportProject",
    "exportAll",
    "importFile",
    "rateAnswer",
    "writeNote",
    "getNote",
    "changeNote",
    "removeNote",
    "getUsage",
    "getAnswer",
    "streamAnswer",
    "cancelAnswer",
    "retryAnswer",
    "getMessage",
    "listFollowing",
    "getProvenance",
    "explainAnswer",
    "compareReplay",
    "getLogSize",
    "getAuditReport",
    "getAuditReportPage",
    "getComparisonPage",
    "findIds",
    "getLatest",
    "searchMessages",
    "startReplay",
    "countReplay",
    "listReplays",
    "getReplay",
    "listReplayPrompts",
    "resumeReplay",
    "cancelReplay",
    "eraseReplay",
    "createRoutine",
    "listRoutines",
    "getRoutine",
    "listRoutineVersions",
    "changeRoutine",
    "removeRoutine",
    "runRoutine",
    "previewRoutineErasure",
    "eraseRoutine",
    "createProject",
    "listProjects",
    "getProject",
    "changeProject",
    "archiveProject",
    "restoreProject",
    "listInstructions",
    "getInstructions",
    "restoreInstructions",
    "listTags",
    "listHolds",
    "holdConversation",
    "releaseConversation",
    "holdProject",
    "releaseProject",
    "previewConversationErasure",
    "previewProjectErasure",
    "eraseConversation",
    "eraseProject",
    "listEvents",
    "getEvent",
    "listCheckpoints",
    "makeCheckpoint",
    "getPublicKey",
    "verifyLog",
    "getReceipt",
    "proveExtension",
    "exportLog",
    "createToken",
    "listTokens",
    "getToken",
    "revokeToken",
    "makeLink",
    "listSessions",
    "getSession",
    "endOwnSession",
    "endSession",
    "getKeys",
    "rotateKeys",
    "getProjections",
    "rebuildProjections",
    "verifyProjections",
    "runDoctor",
    "listModels",
    "recommendModel",
    "pullModel",
    "getModel",
}

COSTLY = {
    "exportLog",
    "importFile",
    "rotateKeys",
    "rebuildProjections",
    "verifyProjections",
    "pullModel",
    "eraseConversation",
    "eraseProject",
}

# Nothing they take can be wrong (a model may have any name).
WITHOUT_INPUT = {
    "isAlive",
    "isReady",
    "getMetrics",
    "whoAmI",
    "makeCheckpoint",
    "getPublicKey",
    "endOwnSession",
    "getKeys",
    "rotateKeys",
    "getProjections",
    "runDoctor",
    "listModels",
    "recommendModel",
    "getModel",
}

TAKE_AWAY = ("archive", "cancel", "change", "end", "erase", "hold", "remove", "revoke", "rotate", "update")

# benchmarks/README.md says how to try more.
EXAMPLES = int(os.environ.get("DAYBOOK_TEST_EXAMPLES", "6"))  # noqa: TID251 - tests have settings of their own


def test_operations_keep_their_names(api: httpx.Client) -> None:
    paths = api.get("/openapi.json").json()["paths"]
    assert {operation["operationId"] for path in paths.values() for operation in path.values()} == OPERATIONS


def test_every_operation_says_that_errors_are_problems(api: httpx.Client) -> None:
    document = api.get("/openapi.json").json()
    for path in document["paths"].values():
        for operation in path.values():
            assert set(operation["responses"]["default"]["content"]) == {"application/problem+json"}
            assert "422" not in operation["responses"]


def test_the_page_in_docs_lists_every_operation(api: httpx.Client) -> None:
    page = (Path(__file__).parents[3] / "docs" / "api.md").read_text(encoding="utf-8")
    for path, operations in api.get("/openapi.json").json()["paths"].items():
        for method, operation in operations.items():
            row = f"| `{method.upper()} {path}` | `{operation['operationId']}` | {operation['description']} |"
            assert row in page, f"docs/api.md lacks: {row}"


@pytest.fixture(scope="module")
def document(api: httpx.Client) -> Any:
    """The schema as the server serves it."""
    return schemathesis.openapi.from_dict(api.get("/openapi.json").json())


@pytest.fixture(scope="module")
def kept() -> dict[str, str]:
    """What stands in the book for one operation after the other, until one of them takes it away."""
    return {}


@pytest.fixture
def there(api: httpx.Client, kept: dict[str, str], operation_id: str) -> Iterator[dict[str, str]]:
    if not kept:
        project = api.post("/api/v1/projects", json={"name": "For machines"}).json()["id"]
        asked = ask(api, "Is anybody there?")
        Reader(api, asked["answer_id"]).read()
        kept |= {
            **asked,
            "project_id": project,
            "message_id": asked["answer_id"],
            "fragment": asked["answer_id"],
            "model": "deepseek-r1:8b",
            "log_index": "0",
            "moment": "0",
            "replay_id": api.post("/api/v1/replays", json={"last": 1, "model": "simulator-error-404"}).json()[
                "id"
            ],
            "token_id": api.post("/api/v1/tokens", json={"name": project}).json()["id"],
            "session_id": api.post("/api/v1/links").json()["id"],
        }
    yield kept
    if operation_id.startswith(TAKE_AWAY):
        kept.clear()


@pytest.mark.parametrize(
    ("operation_id", "mode"),
    [
        pytest.param(name, mode, marks=[pytest.mark.slow] if mode is GenerationMode.NEGATIVE else [])
        for name in sorted(OPERATIONS)
        for mode in GenerationMode
        if mode is GenerationMode.POSITIVE or name not in WITHOUT_INPUT
    ],
)
def test_the_server_does_what_its_document_says(
    document: Any, server: RunningServer, there: dict[str, str], operation_id: str, mode: GenerationMode
) -> None:
    """Some of the made-up ids are replaced by real ones, so that more than the first check is reached."""

    @given(case=document.find_operation_by_id(operation_id).as_strategy(generation_mode=mode))
    @settings(
        max_examples=3 if operation_id in COSTLY else EXAMPLES,
        deadline=None,
        derandomize=True,
        database=None,
        phases=[Phase.generate],
        suppress_health_check=list(HealthCheck),
    )
    def holds(case: Any) -> None:
        for name in set(case.path_parameters) & set(there):
            if len(repr(case.query) + repr(case.body)) % 3:
                case.path_parameters[name] = there[name]
        case.call_and_validate(
            base_url=server.url,
            checks=[
                not_a_server_error,
                status_code_conformance,
                content_type_conformance,
                response_schema_conformance,
                unsupported_method,
            ],
        )

    holds()
