"""What a process writes down before and after each thing it does, and event ids that say who made them.

A line is one write to a file opened for appending: it survives the death of its process, for the kernel has
it. Nothing here outlives the machine, and nothing here has to: processes are killed, not power.

An event id of the load holds incarnation, thread, intent, attempt and the event's number in its request. An
*intent* is what a user wants once; each *attempt* at it comes with new event ids.
"""

from __future__ import annotations

import os
import struct
import traceback
from collections.abc import Callable, Iterator
from pathlib import Path
from typing import Any, NamedTuple
from uuid import UUID

_KEY = struct.Struct(">IHII")
_NUMBER = struct.Struct(">H")
_MARK = 0xF000_0000  # no UUIDv7 of these centuries begins like that
KEY_BYTES = _KEY.size


class Attempt(NamedTuple):
    """One attempt at one intent of one thread of one incarnation."""

    incarnation: int
    thread: int
    intent: int
    attempt: int

    def event_id(self, number: int) -> UUID:
        return UUID(bytes=self.key + _NUMBER.pack(number))

    @property
    def key(self) -> bytes:
        return _KEY.pack(_MARK | self.incarnation, *self[1:])

    @classmethod
    def of(cls, key: bytes) -> Attempt | None:
        incarnation, *rest = _KEY.unpack(key)
        return cls(incarnation & ~_MARK, *rest) if incarnation >= _MARK else None


class Journal:
    """Threads may share one."""

    def __init__(self, path: Path) -> None:
        self._file = os.open(path, os.O_WRONLY | os.O_APPEND | os.O_CREAT, 0o600)

    def note(self, *words: object) -> None:
        os.write(self._file, (" ".join(map(str, words)) + "\n").encode())


def entries(path: Path) -> Iterator[list[str]]:
    """Return the words of each whole line."""
    if path.exists():
        for line in path.read_text(encoding="utf-8").splitlines(keepends=True):
            if line.endswith("\n"):
                yield line.split()


def guarded(folder: Path, work: Callable[..., None], *arguments: Any) -> None:
    """Do a process's or a thread's work; an error is written down and ends the process at once."""
    try:
        work(*arguments)
    except BaseException:  # noqa: BLE001 - told by the nemesis
        (folder / f"failed-{os.getpid()}.txt").write_text(traceback.format_exc(), encoding="utf-8")
        os._exit(3)


def failures(folder: Path) -> list[str]:
    """Return what ended processes that nobody killed."""
    return [path.read_text(encoding="utf-8") for path in sorted(folder.glob("failed-*.txt"))]
