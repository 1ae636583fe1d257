"""Views and problems as HTTP responses.

Invariant: every character of an answer survives. A model may send lone surrogates, which UTF-8 cannot
carry; they go out as JSON escapes.
"""

from __future__ import annotations

from typing import Any
from uuid import UUID

from starlette.responses import Response

from application.commands import Done
from interfaces.http.conditions import is_current, tag
from interfaces.views import DoneView, to_json

LOG_SIZE_HEADER = "Daybook-Log-Size"


def json_bytes(view: Any) -> bytes:
    """Return a view as JSON in UTF-8."""
    return to_json(view).encode("utf-8", "backslashreplace")


class JsonResponse(Response):
    """A view as a response.

    `log_size` goes into the header by which clients read their own writes, `version` into the one by which
    they change what they have read.
    """

    media_type = "application/json"

    def __init__(
        self,
        view: Any,
        status_code: int = 200,
        *,
        log_size: int | None = None,
        location: str | None = None,
        version: int | None = None,
        headers: dict[str, str] | None = None,
    ) -> None:
        super().__init__(json_bytes(view), status_code, headers)
        if log_size is not None:
            self.headers[LOG_SIZE_HEADER] = str(log_size)
        if location is not None:
            self.headers["Location"] = location
        if version is not None:
            self.headers["ETag"] = tag(version)


def done(result: Done, status_code: int = 200, *, location: str | None = None) -> JsonResponse:
    """Return what a command changed."""
    view = DoneView(id=result.id, log_size=result.log_size)
    return JsonResponse(
        view, status_code, log_size=result.log_size, location=location, version=result.version
    )


def versioned(view: Any, version: int, if_none_match: str | None) -> Response:
    """Return a view with its tag, or 304 where the client has it."""
    if is_current(if_none_match, version):
        return Response(status_code=304, headers={"ETag": tag(version)})
    return JsonResponse(view, version=version)


def answer_path(answer_id: UUID) -> str:
    """Return where an answer is found."""
    return f"/api/v1/answers/{answer_id}"
