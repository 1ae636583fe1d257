"""A response that goes on for long is cut when what its client came with lets nobody in any more.

Invariant: two seconds after a revocation or an expiry nothing is sent to whoever came with it.
"""

from __future__ import annotations

import asyncio
import time
from collections.abc import Awaitable, Callable

from starlette.types import Message, Receive, Send

LOOK_EVERY_SECONDS = 1.0


class Standing:
    """Stands between one request's application and its client; `still` says whether the client may stay."""

    def __init__(self, receive: Receive, send: Send, still: Callable[[], Awaitable[bool]]) -> None:
        self._receive = receive
        self._send = send
        self._still = still
        self._looked = time.monotonic()
        self._gone = asyncio.Event()

    async def send(self, message: Message) -> None:
        """Send what the application says, as long as the client may stay; then end the response."""
        if self._gone.is_set():
            return
        now = time.monotonic()
        if message.get("more_body") and now - self._looked >= LOOK_EVERY_SECONDS:
            self._looked = now
            if not await self._still():
                self._gone.set()
                message = {"type": "http.response.body", "body": b"", "more_body": False}
        await self._send(message)

    async def receive(self) -> Message:
        """Tell the application what the client says; one that may not stay has gone."""
        coming = asyncio.ensure_future(self._receive())
        leaving = asyncio.ensure_future(self._gone.wait())
        try:
            await asyncio.wait({coming, leaving}, return_when=asyncio.FIRST_COMPLETED)
            return coming.result() if coming.done() else {"type": "http.disconnect"}
        finally:
            coming.cancel()
            leaving.cancel()
