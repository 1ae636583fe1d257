"""HTTP/1.1 connections that may be slow, but not for ever.

Invariants: a request's head has `HEAD_SECONDS` to arrive and at most `HEAD_BYTES`; a client that does not
read what it asked for is cut off after `UNREAD_SECONDS`, in which its socket and one event hold all that is
kept for it.
"""

from __future__ import annotations

import asyncio

from uvicorn.protocols.http.httptools_impl import HttpToolsProtocol

HEAD_BYTES = 32 * 1024
HEAD_SECONDS = 20.0
UNREAD_SECONDS = 60.0


class HeadTooLargeError(ValueError):
    """The parser hands it on as a request that cannot be read."""


class PatientProtocol(HttpToolsProtocol):
    """uvicorn's protocol with an end to its patience."""

    head_seconds = HEAD_SECONDS
    unread_seconds = UNREAD_SECONDS
    _awaits_head = True
    _head_size = 0
    _late: asyncio.TimerHandle | None = None
    _unread: asyncio.TimerHandle | None = None

    def connection_made(self, transport: asyncio.Transport) -> None:  # type: ignore[override] # as uvicorn's
        """Begin to wait for a request."""
        super().connection_made(transport)
        self._late = self.loop.call_later(self.head_seconds, self._head_is_late)

    def data_received(self, data: bytes) -> None:
        """Take what came; go on waiting where it ends in the middle of a head."""
        if self._awaits_head:
            self._head_size += len(data)
        super().data_received(data)
        if not self._awaits_head or self.transport.is_closing():
            return
        if self._head_size > HEAD_BYTES:
            self.send_400_response("The head of the request is too large.")
        elif self._head_size and self._late is None:
            self._late = self.loop.call_later(self.head_seconds, self._head_is_late)

    def on_header(self, name: bytes, value: bytes) -> None:
        """Take a header, unless the head has too many or too long ones."""
        super().on_header(name, value)
        if len(self.url) + sum(len(name) + len(value) for name, value in self.headers) > HEAD_BYTES:
            raise HeadTooLargeError

    def on_headers_complete(self) -> None:
        """Begin the request."""
        self._awaits_head, self._head_size, self._late = False, 0, _without(self._late)
        super().on_headers_complete()

    def on_message_complete(self) -> None:
        """Be ready for the next head."""
        super().on_message_complete()
        self._awaits_head = True

    def pause_writing(self) -> None:
        """Note that the client does not keep up."""
        super().pause_writing()
        if self._unread is None:
            self._unread = self.loop.call_later(self.unread_seconds, self.transport.abort)

    def resume_writing(self) -> None:
        """Note that it has read."""
        self._unread = _without(self._unread)
        super().resume_writing()

    def connection_lost(self, exc: Exception | None) -> None:
        """Forget it."""
        self._late, self._unread = _without(self._late), _without(self._unread)
        super().connection_lost(exc)

    def _head_is_late(self) -> None:
        self._late = None
        self.transport.abort()


def _without(timer: asyncio.TimerHandle | None) -> asyncio.TimerHandle | None:
    """Stop a timer that may run; return what takes its place."""
    if timer is not None:
        timer.cancel()
    return None
