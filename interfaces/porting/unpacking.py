"""What an import file is, told by its first bytes; and a packed one read with bounds.

Invariants: names of files are not believed; nothing that is unpacked is ever held as a whole, and a file
that grows out of all proportion is given up.
"""

from __future__ import annotations

import gzip
import zlib
from collections.abc import Iterator
from enum import StrEnum
from pathlib import Path
from typing import IO

from application.errors import in_words
from domain.errors import InvalidInputError

MOST_UNPACKED_BYTES = 64 * 1024**3
MOST_RATIO = 200
"""Text of conversations packs to a tenth; what packs better than this by far was made to do harm."""
_FREE_BYTES = 8 * 1024 * 1024
_LOOK = 16


class Kind(StrEnum):
    """What a file is."""

    LINES = "lines"
    PACKED = "packed"
    LLM = "llm"


def kind_of(path: Path) -> Kind:
    """Return what a file is, by how it begins.

    Raises:
        InvalidInputError: it cannot be read, is empty, or is nothing that can be taken in.
    """
    try:
        with path.open("rb") as file:
            start = file.read(_LOOK)
    except OSError as problem:
        raise InvalidInputError(
            f"{path} cannot be read: {in_words(problem)}. Nothing was imported."
        ) from None
    if start == b"SQLite format 3\0":
        return Kind.LLM
    if start.startswith(b"\x1f\x8b"):
        return Kind.PACKED
    if start.startswith((b"PK\x03\x04", b"BZh", b"\xfd7zXZ", b"(\xb5/\xfd", b"7z\xbc\xaf")):
        raise InvalidInputError(
            "The file is an archive that is not read here; only gzip is. Nothing was imported.",
            hint="Unpack it, then import what is in it.",
        )
    if not start.strip():
        raise InvalidInputError("The file is empty. Nothing was imported.")
    if not start.lstrip(b"\xef\xbb\xbf \t\r\n").startswith(b"{"):
        raise InvalidInputError(
            "The file is neither an export of Daybook (its JSON) nor a logs.db of the llm tool. Nothing was "
            "imported.",
            hint="daybook export --all --format json -o FILE   makes one that can be imported.",
        )
    return Kind.LINES


class Unpacked:
    """A packed file, read piece by piece. `packed` is where the packed bytes are counted."""

    def __init__(self, packed: IO[bytes]) -> None:
        self._packed = packed
        self._file = gzip.GzipFile(fileobj=packed)
        self._taken = 0

    def readline(self, most: int) -> bytes:
        """Return the next line, or its first `most` bytes.

        Raises:
            InvalidInputError: it is cut off or damaged, or grows out of all proportion.
        """
        try:
            line = self._file.readline(most)
        except EOFError:
            raise InvalidInputError(
                f"The packed file was cut off: it ends in the middle. {self._left()}"
            ) from None
        except (OSError, zlib.error) as problem:
            raise InvalidInputError(f"The packed file is damaged ({problem}). {self._left()}") from None
        self._taken += len(line)
        ratio = self._taken / max(1, self._packed.tell())
        if self._taken > MOST_UNPACKED_BYTES or (self._taken > _FREE_BYTES and ratio > MOST_RATIO):
            raise InvalidInputError(
                f"The packed file unpacks to more than {MOST_RATIO} times its size, as no export does; it "
                "was given up. What came before is imported."
            )
        return line

    def _left(self) -> str:
        return "What came before is imported." if self._taken else "Nothing was imported."


def lines(source: IO[bytes] | Unpacked, most: int) -> Iterator[bytes | None]:
    """Yield lines without their ends; None for one that is longer than `most`, which is passed over."""
    while line := source.readline(most + 1):
        if len(line) > most and not line.endswith(b"\n"):
            while line and not line.endswith(b"\n"):
                line = source.readline(1024 * 1024)
            yield None
        else:
            yield line.rstrip(b"\r\n")
