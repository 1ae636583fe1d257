"""Waiting until the log grows: one listener on the database, however many wait.

Invariant: whoever waits looks at the log's size by himself, before and after; what the listener says only
ends the waiting, so that nothing is missed where a notification or the listener's connection is lost.
"""

from __future__ import annotations

import asyncio
import contextlib
import logging
import threading
from typing import TYPE_CHECKING

from domain.errors import DaybookError

if TYPE_CHECKING:
    from interfaces.book import WholeBook

_LOOK_EVERY_SECONDS = 1.0
_log = logging.getLogger("daybook.http")


class Growth:
    """Tells when the log has grown. Lives on one event loop; listens from the first who waits on."""

    def __init__(self, book: WholeBook) -> None:
        self._book = book
        self._grown = asyncio.Event()
        self._stop = threading.Event()
        self._listener: threading.Thread | None = None

    async def beyond(self, size: int, seconds: float) -> int:
        """Return the log's size as soon as it is more than `size`, or how it is after so many seconds."""
        deadline = asyncio.get_running_loop().time() + seconds
        while True:
            grown = self._grown
            now = await asyncio.to_thread(self._book.events.size)
            left = deadline - asyncio.get_running_loop().time()
            if now > size or left <= 0 or self._stop.is_set():
                return now
            self._listen(now)
            with contextlib.suppress(TimeoutError):
                await asyncio.wait_for(grown.wait(), min(left, _LOOK_EVERY_SECONDS))

    def stop(self) -> None:
        """Let everybody go who waits."""
        self._stop.set()
        self._tell()

    def _listen(self, size: int) -> None:
        if self._listener is not None and self._listener.is_alive():
            return
        loop = asyncio.get_running_loop()
        self._listener = threading.Thread(
            target=self._follow, args=(loop, size), name="daybook-growth", daemon=True
        )
        self._listener.start()

    def _follow(self, loop: asyncio.AbstractEventLoop, size: int) -> None:
        try:
            for _ in self._book.events.follow(size, stop=self._stop):
                loop.call_soon_threadsafe(self._tell)
        except DaybookError as problem:
            _log.warning("the log is looked at once a second for now: %s", problem.message)

    def _tell(self) -> None:
        grown, self._grown = self._grown, asyncio.Event()
        grown.set()
