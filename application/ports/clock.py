"""The port to time. The log has its own; this one measures durations and dates what is not in the log."""

from __future__ import annotations

from datetime import datetime
from typing import Protocol


class Clock(Protocol):
    """Wall-clock and monotonic time."""

    def now(self) -> datetime:
        """Return the time in UTC."""
        ...

    def monotonic_ms(self) -> float:
        """Return milliseconds since some fixed moment; never runs backwards."""
        ...
