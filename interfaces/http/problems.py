"""Every error as problem details (RFC 9457), whoever raised it.

Invariants: a problem never carries a stack trace, nor what the client had sent; it always carries the
correlation id under which the log and the server's own messages know the request.
"""

from __future__ import annotations

import logging
from collections.abc import Mapping, Sequence
from dataclasses import dataclass, field
from http import HTTPStatus
from typing import Any

from fastapi import FastAPI
from fastapi.exceptions import RequestValidationError
from starlette.exceptions import HTTPException
from starlette.requests import Request
from starlette.responses import Response
from starlette.types import Scope

from application.errors import LineFullError
from domain.errors import DaybookError
from interfaces.errors import VERDICTS, verdict
from interfaces.faults import kinds_and_places
from interfaces.http.rendering import json_bytes
from interfaces.http.tries import TooManyTriesError

CORRELATION = "daybook.correlation_id"
MEDIA_TYPE = "application/problem+json"
_SERVER_ERROR = 500
_RETRY_SECONDS = "5"
_log = logging.getLogger("daybook.http")

_BY_STATUS = {
    400: ("malformed", "The request cannot be read"),
    403: ("foreign-origin", "This request comes from somewhere else"),
    404: ("no-such-path", "There is nothing at this path"),
    405: ("no-such-method", "This path does not take this method"),
    413: ("too-large", "The request is too large"),
    408: ("too-slow", "The request came too slowly"),
    415: ("wrong-media-type", "The request is of the wrong media type"),
    422: ("invalid-request", "The request does not have the right form"),
    429: ("too-many-requests", "Too many requests"),
    500: ("unexpected", "Daybook has made a mistake"),
    503: ("stopping", "The server is stopping"),
}

FOREIGN_HOST = ("foreign-host", "This server does not answer to that name")


@dataclass(frozen=True, kw_only=True)
class InvalidPart:
    """One thing wrong with a request: a `pointer` into its body (RFC 6901) or the name of a `parameter`."""

    detail: str
    pointer: str | None = None
    parameter: str | None = None


@dataclass(frozen=True, kw_only=True)
class Problem:
    """What every error response holds. `hint` is the next thing to do; `type` leads to a page about it."""

    type: str
    title: str
    status: int
    detail: str
    hint: str | None = None
    correlation_id: str | None = None
    errors: list[InvalidPart] = field(default_factory=list)


def problem(
    scope: Scope,
    status: int,
    detail: str,
    *,
    hint: str = "",
    kind: tuple[str, str] | None = None,
    errors: Sequence[InvalidPart] = (),
    headers: Mapping[str, str] | None = None,
) -> Response:
    """Return a problem as a response. `kind`: its slug and title, where the status does not say them."""
    slug, title = kind or _BY_STATUS.get(status) or (f"status-{status}", HTTPStatus(status).phrase)
    correlation = scope.get(CORRELATION)
    body: dict[str, Any] = {"type": f"/problems/{slug}", "title": title, "status": status, "detail": detail}
    if hint:
        body["hint"] = hint
    if correlation is not None:
        body["correlation_id"] = str(correlation)
    if errors:
        body["errors"] = [
            {name: value for name, value in vars(part).items() if value is not None} for part in errors
        ]
    more = {"Retry-After": _RETRY_SECONDS} if status == HTTPStatus.SERVICE_UNAVAILABLE else {}
    return Response(json_bytes(body), status, {**more, **(headers or {})}, MEDIA_TYPE)


def of_error(scope: Scope, error: DaybookError) -> Response:
    """Return the problem that one of our errors is."""
    if isinstance(error, TooManyTriesError):
        wait = {"Retry-After": str(error.seconds)}
        return problem(scope, 429, error.message, hint=error.hint, headers=wait)
    found = verdict(error)
    if found.status >= _SERVER_ERROR:
        _log.warning("%s: %s (correlation %s)", found.slug, type(error).__name__, scope.get(CORRELATION))
    headers: dict[str, str] | None = None
    if found.status == HTTPStatus.UNAUTHORIZED:
        headers = {"WWW-Authenticate": 'Bearer realm="daybook"'}
    elif isinstance(error, LineFullError):
        headers = {"Retry-After": str(error.retry_after)}
    kind = (found.slug, found.title)
    return problem(scope, found.status, error.message, hint=error.hint, kind=kind, headers=headers)


def log_fault(scope: Scope, error: BaseException) -> None:
    """Report a mistake of ours on the server's side, without what anybody wrote."""
    where = "\n".join(kinds_and_places(error))
    _log.error("unexpected error (correlation %s)\n%s", scope.get(CORRELATION), where)


def unexpected(scope: Scope, error: BaseException) -> Response:
    """Report a mistake of ours, and return a problem that names only where to look."""
    log_fault(scope, error)
    return problem(
        scope,
        _SERVER_ERROR,
        "Something went wrong that Daybook did not foresee. What was recorded before is safe.",
        hint="Look for the correlation id in the server's messages.",
    )


def title_of(slug: str) -> str | None:
    """Return the title of a kind of problem, or None where there is no such kind."""
    for found in VERDICTS.values():
        if found.slug == slug:
            return found.title
    return next((title for known, title in (FOREIGN_HOST, *_BY_STATUS.values()) if known == slug), None)


def install(app: FastAPI) -> None:
    """Make the application answer every error with a problem."""
    app.add_exception_handler(DaybookError, _daybook_error)
    app.add_exception_handler(RequestValidationError, _invalid)
    app.add_exception_handler(HTTPException, _http)


async def _daybook_error(request: Request, error: Exception) -> Response:
    assert isinstance(error, DaybookError)  # noqa: S101 - registered for nothing else
    return of_error(request.scope, error)


async def _http(request: Request, error: Exception) -> Response:
    assert isinstance(error, HTTPException)  # noqa: S101 - registered for nothing else
    details = {
        404: f"There is nothing at {request.url.path}.",
        405: f"{request.url.path} does not take {request.method}.",
        400: "The body cannot be read as JSON in UTF-8. Nothing was recorded.",
    }
    detail = details.get(error.status_code) or error.detail
    return problem(request.scope, error.status_code, detail, headers=error.headers)


async def _invalid(request: Request, error: Exception) -> Response:
    assert isinstance(error, RequestValidationError)  # noqa: S101 - registered for nothing else
    found = error.errors()
    if any(one["type"] == "json_invalid" for one in found):
        return problem(request.scope, 400, "The body is not valid JSON. Nothing was recorded.")
    parts = [_part(one["loc"], str(one["msg"])) for one in found]
    named = ", ".join(dict.fromkeys(part.pointer or part.parameter or "the body" for part in parts))
    return problem(request.scope, 422, f"Not as it should be: {named}. Nothing was recorded.", errors=parts)


def _part(where: Sequence[Any], message: str) -> InvalidPart:
    place, *path = where
    if place == "body":
        steps = "".join("/" + str(step).replace("~", "~0").replace("/", "~1") for step in path)
        return InvalidPart(detail=message, pointer=f"#{steps}")
    return InvalidPart(detail=message, parameter=str(path[0]) if path else str(place))
