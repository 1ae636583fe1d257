"""One request whose answer is read as it comes: a connection of its own, and as little as can be between.

The HTTP client spends more on a token than everything else that Daybook does with it, so it is left out of
this one way. Invariants: a limit on silence costs nothing while there is none; no more than `_MOST_HELD`
bytes wait to be read; closing closes the socket at once, which is what stops the model.
"""

from __future__ import annotations

import asyncio
from collections.abc import Mapping
from typing import Any

import httptools

_MOST_HELD = 1 << 18
_MOST_HEAD = 1 << 16


class ChatConnectionError(Exception):
    """What came is no HTTP response, or it ended too early; the text says which."""


class ChatConnection(asyncio.Protocol):
    """Made by `open_connection`; `send`, then `head`, then `read` until it returns nothing, then `close`."""

    def __init__(self) -> None:
        self._loop = asyncio.get_running_loop()
        self._parser = httptools.HttpResponseParser(self)
        self._transport: asyncio.Transport | None = None
        self._pieces: list[bytes] = []
        self._held = 0
        self._head_size = 0
        self._status = 0
        self._ends_by_closing = True
        self._complete = False
        self._problem: Exception | None = None
        self._waiter: asyncio.Future[None] | None = None
        self._timer: asyncio.TimerHandle | None = None
        self._limit = 0.0
        self._silent_since = 0.0
        self._lost = self._loop.create_future()

    def send(self, path: str, headers: Mapping[str, str], body: bytes) -> None:
        """Post a body."""
        lines = [f"POST {path} HTTP/1.1", *(f"{name}: {value}" for name, value in headers.items())]
        head = "\r\n".join([*lines, f"Content-Length: {len(body)}", "", ""])
        self._there.write(head.encode("latin-1") + body)

    async def head(self, limit: float) -> int:
        """Return the status, when it is there.

        Raises:
            TimeoutError: not within `limit` seconds.
            ChatConnectionError: what came is no HTTP response.
            OSError: the connection was lost.
        """
        while not self._status:
            await self._more(limit)
        return self._status

    async def read(self, limit: float) -> bytes:
        """Return what has come of the body, waiting for something; b"" is its end. Errors as `head`."""
        while not self._pieces:
            if self._complete:
                return b""
            await self._more(limit)
        pieces, self._pieces = self._pieces, []
        if self._held > _MOST_HELD:
            self._there.resume_reading()
        self._held = 0
        return pieces[0] if len(pieces) == 1 else b"".join(pieces)

    async def close(self) -> None:
        """Close the socket and wait until it is."""
        if self._timer is not None:
            self._timer.cancel()
        self._there.abort()
        await asyncio.shield(self._lost)

    @property
    def _there(self) -> asyncio.Transport:
        assert self._transport is not None  # noqa: S101 - made by open_connection, which connects it
        return self._transport

    async def _more(self, limit: float) -> None:
        if self._problem is not None:
            raise self._problem
        self._limit, self._silent_since = limit, self._loop.time()
        if self._timer is None or self._timer.when() > self._silent_since + limit:
            self._arm(limit)
        self._waiter = self._loop.create_future()
        try:
            await self._waiter
        finally:
            self._waiter = None

    def _arm(self, seconds: float) -> None:
        if self._timer is not None:
            self._timer.cancel()
        self._timer = self._loop.call_later(seconds, self._look)

    def _look(self) -> None:
        """See whether it is silent for too long: one timer for the whole answer, set again when it rings."""
        self._timer = None
        if self._waiter is None:
            return
        left = self._silent_since + self._limit - self._loop.time()
        if left > 0:
            self._arm(left)
        elif not self._waiter.done():
            self._waiter.set_exception(TimeoutError())

    def _wake(self) -> None:
        if self._waiter is not None and not self._waiter.done():
            self._waiter.set_result(None)

    def connection_made(self, transport: Any) -> None:
        """Keep the transport."""
        self._transport = transport

    def data_received(self, data: bytes) -> None:
        """Take what came."""
        if not self._status:
            self._head_size += len(data)
        try:
            self._parser.feed_data(data)
            if not self._status and self._head_size > _MOST_HEAD:
                raise ChatConnectionError("a head without an end")  # noqa: TRY301 - one way to fail
        except (httptools.HttpParserError, ChatConnectionError) as why:
            self._problem = ChatConnectionError(str(why) or type(why).__name__)
            self._there.abort()
        self._wake()

    def connection_lost(self, exc: Exception | None) -> None:
        """Note how it ended."""
        if not self._complete and self._problem is None:
            if exc is None and self._status and self._ends_by_closing:
                self._complete = True
            else:
                self._problem = exc or ConnectionResetError("the server closed it")
        self._lost.set_result(None)
        self._wake()

    def on_header(self, name: bytes, _value: bytes) -> None:
        """Note what says where the body ends."""
        if name.lower() in {b"content-length", b"transfer-encoding"}:
            self._ends_by_closing = False

    def on_headers_complete(self) -> None:
        """Know the status; what only announces another one is passed over."""
        status = self._parser.get_status_code()
        if status >= 200:  # noqa: PLR2004 - below it, RFC 9110 says, an answer is still to come
            self._status = status

    def on_body(self, body: bytes) -> None:
        """Keep a piece."""
        self._pieces.append(body)
        self._held += len(body)
        if self._held > _MOST_HELD:
            self._there.pause_reading()

    def on_message_complete(self) -> None:
        """Know that all is there."""
        self._complete = self._status != 0
