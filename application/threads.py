"""Calls that wait (for the database) and must not hold the event loop up."""

from __future__ import annotations

import asyncio
import contextlib
from collections.abc import Callable
from typing import TypeVar

T = TypeVar("T")


async def in_thread(function: Callable[[], T]) -> T:
    """Run a function in a thread and wait for it, cancelled or not.

    It cannot be stopped, so its result counts.
    """
    future = asyncio.get_running_loop().run_in_executor(None, function)
    while not future.done():
        with contextlib.suppress(asyncio.CancelledError):
            await asyncio.wait([future])
    return future.result()


def leave_if_cancelled() -> None:
    """Take a cancellation that came during `in_thread`, where whoever calls has nothing to finish."""
    task = asyncio.current_task()
    if task is not None and task.cancelling():
        raise asyncio.CancelledError
