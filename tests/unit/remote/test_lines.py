"""Every command has a request that carries all of it."""

from __future__ import annotations

from dataclasses import fields
from datetime import UTC, datetime
from typing import Any
from uuid import uuid4

import pytest

from application import commands as c
from application import scopes
from domain.errors import InvalidInputError
from interfaces.http.app import openapi_document
from interfaces.remote.commands import key_of
from interfaces.remote.lines import APART, LINES, request_of

WHO = {"actor": "ada", "source": "cli"}
NOT_SENT = {"background"}
"""What no person's command says."""

VALUES: dict[str, Any] = {
    "UUID": uuid4(),
    "UUID | None": uuid4(),
    "str": "a word",
    "str | None": "a word",
    "bool": True,
    "bool | None": True,
    "int": 7,
    "int | None": 7,
    "tuple[str, ...]": ("a word",),
    "tuple[str, ...] | None": ("another",),
    "bool | str | None": "high",
    "Mapping[str, Any]": {"num_ctx": 512},
    "Mapping[str, Any] | None": {"num_ctx": 512},
    "Mapping[str, str]": {"lang": "English"},
    "datetime | None": datetime(2026, 11, 1, tzinfo=UTC),
}


def full(kind: type[c.Command], *without: str) -> c.Command:
    """Return a command in which everything is said."""
    said = {
        item.name: VALUES[str(item.type)]
        for item in fields(kind)
        if item.name not in {*WHO, "correlation_id", *NOT_SENT, *without}
    }
    return kind(**WHO, **said)


def test_every_command_has_a_line_or_stands_apart() -> None:
    assert set(LINES) | APART == set(scopes.COMMANDS)
    assert set(LINES) & APART == set()


@pytest.mark.parametrize("kind", LINES, ids=lambda kind: kind.__name__)
def test_all_that_a_command_carries_is_in_its_request(kind: type[c.Command]) -> None:
    command = full(kind)
    request = request_of(command, "key")
    sent = f"{request.path} {request.body} {request.headers}"
    for item in fields(kind):
        if item.name not in {*WHO, *NOT_SENT, "idempotency_key"}:
            value = getattr(command, item.name)
            assert (value.isoformat() if isinstance(value, datetime) else str(value)) in sent, item.name
    assert request.headers["Idempotency-Key"] == "key"


@pytest.fixture(scope="module")
def paths() -> dict[str, dict[str, Any]]:
    found: dict[str, dict[str, Any]] = openapi_document()["paths"]
    return found


@pytest.mark.parametrize("kind", LINES, ids=lambda kind: kind.__name__)
def test_each_request_is_an_operation_of_the_interface(
    kind: type[c.Command], paths: dict[str, dict[str, Any]]
) -> None:
    request = request_of(full(kind), "key")
    assert any(
        request.method.lower() in operations and _fits(path, request.path)
        for path, operations in paths.items()
    )


def _fits(template: str, path: str) -> bool:
    ours, theirs = path.split("/"), template.removeprefix("/api/v1/").split("/")
    return len(ours) == len(theirs) and all(
        that.startswith("{") or this == that for this, that in zip(ours, theirs, strict=True)
    )


def test_a_prompt_without_a_conversation_opens_one() -> None:
    command = c.AskQuestion(**WHO, text="hello")
    request = request_of(command, "k")
    assert (request.path, request.body) == ("prompts", {"text": "hello", "instructions": None})


def test_what_has_no_place_is_refused() -> None:
    with pytest.raises(ValueError, match="background"):
        request_of(c.AskQuestion(**WHO, text="hello", background=True), "k")


def test_no_model_leads_back_to_the_default_one() -> None:
    command = c.SetDefaultModel(**WHO, project_id=uuid4(), model=None)
    assert request_of(command, "k").body == {"default_model": ""}


def test_to_move_out_of_a_project_is_said_and_to_leave_it_there_is_not() -> None:
    command = c.ChangeConversation(**WHO, conversation_id=uuid4(), move=True)
    assert request_of(command, "k").body == {"title": None, "project_id": None}
    tagged = c.ChangeConversation(**WHO, conversation_id=uuid4(), tags=())
    assert request_of(tagged, "k").body == {"title": None, "tags": ()}


def test_to_begin_anew_is_said() -> None:
    command = c.GoOnFrom(**WHO, conversation_id=uuid4(), message_id=None)
    assert request_of(command, "k").body == {"message_id": None}


def test_a_key_of_ones_own_is_quoted_and_another_is_made() -> None:
    assert key_of(c.AskQuestion(**WHO, text="t", idempotency_key='"k" 1')) == '""k" 1"'
    one, other = (key_of(c.AskQuestion(**WHO, text="t")) for _ in range(2))
    assert one != other
    with pytest.raises(InvalidInputError):
        key_of(c.AskQuestion(**WHO, text="t", idempotency_key="\n"))
