"""Signs checkpoints while `daybook serve` runs: from time to time, and when it stops.

Invariant: a checkpoint that cannot be made stops nothing else. It is told, and tried again the next time.
"""

from __future__ import annotations

import logging
import threading
from types import TracebackType
from typing import TYPE_CHECKING, Self

from domain.errors import DaybookError

if TYPE_CHECKING:
    from interfaces.book import Book

_log = logging.getLogger("daybook.checkpoints")
_AT_THE_END_SECONDS = 3.0


class CheckpointTimer:
    """Signs while its block runs, whenever the log has grown."""

    def __init__(self, book: Book, every_seconds: float) -> None:
        self._book = book
        self._every = every_seconds
        self._stopping = threading.Event()
        self._thread = threading.Thread(target=self._run, name="daybook-checkpoints", daemon=True)
        self._signed = 0

    def __enter__(self) -> Self:
        self._thread.start()
        return self

    def __exit__(
        self, kind: type[BaseException] | None, error: BaseException | None, trace: TracebackType | None
    ) -> None:
        self._stopping.set()
        self._thread.join(_AT_THE_END_SECONDS)

    def _run(self) -> None:
        while not self._stopping.wait(self._every):
            self._sign()
        self._sign()

    def _sign(self) -> None:
        try:
            if self._book.events.size() > self._signed:
                self._signed = self._book.audit.checkpoint().size
        except DaybookError as problem:
            _log.error("no checkpoint could be signed: %s", problem.message)
