"""What frames every request: a correlation id, a bound on its body, an answer even to our mistakes."""

from __future__ import annotations

import asyncio

from starlette.datastructures import Headers, MutableHeaders
from starlette.exceptions import HTTPException
from starlette.types import ASGIApp, Message, Receive, Scope, Send

from application.text_rules import MAX_TEXT_BYTES
from domain.ids import new_id
from interfaces.http.problems import CORRELATION, log_fault, problem, unexpected

# JSON may spell a letter of two bytes with six (`\u00e9`), so the largest text we take may need three times
# its size.
MAX_BODY_BYTES = 3 * MAX_TEXT_BYTES + 64 * 1024

# A client that is still sending reads its answer only when it has sent all; so much of it is read and
# thrown away.
_DRAIN_BYTES = 64 * 1024 * 1024

CORRELATION_HEADER = "Daybook-Correlation-Id"

# Between two pieces of a body.
BODY_SECONDS = 20.0
_TOO_SLOW = "The rest of the request did not come in time. Nothing was recorded."
_TOO_LARGE = "The body is larger than any request can be. Nothing was recorded."


class Frame:
    """ASGI middleware: gives each request its correlation id, and answers what nobody else answered."""

    def __init__(self, app: ASGIApp) -> None:
        self._app = app

    async def __call__(self, scope: Scope, receive: Receive, send: Send) -> None:
        """Pass the request on; an exception becomes a problem without details, or cuts what was begun."""
        if scope["type"] != "http":
            await self._app(scope, receive, send)
            return
        scope[CORRELATION] = new_id()
        started = False

        async def sending(message: Message) -> None:
            nonlocal started
            if message["type"] == "http.response.start":
                started = True
                headers = MutableHeaders(scope=message)
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


class BodyLimit:
    """ASGI middleware: no request makes the server hold more than `limit` bytes of it."""

    def __init__(self, app: ASGIApp, limit: int = MAX_BODY_BYTES) -> None:
        self._app = app
        self._limit = limit

    async def __call__(self, scope: Scope, receive: Receive, send: Send) -> None:
        """Pass the request on, or answer it with 413."""
        if scope["type"] != "http":
            await self._app(scope, receive, send)
            return
        length = Headers(scope=scope).get("content-length", "")
        if length.isascii() and length.isdigit() and int(length) > self._limit:
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
            if taken > self._limit:
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
