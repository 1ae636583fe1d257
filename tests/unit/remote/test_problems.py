"""An error that went over HTTP comes back as what it was."""

from __future__ import annotations

from typing import Any

import httpx
import pytest

from application import errors as a
from domain.errors import DaybookError, InvalidInputError, NotFoundError, RefusedError
from interfaces import server_errors as s
from interfaces.endings import problem_of
from interfaces.errors import VERDICTS, verdict
from interfaces.http.kinds import kinds
from interfaces.http.problems import of_error
from interfaces.remote.problems import error_of, foreign, of_ending, of_problem

URL = "http://book.example.org"
OURS = {"Daybook-Request-Id": "x"}


def over_http(error: DaybookError) -> DaybookError:
    """Return what a client makes of an error."""
    sent = of_error({"type": "http"}, error)
    response = httpx.Response(sent.status_code, content=bytes(sent.body), headers={**sent.headers, **OURS})
    return error_of(response, URL)


@pytest.mark.parametrize("kind", VERDICTS, ids=lambda kind: kind.__name__)
def test_kind_message_and_exit_code_survive(kind: type[DaybookError]) -> None:
    came = over_http(kind("It did not work. Nothing was recorded.", hint="daybook doctor"))

    assert type(came) is kind
    assert verdict(came).exit_code == VERDICTS[kind].exit_code
    assert "It did not work. Nothing was recorded." in came.message
    assert came.hint


@pytest.mark.parametrize("found", [one for one in kinds() if one.exit_code is None], ids=lambda one: one.slug)
def test_what_only_http_knows_has_an_exit_code_here(found: Any) -> None:
    came = of_problem({"type": f"/problems/{found.slug}", "detail": "d"}, found.status)

    assert "d" in came.message
    assert verdict(came).exit_code in {1, 2, 4}


def test_what_is_wrong_with_a_request_is_told() -> None:
    body = {
        "type": "/problems/invalid-request",
        "detail": "Not as it should be: #/text.",
        "errors": [{"detail": "too short"}, "?"],
    }
    came = of_problem(body, 422)
    assert isinstance(came, InvalidInputError)
    assert came.message == "Not as it should be: #/text (too short)."
    assert of_problem({**body, "errors": []}, 422).message == body["detail"]


def test_a_mistake_of_the_server_names_where_to_look() -> None:
    came = of_problem({"type": "/problems/unexpected", "detail": "d", "correlation_id": "abc"}, 500)
    assert "abc" in came.hint


@pytest.mark.parametrize(
    ("status", "kind"),
    [(404, NotFoundError), (409, RefusedError), (422, InvalidInputError), (418, DaybookError)],
)
def test_a_kind_of_a_newer_server_is_known_by_its_status(status: int, kind: type[DaybookError]) -> None:
    assert type(of_problem({"type": "/problems/brand-new", "detail": "d"}, status)) is kind


@pytest.mark.parametrize("body", [b"<html>", b"[]", b"{"])
def test_what_no_daybook_has_sent_is_no_problem_of_ours(body: bytes) -> None:
    plain = httpx.Response(404, content=body, headers={"content-type": "text/html"})
    like = httpx.Response(404, content=body, headers={"content-type": "application/problem+json", **OURS})
    for response in (plain, like):
        assert isinstance(error_of(response, URL), s.NoDaybookError)
    assert isinstance(foreign(httpx.Response(502), URL), s.ServerUnreachableError)


@pytest.mark.parametrize(
    ("ending", "kind", "hint"),
    [
        ({"problem": "model-missing", "hint": "h"}, a.ModelMissingError, "h"),
        ({"reason": "model-missing", "model": "m"}, a.ModelMissingError, "daybook models pull m"),
        ({"reason": "broken-off"}, a.AnswerBrokenOffError, ""),
        ({"reason": "unreachable"}, a.ModelServerUnreachableError, "daybook doctor"),
        ({"reason": "who knows"}, DaybookError, ""),
    ],
)
def test_why_an_answer_failed(ending: dict[str, Any], kind: type[DaybookError], hint: str) -> None:
    came = of_ending({"detail": "d", **ending})
    assert type(came) is kind
    assert (came.message, came.hint) == ("d", hint)


def test_an_answer_that_did_not_fail_has_no_problem() -> None:
    assert of_ending({"detail": None, "reason": "stop"}) is None
    assert problem_of("", "stop", "m") is None
