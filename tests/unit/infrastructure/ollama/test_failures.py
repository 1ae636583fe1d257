from __future__ import annotations

import json

import pytest

from application.errors import (
    AnswerBrokenOffError,
    ContextTooLongError,
    ModelMissingError,
    ModelServerError,
    ModelServerOverloadedError,
)
from infrastructure.ollama import failures

URL = "http://127.0.0.1:11434"


@pytest.mark.parametrize(
    ("status", "body", "kind", "hint"),
    [
        (404, {"error": "model 'm' not found"}, ModelMissingError, "daybook models pull m"),
        (
            404,
            {"error": 'model "m" not found, try pulling it first'},
            ModelMissingError,
            "daybook models pull m",
        ),
        (404, "404 page not found", ModelServerError, "daybook config list"),
        (400, {"error": "the input length exceeds the context length"}, ContextTooLongError, ""),
        (400, {"error": "request (9 tokens) exceeds the available context size"}, ContextTooLongError, ""),
        (500, {"error": {"message": "input exceeds maximum context length"}}, ContextTooLongError, ""),
        (400, {"error": '"m" does not support thinking'}, ModelServerError, "daybook doctor"),
        (401, {"error": "unauthorized"}, ModelServerError, "daybook config list"),
        (403, "", ModelServerError, "daybook config list"),
        (302, "", ModelServerError, "daybook config list"),
        (
            500,
            {"error": "model requires more system memory (9 GiB)"},
            ModelServerError,
            "daybook models recommend",
        ),
        (501, {"error": "This server does not support embeddings"}, ModelServerError, "daybook models list"),
        (502, "<html>Bad Gateway</html>", ModelServerError, "daybook doctor"),
        (503, {"error": "server busy"}, ModelServerOverloadedError, "daybook doctor"),
    ],
)
def test_each_status_becomes_the_error_that_helps(
    status: int, body: object, kind: type[ModelServerError], hint: str
) -> None:
    text = body if isinstance(body, str) else json.dumps(body)
    error = failures.from_status(status, text, "m", URL)
    assert type(error) is kind
    assert error.hint == hint
    if isinstance(body, dict) and kind is not ModelMissingError:
        assert failures._said(text) in error.message


def test_an_error_line_about_the_context_counts_as_such_only_before_the_first_word() -> None:
    said = "context length exceeded"
    assert type(failures.stream_error(said, began=False)) is ContextTooLongError
    assert type(failures.stream_error(said, began=True)) is AnswerBrokenOffError


@pytest.mark.parametrize(
    ("said", "own", "advice"),
    [
        (
            "context length exceeded",
            None,
            "about 20000 tokens, and there is room for 8192. Send less, or",
        ),
        ("context length exceeded", None, "`-o num_ctx 32768`"),
        ("request (9000 tokens) exceeds the context size", 131072, "`-o num_ctx 16384`"),
        ("context length exceeded", 24000, "`-o num_ctx 24000`"),
        ("context length exceeded", 16384, "takes 16384 at most: send less."),
    ],
)
def test_a_prompt_that_is_too_long_is_told_how_much_and_what_would_help(
    said: str, own: int | None, advice: str
) -> None:
    error = failures.measured(failures.context_too_long(said), 20000, 8192, own)
    assert advice in error.message
    assert ("num_ctx" in error.message) == (own != 16384)


def test_an_unreachable_server_is_named_with_the_ways_out() -> None:
    error = failures.unreachable(URL)
    assert URL in error.message
    assert "ollama serve" in error.message
    assert error.hint == "daybook doctor"
    assert "docker" not in error.message
    assert "kept" not in error.message
    assert "kept" in failures.unreachable(URL, asked=True).message


def test_the_service_of_our_compose_file_and_the_machine_around_it_are_known() -> None:
    of_the_machine = failures.unreachable("http://host.docker.internal:11500").message
    assert ":11500), and the firewall pass that port" in of_the_machine
    assert "docker compose up -d ollama" in failures.unreachable("http://ollama:11434").message


def test_a_long_error_is_quoted_in_part() -> None:
    assert len(failures.broken_off("x" * 5000).message) < 500
