"""A stream of events as a response.

Invariants: an event is taken from its source only when the one before it is on its way, so a client that does
not read makes nobody hold more than one; no task is made for an event; a client that goes is noticed while
nothing comes.
"""

from __future__ import annotations

import asyncio
from collections.abc import AsyncGenerator
from contextlib import aclosing

from starlette.responses import Response
from starlette.types import Receive, Scope, Send

from interfaces.http.sse import FIRST_LINE, HEARTBEAT, StreamEvent

_HEADERS = {"X-Accel-Buffering": "no", "Cache-Control": "no-store"}


class EventStream(Response):
    """Sends events until their end, and a comment whenever none came for `heartbeat_every` seconds."""

    media_type = "text/event-stream"

    def __init__(self, events: AsyncGenerator[StreamEvent], *, heartbeat_every: float) -> None:
        super().__init__(headers=_HEADERS)
        del self.headers["content-length"]
        self._events = events
        self._heartbeat_every = heartbeat_every
        self._sent_at = 0.0
        self._sending = False

    async def __call__(self, scope: Scope, receive: Receive, send: Send) -> None:
        """Send everything, or as much as the client waits for."""
        del scope
        await send({"type": "http.response.start", "status": 200, "headers": self.raw_headers})
        telling = asyncio.create_task(self._tell(send))
        tasks = [telling, asyncio.create_task(_until_gone(receive)), asyncio.create_task(self._beat(send))]
        try:
            await asyncio.wait(tasks, return_when=asyncio.FIRST_COMPLETED)
        finally:
            for task in tasks:
                task.cancel()
            await asyncio.gather(*tasks, return_exceptions=True)
        if not telling.cancelled():
            telling.result()

    async def _tell(self, send: Send) -> None:
        loop = asyncio.get_running_loop()
        async with aclosing(self._events) as events:
            await send({"type": "http.response.body", "body": FIRST_LINE, "more_body": True})
            self._sent_at = loop.time()
            async for event in events:
                self._sending, self._sent_at = True, loop.time()
                await send({"type": "http.response.body", "body": event.encode(), "more_body": True})
                self._sending = False
        await send({"type": "http.response.body", "body": b"", "more_body": False})

    async def _beat(self, send: Send) -> None:
        loop = asyncio.get_running_loop()
        while True:
            quiet = loop.time() - self._sent_at
            if quiet < self._heartbeat_every:
                await asyncio.sleep(self._heartbeat_every - quiet)
                continue
            if not self._sending:  # else it does not read, and a comment would only be one thing more
                await send({"type": "http.response.body", "body": HEARTBEAT, "more_body": True})
            self._sent_at = loop.time()


async def _until_gone(receive: Receive) -> None:
    while (await receive())["type"] != "http.disconnect":
        continue
