"""From a response back to the error that the server raised.

Invariant: message, hint and kind are those of the error as it was raised, so a command ends with the same
words and the same exit code whether its book is here or behind a server.
"""

from __future__ import annotations

from collections.abc import Mapping
from http import HTTPStatus
from typing import TYPE_CHECKING, Any

from application import errors as a
from domain.errors import DaybookError, InvalidInputError, NotFoundError, RefusedError
from interfaces.endings import problem_of
from interfaces.errors import VERDICTS
from interfaces.server_errors import NoDaybookError, OldServerError, ServerUnreachableError

if TYPE_CHECKING:
    import httpx

MARK = "Daybook-Request-Id"
"""Every response of a Daybook has this header."""

_KINDS: Mapping[str, type[DaybookError]] = {
    **{found.slug: kind for kind, found in VERDICTS.items()},
    "malformed": InvalidInputError,
    "too-large": InvalidInputError,
    "wrong-media-type": InvalidInputError,
    "invalid-request": InvalidInputError,
    "no-such-path": OldServerError,
    "no-such-method": OldServerError,
    "foreign-origin": RefusedError,
    "foreign-host": RefusedError,
    "too-many-requests": RefusedError,
}
_BY_STATUS: Mapping[int, type[DaybookError]] = {
    HTTPStatus.NOT_FOUND: NotFoundError,
    HTTPStatus.UNPROCESSABLE_ENTITY: InvalidInputError,
    HTTPStatus.BAD_REQUEST: InvalidInputError,
    HTTPStatus.CONFLICT: RefusedError,
    HTTPStatus.FORBIDDEN: RefusedError,
}
_OF_PROXIES = frozenset({HTTPStatus.BAD_GATEWAY, HTTPStatus.SERVICE_UNAVAILABLE, HTTPStatus.GATEWAY_TIMEOUT})
_SHOW_IT = "daybook server add NAME URL --token-file FILE   (on its machine: daybook token create NAME)"


def slug_of(body: Mapping[str, Any]) -> str:
    """Return the kind of a problem."""
    return str(body.get("type", "")).rpartition("/")[2]


def error_of(response: httpx.Response, url: str) -> DaybookError:
    """Return the error that a response with an error status is. Its body was read."""
    body = body_of(response)
    if body is None:
        return foreign(response, url)
    return of_problem(body, response.status_code)


def body_of(response: httpx.Response) -> dict[str, Any] | None:
    """Return the problem that a Daybook has sent; None where what answered is none."""
    if MARK not in response.headers or "problem+json" not in response.headers.get("content-type", ""):
        return None
    try:
        body = response.json()
    except ValueError:
        return None
    return body if isinstance(body, dict) else None


def of_problem(body: Mapping[str, Any], status: int) -> DaybookError:
    """Return the error that a problem is."""
    slug = slug_of(body)
    kind = _KINDS.get(slug) or _BY_STATUS.get(status, DaybookError)
    message, hint = str(body.get("detail", "")), str(body.get("hint") or "")
    if issubclass(kind, OldServerError):
        return kind(
            f"This server cannot do that: {message} It is probably of an older version. Nothing was changed.",
            hint="daybook doctor   (it shows both versions)",
        )
    if issubclass(kind, a.NotAdmittedError):
        return kind(message, hint=_SHOW_IT)
    if slug == "invalid-request":
        told = "; ".join(
            str(one.get("detail", "")) for one in body.get("errors", ()) if isinstance(one, dict)
        )
        return kind(f"{message.removesuffix('.')} ({told})." if told else message)
    if slug == "unexpected":
        return kind(message, hint=f"Look for {body.get('correlation_id')} in the server's messages.")
    return kind(message, hint=hint)


def of_ending(ending: Mapping[str, Any]) -> DaybookError | None:
    """Return why an answer did not end well, as the last event of its stream tells it."""
    detail = ending.get("detail")
    kind = _KINDS.get(str(ending.get("problem")))
    if detail and kind is not None:
        return kind(str(detail), hint=str(ending.get("hint") or ""))
    return problem_of(detail, ending.get("reason"), str(ending.get("model") or ""))


def foreign(response: httpx.Response, url: str) -> DaybookError:
    """Return what to say of a response that no Daybook has sent."""
    status = response.status_code
    if status in _OF_PROXIES:
        return ServerUnreachableError(
            f"What stands before the Daybook server at {url} cannot reach it (it answered {status}). "
            "Is the server running?",
            hint="daybook doctor",
        )
    where = response.headers.get("location")
    if where:
        return NoDaybookError(
            f"{url} sends its visitors on to {where[:200]}. Nothing was sent there.",
            hint="daybook server add NAME THE-RIGHT-URL",
        )
    return NoDaybookError(
        f"Something answers at {url}, but it is no Daybook (it answered {status}). Nothing was changed.",
        hint="Look at the address: daybook config list",
    )
