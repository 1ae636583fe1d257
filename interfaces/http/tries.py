"""How often an address may come with a wrong token: ten times, and then once in six seconds.

A browser goes on sending the cookie of a book that is gone, so each wrong cookie counts once only.

Invariant: memory is bounded, and nobody is kept waiting by the wrong tokens of another address.
"""

from __future__ import annotations

import hashlib
import math
import time
from collections import OrderedDict
from collections.abc import Callable

from domain.errors import DaybookError
from interfaces.http.peers import limited_as

AT_ONCE = 10
SECONDS_EACH = 6.0
_MOST_REMEMBERED = 4_096


class TooManyTriesError(DaybookError):
    """Too many wrong tokens came from one address. `seconds`: when it may come again."""

    def __init__(self, seconds: int) -> None:
        super().__init__(
            "Too many wrong tokens came from your address. Nothing was done; others are not kept waiting.",
            hint=f"Try again in {seconds} seconds, with a token that `daybook token list` shows.",
        )
        self.seconds = seconds


class Tries:
    """Counts wrong tokens by address. Used on the event loop alone."""

    def __init__(self, clock: Callable[[], float] = time.monotonic) -> None:
        self._clock = clock
        # Each wrong token takes six seconds of an address's time; this is until when its time is taken.
        self._taken: OrderedDict[str, float] = OrderedDict()
        self._stale: OrderedDict[bytes, None] = OrderedDict()

    def must_be_left(self, address: str) -> None:
        """Go on where the address has a try left, or raise `TooManyTriesError`."""
        wait = self._taken.get(limited_as(address), 0.0) - self._clock() - (AT_ONCE - 1) * SECONDS_EACH
        if wait > 0:
            raise TooManyTriesError(math.ceil(wait))

    def was_wrong(self, address: str) -> None:
        """Count a wrong token."""
        name, now = limited_as(address), self._clock()
        self._taken[name] = max(self._taken.get(name, 0.0), now) + SECONDS_EACH
        self._taken.move_to_end(name)
        while len(self._taken) > _MOST_REMEMBERED or next(iter(self._taken.values())) <= now:
            self._taken.popitem(last=False)

    def is_stale(self, cookie: str) -> bool:
        """Tell whether this cookie was found wrong before; it cannot become right."""
        return _digest(cookie) in self._stale

    def remember(self, cookie: str) -> None:
        """Keep that this cookie is wrong."""
        self._stale[_digest(cookie)] = None
        while len(self._stale) > _MOST_REMEMBERED:
            self._stale.popitem(last=False)

    def __len__(self) -> int:
        return len(self._taken)


def _digest(cookie: str) -> bytes:
    return hashlib.sha256(cookie.encode("utf-8", "surrogateescape")).digest()
