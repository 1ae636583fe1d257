"""What frames every request: its ids, a bound on its body, `HEAD`, an answer even to our mistakes, a line."""

from __future__ import annotations

import asyncio
import time
from typing import TYPE_CHECKING
from uuid import UUID

from starlette.datastructures import Headers, MutableHeaders
from starlette.exceptions import HTTPException
from starlette.types import ASGIApp, Message, Receive, Scope, Send

from application.access import Principal
from application.text_rules import MAX_TEXT_BYTES
from domain.ids import new_id
from interfaces.http.guard import PRINCIPAL
from interfaces.http.logs import tell
from interfaces.http.paths import GETS_THAT_CHANGE
from interfaces.http.problems import CORRELATION, PROBLEM, REQUEST, log_fault, problem, unexpected

if TYPE_CHECKING:
    from interfaces.http.server import Server

# JSON may spell a letter of two bytes with six (`\u00e9`), so the largest text we take may need three times
# its size.
MAX_BODY_BYTES = 3 * MAX_TEXT_BYTES + 64 * 1024

# Files to import are written down as they come, and by nobody who may not.
MAX_IMPORT_BYTES = 4 * 1024**3
IMPORT_PATH = "/api/v1/import"

# A client that is still sending reads its answer only when it has sent all; so much of it is read and
# thrown away.
_DRAIN_BYTES = 64 * 1024 * 1024

CORRELATION_HEADER = "Daybook-Correlation-Id"
REQUEST_HEADER = "Daybook-Request-Id"

# Between two pieces of a body.
BODY_SECONDS = 20.0
_TOO_SLOW = "The rest of the request did not come in time. Nothing was recorded."
_TOO_LARGE = "The body is larger than any request can be. Nothing was recorded."
METHOD = "daybook.method"
_METHODS = frozenset({"GET", "HEAD", "POST", "PUT", "PATCH", "DELETE", "OPTIONS"})
_CUT_OFF = 499  # what proxies log for a client that left before its answer began


class Frame:
    """ASGI middleware: gives each request its ids, answers what nobody else answered, and tells of it."""

    def __init__(self, app: ASGIApp, server: Server) -> None:
        self._app = app
        self._server = server

    async def __call__(self, scope: Scope, receive: Receive, send: Send) -> None:
        """Pass the request on; an exception becomes a problem without details, or cuts what was begun."""
        if scope["type"] != "http":
            await self._app(scope, receive, send)
            return
        scope[REQUEST] = new_id()
        scope[CORRELATION] = _given(Headers(scope=scope).get(CORRELATION_HEADER)) or scope[REQUEST]
        began, status = time.perf_counter(), _CUT_OFF
        started = False

        async def sending(message: Message) -> None:
            nonlocal started, status
            if message["type"] == "http.response.start":
                started, status = True, message["status"]
                headers = MutableHeaders(scope=message)
                headers[REQUEST_HEADER] = str(scope[REQUEST])
                headers[CORRELATION_HEADER] = str(scope[CORRELATION])
                headers["X-Content-Type-Options"] = "nosniff"
                headers.setdefault("Cache-Control", "no-store")
            await send(message)

        try:
            await self._app(scope, receive, sending)
        except Exception as error:  # noqa: BLE001 - the one place where everything ends
            if started:  # too late to answer otherwise: the server cuts a response that is not finished
                log_fault(scope, error)
                return
            await unexpected(scope, error)(scope, receive, sending)
        finally:
            self._told(scope, status, time.perf_counter() - began)

    def _told(self, scope: Scope, status: int, seconds: float) -> None:
        route, operation = self._server.paths.template(scope)
        method = scope.get(METHOD, scope["method"])
        method = method if method in _METHODS else "OTHER"
        metrics = self._server.metrics
        metrics.requests.labels(method, route, str(status)).inc()
        metrics.request_seconds.labels(method, route).observe(seconds)
        if PROBLEM in scope:
            metrics.problems.labels(scope[PROBLEM]).inc()
        principal: Principal | None = scope.get(PRINCIPAL)
        tell(
            "request",
            request_id=scope[REQUEST],
            correlation_id=scope[CORRELATION],
            method=method,
            route=route,
            operation=operation,
            status=status,
            duration_ms=round(seconds * 1000, 1),
            actor=principal.actor if principal else None,
            problem=scope.get(PROBLEM),
        )


class Head:
    """ASGI middleware: `HEAD` is answered as `GET` is, without the body."""

    def __init__(self, app: ASGIApp) -> None:
        self._app = app

    async def __call__(self, scope: Scope, receive: Receive, send: Send) -> None:
        """Pass the request on as `GET`; a stream is ended as soon as its headers are known."""
        if scope["type"] != "http" or scope["method"] != "HEAD" or scope["path"] in GETS_THAT_CHANGE:
            await self._app(scope, receive, send)
            return
        # A scope of its own: the server below goes by the old one, and sends no body.
        scope = {**scope, "method": "GET", METHOD: "HEAD"}
        answered = False

        async def sending(message: Message) -> None:
            nonlocal answered
            if message["type"] == "http.response.start":
                await send(message)
            elif not answered:
                answered = True
                await send({"type": "http.response.body", "body": b"", "more_body": False})

        async def receiving() -> Message:
            return {"type": "http.disconnect"} if answered else await receive()

        await self._app(scope, receiving, sending)


class BodyLimit:
    """ASGI middleware: no request makes the server hold more than `limit` bytes; a file is not held."""

    def __init__(self, app: ASGIApp, limit: int = MAX_BODY_BYTES) -> None:
        self._app = app
        self._limit = limit

    async def __call__(self, scope: Scope, receive: Receive, send: Send) -> None:
        """Pass the request on, or answer it with 413."""
        if scope["type"] != "http":
            await self._app(scope, receive, send)
            return
        limit = MAX_IMPORT_BYTES if scope["path"] == IMPORT_PATH else self._limit
        length = Headers(scope=scope).get("content-length", "")
        if length.isascii() and length.isdigit() and int(length) > limit:
            await _drain(receive, 0)
            await problem(scope, 413, _TOO_LARGE, headers={"Connection": "close"})(scope, receive, send)
            return
        taken = 0

        more = True

        async def in_time() -> Message:
            nonlocal more
            try:
                async with asyncio.timeout(BODY_SECONDS if more else None):
                    message = await receive()
            except TimeoutError:
                raise HTTPException(408, _TOO_SLOW, {"Connection": "close"}) from None
            more = message.get("more_body", False)
            return message

        async def receiving() -> Message:
            nonlocal taken
            message = await in_time()
            taken += len(message.get("body", b""))
            if taken > limit:
                await _drain(receive, taken)
                raise HTTPException(413, _TOO_LARGE, {"Connection": "close"})
            return message

        await self._app(scope, receiving, send)


async def _drain(receive: Receive, taken: int) -> None:
    while taken < _DRAIN_BYTES:
        message = await receive()
        if message["type"] != "http.request" or not message.get("more_body", False):
            return
        taken += len(message.get("body", b""))


def _given(correlation_id: str | None) -> UUID | None:
    """Return the id under which a client joins several requests into one action of its user."""
    try:
        return UUID(correlation_id) if correlation_id else None
    except ValueError:
        return None
