"""How often one address may ask.

Invariant: what is remembered is bounded, however many addresses ask; a client that is told to wait and does
so is let in.
"""

from __future__ import annotations

import math
import time
from collections.abc import Callable

from starlette.types import ASGIApp, Receive, Scope, Send

from interfaces.http.guard import OPEN_PATHS
from interfaces.http.options import HttpOptions
from interfaces.http.problems import problem

# So many seconds' worth may be asked at once by who was quiet before.
_BURST_SECONDS = 20.0
_MOST_ADDRESSES = 10_000


class RateLimit:
    """ASGI middleware: a bucket of requests for each address, filled evenly. Probes are not counted."""

    def __init__(
        self, app: ASGIApp, options: HttpOptions, clock: Callable[[], float] = time.monotonic
    ) -> None:
        self._app = app
        self._rate = options.requests_a_minute / 60
        self._burst = max(1.0, self._rate * _BURST_SECONDS)
        self._clock = clock
        self._buckets: dict[str, tuple[float, float]] = {}

    async def __call__(self, scope: Scope, receive: Receive, send: Send) -> None:
        """Pass the request on, or answer it with 429."""
        if scope["type"] != "http" or scope["path"] in OPEN_PATHS:
            await self._app(scope, receive, send)
            return
        client = scope.get("client")
        seconds = self.seconds_to_wait(client[0] if client else "")
        if seconds == 0:
            await self._app(scope, receive, send)
            return
        response = problem(
            scope,
            429,
            f"Too many requests from this address; the next is taken in {seconds} s. Nothing was recorded.",
            hint="Set DAYBOOK_RATE_LIMIT to the requests a minute that are right here.",
            headers={"Retry-After": str(seconds)},
        )
        await response(scope, receive, send)

    def seconds_to_wait(self, address: str) -> int:
        """Count a request; return 0, or after how many seconds one is taken again."""
        now = self._clock()
        left, at = self._buckets.pop(address, (self._burst, now))
        left = min(self._burst, left + (now - at) * self._rate)
        if left >= 1:
            self._buckets[address] = (left - 1, now)
            self._forget()
            return 0
        self._buckets[address] = (left, now)
        return max(1, math.ceil((1 - left) / self._rate))

    def _forget(self) -> None:
        # Buckets stand in the order of their last use; the longest unused is the fullest.
        while len(self._buckets) > _MOST_ADDRESSES:
            del self._buckets[next(iter(self._buckets))]
