r"""Reads newline-delimited JSON from bytes as they arrive.

Only the byte `\n` ends a line. Readers that split *text* also split at U+0085 and U+2028, which stand raw
inside good answers, and then die on half a JSON document. Splitting bytes first also keeps a character
whole that two network packets share. No line grows beyond a bound, so a server gone mad cannot eat the
memory.
"""

from __future__ import annotations

MAX_LINE_BYTES = 8 * 1024 * 1024


class LineTooLongError(ValueError):
    """A line went past the bound before it ended."""


class LineReader:
    """Takes chunks of bytes and gives back whole lines; blank ones are left out."""

    def __init__(self, max_line_bytes: int = MAX_LINE_BYTES) -> None:
        self._max = max_line_bytes
        self._held: list[bytes] = []
        self._held_size = 0

    def feed(self, chunk: bytes) -> list[bytes]:
        """Return the lines that this chunk completes."""
        first, newline, rest = chunk.partition(b"\n")
        self._hold(first)
        if not newline:
            return []
        lines = [self._release()]
        if rest:
            *whole, last = rest.split(b"\n")
            if any(len(line) > self._max for line in whole):
                raise LineTooLongError(f"A line of more than {self._max} bytes")
            lines += whole
            self._hold(last)
        return [line for line in (line.strip() for line in lines) if line]

    def end(self) -> list[bytes]:
        """Return what stood behind the last newline, if anything."""
        line = self._release().strip()
        return [line] if line else []

    def _hold(self, part: bytes) -> None:
        self._held_size += len(part)
        if self._held_size > self._max:
            raise LineTooLongError(f"A line of more than {self._max} bytes")
        self._held.append(part)

    def _release(self) -> bytes:
        line = b"".join(self._held)
        self._held.clear()
        self._held_size = 0
        return line
