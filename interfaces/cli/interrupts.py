"""Ctrl-C and friends while an answer is written.

Invariants: the first Ctrl-C stops the model and keeps what it said; the second leaves at once, whatever
hangs. A request to terminate, or a terminal that is closed, interrupts the answer and still records its
end.
"""

from __future__ import annotations

import asyncio
import os
import signal
import sys
from collections.abc import Callable, Iterator
from contextlib import contextmanager

from interfaces.cli import echo

_CURSOR_AND_NO_MARKED_PASTES = "\x1b[?25h\x1b[?2004l"
_LEAVE_AT_ONCE = 130
CANCELLED = "cancelled"
TERMINATED = "terminated"


class Interrupts:
    """Watches the signals of one process on one event loop. `reason` is why an answer shall end, or None."""

    def __init__(self) -> None:
        self.reason: str | None = None
        self._stop: Callable[[str], None] = lambda _: None

    @contextmanager
    def watching(self) -> Iterator[Interrupts]:
        """Take the signals over; what they did before comes back in the end."""
        loop = asyncio.get_running_loop()
        reasons = {signal.SIGINT: CANCELLED, signal.SIGTERM: TERMINATED, signal.SIGHUP: TERMINATED}
        before = {number: signal.getsignal(number) for number in reasons}
        for number, reason in reasons.items():
            loop.add_signal_handler(number, self._came, reason)
        self.reason = None
        try:
            yield self
        finally:
            for number, handler in before.items():
                loop.remove_signal_handler(number)
                signal.signal(number, handler)

    def when_stopped(self, stop: Callable[[str], None]) -> None:
        """Say what a signal stops; one that came already stops it now."""
        self._stop = stop
        if self.reason is not None:
            stop(self.reason)

    def _came(self, reason: str) -> None:
        if self.reason is None:
            self.reason = reason
            self._stop(reason)
            return
        if reason == CANCELLED:
            leave_at_once()


def leave_at_once() -> None:
    """End the process without waiting for anything; the next command closes the answer it leaves behind."""
    echo.restore()
    if sys.stdout.isatty():
        os.write(1, _CURSOR_AND_NO_MARKED_PASTES.encode())
    os.write(2, b"\ndaybook: left at once; what was saved of the answer shows up with the next command.\n")
    os._exit(_LEAVE_AT_ONCE)
