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
from starlette.datastructures import Headers
from starlette.exceptions import HTTPException
from starlette.requests import Request
from starlette.responses import Response
from starlette.types import Scope

from application.errors import LineFullError
from domain.errors import DaybookError
from interfaces.errors import Verdict, verdict
from interfaces.faults import kinds_and_places
from interfaces.http.logs import tell
from interfaces.http.rendering import json_bytes
from interfaces.http.tries import TooManyTriesError

REQUEST = "daybook.request_id"
CORRELATION = "daybook.correlation_id"
PROBLEM = "daybook.problem"
MEDIA_TYPE = "application/problem+json"
_SERVER_ERROR = 500
_RETRY_SECONDS = "5"
_SOON = {"already-under-way": "1"}

BY_STATUS = {
    400: ("malformed", "The request cannot be read"),
    403: ("foreign-origin", "This request comes from somewhere else"),
    404: ("no-such-path", "There is nothing at this path"),
    405: ("no-such-method", "This path does not take this method"),
    408: ("too-slow", "The request came too slowly"),
    413: ("too-large", "The request is too large"),
    415: ("wrong-media-type", "The request is of the wrong media type"),
    422: ("invalid-request", "The request does not have the right form"),
    429: ("too-many-requests", "Too many requests"),
    500: ("unexpected", "Daybook has made a mistake"),
    503: ("stopping", "The server is stopping"),
    507: ("disk-full", "The server's disk is full"),
}

FOREIGN_HOST = ("foreign-host", "This server does not answer to that name")

_FAULT = "Something went wrong that Daybook did not foresee. What was recorded before is safe."
_WHERE_TO_LOOK = "Look for the correlation id in the server's messages."


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
    slug, title = kind or BY_STATUS.get(status) or (f"status-{status}", HTTPStatus(status).phrase)
    body = _body(scope, status, detail, hint=hint, kind=(slug, title))
    if errors:
        body["errors"] = [
            {name: value for name, value in vars(part).items() if value is not None} for part in errors
        ]
    wait = _RETRY_SECONDS if status == HTTPStatus.SERVICE_UNAVAILABLE else _SOON.get(slug)
    more = {"Retry-After": wait} if wait else {}
    return Response(json_bytes(body), status, {**more, **(headers or {})}, MEDIA_TYPE)


def _body(scope: Scope, status: int, detail: str, *, hint: str, kind: tuple[str, str]) -> dict[str, Any]:
    slug, title = kind
    scope[PROBLEM] = slug
    body: dict[str, Any] = {"type": f"/problems/{slug}", "title": title, "status": status, "detail": detail}
    if hint:
        body["hint"] = hint
    correlation = scope.get(CORRELATION)
    if correlation is not None:
        body["correlation_id"] = str(correlation)
    return body


def is_for_people(scope: Scope, headers: Headers) -> bool:
    """Say whether somebody looks with a browser, who is better served with a page."""
    return scope["method"] == "GET" and "text/html" in headers.get("accept", "")


def of_error(scope: Scope, error: DaybookError) -> Response:
    """Return the problem that one of our errors is."""
    if isinstance(error, TooManyTriesError):
        wait = {"Retry-After": str(error.seconds)}
        return problem(scope, 429, error.message, hint=error.hint, headers=wait)
    found = _judged(scope, error)
    headers: dict[str, str] | None = None
    if found.status == HTTPStatus.UNAUTHORIZED:
        headers = {"WWW-Authenticate": 'Bearer realm="daybook"'}
    elif isinstance(error, LineFullError):
        headers = {"Retry-After": str(error.retry_after)}
    kind = (found.slug, found.title)
    return problem(scope, found.status, error.message, hint=error.hint, kind=kind, headers=headers)


def in_stream(scope: Scope, error: BaseException) -> dict[str, Any]:
    """Return the same problem for a stream that has begun, where no status can say it any more."""
    if isinstance(error, DaybookError):
        found = _judged(scope, error)
        return _body(scope, found.status, error.message, hint=error.hint, kind=(found.slug, found.title))
    log_fault(scope, error)
    return _body(scope, _SERVER_ERROR, _FAULT, hint=_WHERE_TO_LOOK, kind=BY_STATUS[_SERVER_ERROR])


def _judged(scope: Scope, error: DaybookError) -> Verdict:
    found = verdict(error)
    if found.status >= _SERVER_ERROR:
        tell(
            "problem",
            logging.WARNING,
            problem=found.slug,
            error=type(error).__name__,
            request_id=scope.get(REQUEST),
            correlation_id=scope.get(CORRELATION),
        )
    return found


def log_fault(scope: Scope, error: BaseException) -> None:
    """Report a mistake of ours on the server's side, without what anybody wrote."""
    tell(
        "fault",
        logging.ERROR,
        request_id=scope.get(REQUEST),
        correlation_id=scope.get(CORRELATION),
        where=kinds_and_places(error),
    )


def unexpected(scope: Scope, error: BaseException) -> Response:
    """Report a mistake of ours, and return a problem that names only where to look."""
    log_fault(scope, error)
    return problem(
        scope,
        _SERVER_ERROR,
        _FAULT,
        hint=_WHERE_TO_LOOK,
    )


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
    if error.status_code == HTTPStatus.METHOD_NOT_ALLOWED:
        allowed = request.app.state.server.paths.allowed(request.url.path)
        headers = {"Allow": ", ".join(allowed)}
        if request.method == "OPTIONS":
            return Response(status_code=204, headers=headers)
        detail = f"{request.url.path} does not take {request.method}, only {headers['Allow']}."
        return problem(request.scope, 405, detail, headers=headers)
    details = {
        404: f"There is nothing at {request.url.path}.",
        400: "The body cannot be read as JSON in UTF-8. Nothing was recorded.",
    }
    detail = details.get(error.status_code) or error.detail
    told = problem(request.scope, error.status_code, detail, headers=error.headers)
    return _for_people(request, told, detail)


async def _invalid(request: Request, error: Exception) -> Response:
    assert isinstance(error, RequestValidationError)  # noqa: S101 - registered for nothing else
    found = error.errors()
    if any(one["type"] == "json_invalid" for one in found):
        return problem(request.scope, 400, "The body is not valid JSON. Nothing was recorded.")
    parts = [_part(one["loc"], str(one["msg"])) for one in found]
    named = ", ".join(dict.fromkeys(part.pointer or part.parameter or "the body" for part in parts))
    detail = f"Not as it should be: {named}. Nothing was recorded."
    return _for_people(request, problem(request.scope, 422, detail, errors=parts), detail)


def _for_people(request: Request, told: Response, detail: str) -> Response:
    """Return a page in place of a problem where somebody looks with a browser."""
    if request.url.path.startswith("/api/") or not is_for_people(request.scope, request.headers):
        return told
    from interfaces.http.web.pages import page

    title = (
        "There is nothing here" if told.status_code == HTTPStatus.NOT_FOUND else "This address is not right"
    )
    return page("error.html", told.status_code, title=title, detail=detail, hint="")


def _part(where: Sequence[Any], message: str) -> InvalidPart:
    place, *path = where
    if place == "body":
        steps = "".join("/" + str(step).replace("~", "~0").replace("/", "~1") for step in path)
        return InvalidPart(detail=message, pointer=f"#{steps}")
    return InvalidPart(detail=message, parameter=str(path[0]) if path else str(place))
