"""Standard output that grows into a pager when it is longer than the terminal is high."""

from __future__ import annotations

import signal
import subprocess
from contextlib import suppress
from io import TextIOBase
from typing import TextIO

# As git has it: whoever names `less` alone gets colours, and no pager for a single screen.
_START = 'LESS="${LESS-FRX}" LV="${LV--c}" exec '


class Screen(TextIOBase):
    """Stands in for a terminal's standard output: keeps a screenful, then starts the pager."""

    encoding = "utf-8"

    def __init__(self, terminal: TextIO, command: str, height: int) -> None:
        super().__init__()
        self.terminal = terminal
        self._command = command
        self._room = height - 1
        self._kept: list[str] = []
        self._pager: subprocess.Popen[str] | None = None
        self._before: signal._HANDLER = None

    def isatty(self) -> bool:
        """Yes: what is written is made for one."""
        return True

    def fileno(self) -> int:
        """The terminal's."""
        return self.terminal.fileno()

    def write(self, text: str) -> int:
        """Keep it, or hand it on."""
        self._room -= text.count("\n")
        self._kept.append(text)
        if self._room < 0:
            self._hand_on()
        return len(text)

    def _hand_on(self) -> None:
        if self._pager is None:
            self._before = signal.signal(signal.SIGINT, signal.SIG_IGN)  # Ctrl-C is the pager's now
            self._pager = subprocess.Popen(
                ["/bin/sh", "-c", _START + self._command],
                stdin=subprocess.PIPE,
                text=True,
                encoding="utf-8",
                errors="replace",
            )
        kept, self._kept = "".join(self._kept), []
        if self._pager.stdin is not None:
            self._pager.stdin.write(kept)

    def end(self) -> None:
        """Write what was kept, or wait until the pager has ended."""
        if self._pager is None:
            self.terminal.write("".join(self._kept))
            self.terminal.flush()
            return
        try:
            with suppress(BrokenPipeError):
                self._pager.communicate()
        finally:
            signal.signal(signal.SIGINT, self._before)
