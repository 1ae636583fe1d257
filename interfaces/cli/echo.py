"""Keeps what is typed from showing up in an answer that is being drawn; whoever reads next gets it."""

from __future__ import annotations

import sys
from typing import Any

_before: list[Any] = []


def off() -> None:
    """Stop echoing; calling it twice is harmless."""
    import termios

    if _before or sys.stdin is None or not sys.stdin.isatty():
        return
    try:
        now = termios.tcgetattr(sys.stdin)
        _before.append(termios.tcgetattr(sys.stdin))
        now[3] &= ~termios.ECHO
        termios.tcsetattr(sys.stdin, termios.TCSANOW, now)
    except termios.error:
        _before.clear()


def restore() -> None:
    """Echo as before; calling it twice is harmless."""
    import contextlib
    import termios

    while _before:
        with contextlib.suppress(termios.error):
            termios.tcsetattr(sys.stdin, termios.TCSANOW, _before.pop())
