"""HTTP/1.1 connections that may be slow, but not for ever.

Invariants: a request's head has `HEAD_SECONDS` to arrive and at most `HEAD_BYTES`; a client that does not
read what it asked for is cut off after `UNREAD_SECONDS`, in which its socket and one event hold all that is
kept for it.
"""

from __future__ import annotations

import asyncio

import h11
from uvicorn.protocols.http.h11_impl import H11Protocol

HEAD_BYTES = 32 * 1024
HEAD_SECONDS = 20.0
UNREAD_SECONDS = 60.0


class PatientProtocol(H11Protocol):
    """uvicorn's protocol with an end to its patience."""

    head_seconds = HEAD_SECONDS
    unread_seconds = UNREAD_SECONDS
    _head: asyncio.TimerHandle | None = None
    _unread: asyncio.TimerHandle | None = None

    def connection_made(self, transport: asyncio.Transport) -> None:  # type: ignore[override] # as uvicorn's
        """Begin to wait for a request."""
        super().connection_made(transport)
        self._await_head()

    def data_received(self, data: bytes) -> None:
        """Take what came; go on waiting where it ends in the middle of a head."""
        super().data_received(data)
        if self.conn.their_state is not h11.IDLE:
            self._head = _without(self._head)
        elif self._head is None:
            self._await_head()

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
        self._head, self._unread = _without(self._head), _without(self._unread)
        super().connection_lost(exc)

    def _await_head(self) -> None:
        self._head = self.loop.call_later(self.head_seconds, self._head_is_late)

    def _head_is_late(self) -> None:
        self._head = None
        if self.conn.their_state is h11.IDLE:
            self.transport.abort()


def _without(timer: asyncio.TimerHandle | None) -> asyncio.TimerHandle | None:
    """Stop a timer that may run; return what takes its place."""
    if timer is not None:
        timer.cancel()
    return None
