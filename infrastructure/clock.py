"""The one place that reads the machine's clock for the application."""

from __future__ import annotations

import time
from datetime import UTC, datetime


class SystemClock:
    """The `Clock` port on this machine."""

    def now(self) -> datetime:
        """Return the time in UTC."""
        return datetime.now(UTC)  # noqa: TID251 (the one place)

    def monotonic_ms(self) -> float:
        """Return milliseconds since some fixed moment."""
        return time.monotonic() * 1000
