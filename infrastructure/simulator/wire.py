r"""How the simulator's answers go onto the wire: Go's JSON, streamed lines, and a watch on the connection.

Invariant: the work behind a response is cancelled as soon as its client is gone, which is how Ollama
behaves and what Daybook's cancelling relies on. Go escapes `<`, `>`, `&`, U+2028 and U+2029 and sends
everything else raw, U+0085 too.
"""

from __future__ import annotations

import asyncio
import contextlib
import json
import re
import time
from collections.abc import AsyncIterator, Coroutine
from dataclasses import asdict, dataclass
from typing import Any

from starlette.responses import Response
from starlette.types import Receive, Scope, Send

_ESCAPED = re.compile("[<>&\u2028\u2029\ud800-\udfff]")
_NS = 1_000_000_000


class SocketCutError(Exception):
    """Raised on purpose: the server closes the connection without ending the response."""


@dataclass
class State:
    """What `/simulator/state` tells: requests that generate now, ever did so, and lost their client."""

    active: int = 0
    total: int = 0
    cancelled: int = 0
    tokens: int = 0

    def as_dict(self) -> dict[str, int]:
        """Return it for JSON."""
        return asdict(self)


def to_json(value: Any) -> bytes:
    """Encode as Go does."""
    text = json.dumps(value, ensure_ascii=False, separators=(",", ":"))
    if _ESCAPED.search(text):
        text = _ESCAPED.sub(lambda match: f"\\u{ord(match[0]):04x}", text)
    return text.encode()


def timestamp(ns: int) -> str:
    """Write a time as RFC 3339 with nanoseconds, in UTC."""
    return f"{time.strftime('%Y-%m-%dT%H:%M:%S', time.gmtime(ns // _NS))}.{ns % _NS:09d}Z"


class WatchedResponse(Response):
    """A response that is still being made while its client may leave."""

    media_type = "application/x-ndjson"

    def __init__(self, lines: AsyncIterator[dict[str, Any] | bytes], state: State, *, stream: bool) -> None:
        self._lines = lines
        self._state = state
        self._stream = stream
        self.background = None

    async def __call__(self, _scope: Scope, receive: Receive, send: Send) -> None:
        """Send lines as they come, or the only one; stop making them when the client is gone."""
        self._state.active += 1
        self._state.total += 1
        try:
            work = self._send_lines(send) if self._stream else self._send_one(send)
            if not await _finished_before_client_left(work, receive):
                self._state.cancelled += 1
        finally:
            self._state.active -= 1

    async def _send_lines(self, send: Send) -> None:
        started = False
        async with contextlib.aclosing(self._lines) as lines:  # type: ignore[type-var]
            async for line in lines:
                if not started:
                    # Like Ollama, send nothing, not even the status, before there is something to say.
                    await _start(send, 200, b"application/x-ndjson")
                    started = True
                body = line if isinstance(line, bytes) else to_json(line)
                await send({"type": "http.response.body", "body": body + b"\n", "more_body": True})
        if not started:
            await _start(send, 200, b"application/x-ndjson")
        await send({"type": "http.response.body", "body": b"", "more_body": False})

    async def _send_one(self, send: Send) -> None:
        last: dict[str, Any] = {}
        async for line in self._lines:
            if isinstance(line, dict):
                last = line
        await _start(send, 500 if "error" in last else 200, b"application/json; charset=utf-8")
        await send({"type": "http.response.body", "body": to_json(last), "more_body": False})


async def _start(send: Send, status: int, content_type: bytes) -> None:
    await send(
        {"type": "http.response.start", "status": status, "headers": [(b"content-type", content_type)]}
    )


async def _finished_before_client_left(work: Coroutine[Any, Any, None], receive: Receive) -> bool:
    async def client_left() -> None:
        while (await receive())["type"] != "http.disconnect":
            pass

    working, watching = asyncio.ensure_future(work), asyncio.ensure_future(client_left())
    try:
        await asyncio.wait({working, watching}, return_when=asyncio.FIRST_COMPLETED)
        if working.done():
            working.result()
            return True
        return False
    finally:
        working.cancel()
        watching.cancel()
        await asyncio.gather(working, watching, return_exceptions=True)
