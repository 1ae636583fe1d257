"""A process that gives titles and ends: what `daybook ask` leaves behind, so that nobody waits for a title.

Invariant: it says nothing and fails at nothing; what it could not do the next one does, or a server.
"""

from __future__ import annotations

import asyncio
import contextlib
import subprocess
import sys
from typing import TYPE_CHECKING

from bootstrap.settings import DEFINITIONS, Settings

if TYPE_CHECKING:
    from bootstrap.container import Container

_LONGEST_SECONDS = 600.0
_ours: list[subprocess.Popen[bytes]] = []


def begin(settings: Settings) -> None:
    """Start such a process on the same book, if titles are wanted; return at once."""
    if settings.get("titles") != "on":
        return
    variables = {one.key: one.variables[0] for one in DEFINITIONS}
    # Not as flags: others see those in lists of processes.
    flags = {variables[key]: value for key, value in settings.flags.items()}
    with contextlib.suppress(OSError):
        child = subprocess.Popen(
            [sys.executable, "-m", "bootstrap.titles"],
            env={**settings.environment, **flags},
            stdin=subprocess.DEVNULL,
            stdout=subprocess.DEVNULL,
            stderr=subprocess.DEVNULL,
            start_new_session=True,
        )
        _ours.append(child)  # it outlives us, and nobody waits for it


def main() -> None:
    """Give titles to what has none, and leave."""
    from bootstrap.host import ProcessHost

    book = ProcessHost(Settings.from_process()).open_here(lambda _: None)
    with contextlib.closing(book):
        book.look_after()
        asyncio.run(_give(book))


async def _give(book: Container) -> None:
    try:
        with contextlib.suppress(TimeoutError):
            async with asyncio.timeout(_LONGEST_SECONDS):
                await book.titling.give()
    finally:
        await book.model_server.close()


if __name__ == "__main__":
    main()
