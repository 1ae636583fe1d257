"""How an answer is shown while it is written, where nobody needs it to look good: raw, or not before its end.

The terminal's display is in `terminal_display.py`. Invariant: what a display writes on standard output
is the answer's text and nothing else; when nobody reads any more, the answer goes on unseen.
"""

from __future__ import annotations

import sys
from typing import Protocol

from application.running import Outcome
from interfaces.cli.console import drop_output, say, say_dim


class Display(Protocol):
    """Shows one answer."""

    def waiting(self, model: str, seconds: float) -> None:
        """Nothing has come yet, for so long; called several times a second."""
        ...

    def queued(self, place: int, waits_for: str = "") -> None:
        """It waits for the model server, at this place in the line, or for something else; 0: no more."""
        ...

    def progress(self, thinking: str, text: str) -> None:
        """New characters."""
        ...

    def restarted(self) -> None:
        """All text so far was thinking; both come again from their beginning."""
        ...

    def ended(self, outcome: Outcome) -> None:
        """It is over, well or not."""
        ...

    def stop(self) -> None:
        """Leave the terminal as it was; called in every case, also twice."""
        ...


class Unseen:
    """Shows nothing; whoever made it shows the outcome."""

    _waits = False

    def waiting(self, model: str, seconds: float) -> None:
        """Show nothing."""

    def queued(self, place: int, waits_for: str = "") -> None:
        """Show nothing but what it waits for, once, and not among the output."""
        if waits_for and not self._waits:
            say_dim(f"daybook: It waits for {waits_for}.")
        elif place:
            say_dim(f"daybook: The model server is busy; this is number {place} in the line.")
        self._waits = bool(waits_for)

    def progress(self, thinking: str, text: str) -> None:
        """Show nothing."""

    def restarted(self) -> None:
        """Show nothing."""

    def ended(self, outcome: Outcome) -> None:
        """Show nothing."""

    def stop(self) -> None:
        """Leave nothing."""


class Raw(Unseen):
    """Writes the text as it comes; thinking stays out of pipes."""

    def __init__(self) -> None:
        self._open = True
        self._wrote = False
        self._at_line_start = True

    def progress(self, thinking: str, text: str) -> None:
        """Write the text."""
        del thinking
        self._write(text)

    def restarted(self) -> None:
        """Say that what is out already was thinking; it cannot be taken back."""
        if self._wrote:
            self._write("\n\n")
            say("daybook: What was written so far was the model's thinking; its answer follows.")

    def ended(self, outcome: Outcome) -> None:
        """End the last line."""
        del outcome
        if self._wrote and not self._at_line_start:
            self._write("\n")

    def _write(self, text: str) -> None:
        if not text or not self._open:
            return
        try:
            sys.stdout.write(text)
            sys.stdout.flush()
        except BrokenPipeError:
            self._open = False
            drop_output()
        self._wrote = True
        self._at_line_start = text.endswith("\n")
