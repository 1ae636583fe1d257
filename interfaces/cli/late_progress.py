"""Progress of what is mostly over in a moment: a bar that appears where it takes longer than a second."""

from __future__ import annotations

import sys
import time
from collections.abc import Callable, Iterator
from contextlib import ExitStack, contextmanager

from interfaces.cli.projections import progress_bar

_QUIET_SECONDS = 1.0


@contextmanager
def late_bar(what: str, unit: str) -> Iterator[Callable[[int, int], None] | None]:
    """Lend a function that shows how far it is; None where nobody watches."""
    if not sys.stderr.isatty():
        yield None
        return
    began = time.monotonic()
    with ExitStack() as shown:
        bar: Callable[[int, int], None] | None = None

        def told(done: int, total: int) -> None:
            nonlocal bar
            if bar is None and time.monotonic() - began > _QUIET_SECONDS:
                bar = shown.enter_context(progress_bar(what, unit))
            if bar is not None:
                bar(done, total)

        yield told
