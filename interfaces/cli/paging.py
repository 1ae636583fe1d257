"""A pager for what does not fit on the screen.

Invariants: only a terminal is paged, and only output that is longer than it; what is said by the way is said
after the pager has ended, never into its screen; a pager that is closed early, or that is not there, is no
error and loses nothing but what nobody wanted to read.
"""

from __future__ import annotations

import os
import sys
from collections.abc import Iterator
from contextlib import contextmanager, suppress
from typing import TYPE_CHECKING

from interfaces.cli import console
from interfaces.cli.opening import host_of

if TYPE_CHECKING:
    import typer

OFF = frozenset({"off", "cat"})
_USUAL_HEIGHT = 24


@contextmanager
def paged(ctx: typer.Context) -> Iterator[None]:
    """Send what is written to standard output to the pager if it is long, and it is a terminal."""
    command = _command(ctx) if console.out_is_terminal() else None
    if command is None:
        yield
        return
    from interfaces.cli.pager import Screen

    screen = Screen(sys.stdout, command, _height())
    console.hold_back()
    sys.stdout = screen
    try:
        with suppress(BrokenPipeError):
            yield
    finally:
        sys.stdout = screen.terminal
        screen.end()
        console.say_what_was_held_back()


def _command(ctx: typer.Context) -> str | None:
    """Return the pager's command line; None where none is wanted, or it is not installed."""
    import shutil

    wanted = host_of(ctx).setting("pager").strip()
    words = wanted.split()
    if not words or wanted in OFF or shutil.which(words[0]) is None:
        return None
    return wanted


def _height() -> int:
    with suppress(OSError):
        return os.get_terminal_size(sys.stdout.fileno()).lines or _USUAL_HEIGHT
    return _USUAL_HEIGHT
