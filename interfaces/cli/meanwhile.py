"""What is said of work that takes longer than a second and cannot say how far it is.

Invariant: it is one line on a terminal's standard error, and gone when the work is done; a result never
stands beside it.
"""

from __future__ import annotations

import sys
import threading
import time
from collections.abc import Iterator
from contextlib import contextmanager

_AFTER_SECONDS = 1.0
_TAKEN_AWAY = "\r\x1b[K"


@contextmanager
def meanwhile(what: str, *, after: float = _AFTER_SECONDS) -> Iterator[None]:
    """Say what is going on, and since when, while it does."""
    if not sys.stderr.isatty():
        yield
        return
    done = threading.Event()
    telling = threading.Thread(target=_tell, args=(what, after, done), daemon=True)
    telling.start()
    try:
        yield
    finally:
        done.set()
        telling.join()


def _tell(what: str, after: float, done: threading.Event) -> None:
    began = time.monotonic()
    if done.wait(after):
        return
    while True:
        sys.stderr.write(f"{_TAKEN_AWAY}{what} … {time.monotonic() - began:.0f} s")
        sys.stderr.flush()
        if done.wait(1):
            break
    sys.stderr.write(_TAKEN_AWAY)
    sys.stderr.flush()
