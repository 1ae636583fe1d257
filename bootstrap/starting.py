"""Patience at the start of a container: whatever starts it may not have waited for the database."""

from __future__ import annotations

import time
from collections.abc import Callable
from typing import TypeVar

from application.errors import DatabaseError

Found = TypeVar("Found")
_PAUSE_SECONDS = 0.5
_WORTH_A_WORD_SECONDS = 2.0  # else the error follows at once, in the same words


def patiently(
    attempt: Callable[[], Found], seconds: float, say: Callable[[str], None], *, kind: type[DatabaseError]
) -> Found:
    """Try until it works or the time is over; `say` is told once, why it is waited, where that is for long.

    Raises:
        DatabaseError: the last one of this kind, or the first of another.
    """
    end = time.monotonic() + seconds
    told = False
    while True:
        try:
            return attempt()
        except kind as problem:
            if time.monotonic() + _PAUSE_SECONDS > end:
                raise
            if not told and seconds > _WORTH_A_WORD_SECONDS:
                say(f"{problem.message} Waiting for it, up to {seconds:g} seconds.")
                told = True
        time.sleep(_PAUSE_SECONDS)
