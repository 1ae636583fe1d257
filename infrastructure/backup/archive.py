"""The container of a backup: a tar file that is written and read in one pass, and found out when altered.

Members in their order: `backup.json`, pieces of tables (`events/00000001.copy.gz` …), `manifest.json`, and
`SHA256`, the hash of all bytes before that member. `tar` and `gunzip` open it without Daybook.

Invariants: whoever reads to the end has seen every byte vouched for, by the hash or by being what it must be
(headers are compared with the one form they can have, padding with zeros); no more is held in memory than a
piece; a file that grows out of all proportion when it is unpacked is refused, for ciphertext does not.
"""

from __future__ import annotations

import gzip
import hashlib
import json
import tarfile
import zlib
from collections.abc import Iterator
from typing import Any, NamedTuple, Protocol

from application.errors import NotProvedError
from domain.errors import InvalidInputError

MOST_PIECE = 4 * 2**20
"""The most bytes of one piece, unpacked."""

FIRST = b"backup.json\0"
"""The first bytes of every backup."""

_BLOCK = tarfile.BLOCKSIZE
_MOST_JSON = 2**20
_MOST_PACKED = MOST_PIECE + 2**16
_MOST_TIMES, _UNDOUBTED = 50, 64 * 2**20
_END = bytes(2 * _BLOCK)
_LEVEL = 1  # most is ciphertext, which no level makes smaller
_DIGEST = "SHA256"
_SUFFIX = ".copy.gz"
_JSON = ".json"


class Output(Protocol):
    """Where a backup goes."""

    def write(self, data: bytes, /) -> Any:
        """Take all of these bytes."""
        ...


class Input(Protocol):
    """Where a backup comes from."""

    def read(self, count: int, /) -> bytes:
        """Return up to so many bytes; none at the end."""
        ...


class Piece(NamedTuple):
    """A part of one table's rows, unpacked; a row may go on in the next."""

    table: str
    data: bytes


class Document(NamedTuple):
    """A member in JSON."""

    name: str
    values: dict[str, Any]


def damaged(why: str) -> NotProvedError:
    """Return the error of a backup that is not what was written."""
    return NotProvedError(
        f"This backup is damaged: {why}. Nothing was restored from it.",
        hint="Use another one; daybook backup --verify FILE says whether it is whole.",
    )


class ArchiveWriter:
    """Writes the members one after the other."""

    def __init__(self, file: Output) -> None:
        self._file = file
        self._hash = hashlib.sha256()
        self._piece_count: dict[str, int] = {}
        self.size = 0

    def document(self, name: str, values: dict[str, Any]) -> None:
        """Add a member in JSON."""
        self._member(name + _JSON, json.dumps(values, indent=1).encode() + b"\n")

    def piece(self, table: str, data: bytes) -> None:
        """Add the next piece of a table, at most `MOST_PIECE` bytes."""
        number = self._piece_count[table] = self._piece_count.get(table, 0) + 1
        self._member(f"{table}/{number:08}{_SUFFIX}", gzip.compress(data, _LEVEL, mtime=0))

    def finish(self) -> str:
        """Add the hash of everything, and the end; return the hash."""
        digest = self._hash.hexdigest()
        self._member(_DIGEST, f"{digest}\n".encode())
        self._write(_END)
        return digest

    def _member(self, name: str, data: bytes) -> None:
        self._write(_header(name, len(data)))
        self._write(data)
        self._write(bytes(-len(data) % _BLOCK))

    def _write(self, data: bytes) -> None:
        self._file.write(data)
        self._hash.update(data)
        self.size += len(data)


class ArchiveReader:
    """Reads the members one after the other."""

    def __init__(self, file: Input) -> None:
        self._file = file
        self._hash = hashlib.sha256()
        self._piece_count: dict[str, int] = {}
        self._unpacked = 0
        self.size = 0
        self.digest = ""

    def members(self) -> Iterator[Piece | Document]:
        """Yield what is there, up to the end, where the hash is compared.

        Raises:
            InvalidInputError: this is no backup.
            NotProvedError: it was altered, or ends too early.
        """
        while True:
            before = self._hash.hexdigest()
            header = self._exactly(_BLOCK)
            name, size = _read_header(header, first=self.size == _BLOCK)
            if size > (_MOST_PACKED if name.endswith(_SUFFIX) else _MOST_JSON):
                raise damaged(f"its member {name} claims to have {size:,} bytes")
            data = self._exactly(size)
            if self._exactly(-size % _BLOCK).strip(b"\0"):
                raise damaged(f"there is something behind {name}")
            if name == _DIGEST:
                self._end(data, before)
                return
            yield self._opened(name, data)

    def _opened(self, name: str, data: bytes) -> Piece | Document:
        if name.endswith(_SUFFIX):
            table, _, _ = name.partition("/")
            number = self._piece_count[table] = self._piece_count.get(table, 0) + 1
            if name != f"{table}/{number:08}{_SUFFIX}":
                raise damaged(f"{name} is not the piece that should come here")
            return Piece(table, self._unpack(name, data))
        try:
            values = json.loads(data) if name.endswith(_JSON) else None
        except (ValueError, RecursionError):
            values = None
        if not isinstance(values, dict):
            raise damaged(f"{name} cannot be read")
        return Document(name.removesuffix(_JSON), values)

    def _unpack(self, name: str, data: bytes) -> bytes:
        opener = zlib.decompressobj(wbits=31)
        try:
            piece = opener.decompress(data, MOST_PIECE + 1)
        except zlib.error:
            raise damaged(f"{name} cannot be unpacked") from None
        if len(piece) > MOST_PIECE or not opener.eof or opener.unused_data:
            raise damaged(f"{name} is not a piece as Daybook writes it")
        self._unpacked += len(piece)
        if self._unpacked > _UNDOUBTED and self._unpacked > _MOST_TIMES * self.size:
            raise damaged("unpacked, it would be far larger than what Daybook writes")
        return piece

    def _end(self, data: bytes, digest: str) -> None:
        if data != f"{digest}\n".encode():
            raise damaged("its hash is not the one that was written at its end")
        if self._exactly(len(_END)).strip(b"\0") or self._file.read(1):
            raise damaged("there is something behind its end")
        self.digest = digest

    def _exactly(self, count: int) -> bytes:
        pieces: list[bytes] = []
        while count:
            piece = self._file.read(count)
            if not piece:
                if self.size < _BLOCK and b"".join(pieces)[: len(FIRST)] != FIRST:
                    raise no_backup("it does not begin like one" if self.size else "it is empty")
                raise damaged("it ends too early")
            pieces.append(piece)
            self._hash.update(piece)
            self.size += len(piece)
            count -= len(piece)
        return b"".join(pieces)


def no_backup(why: str) -> InvalidInputError:
    """Return the error of a file that is something else."""
    return InvalidInputError(f"This is not a backup of Daybook's: {why}. Nothing was changed.")


def _header(name: str, size: int) -> bytes:
    member = tarfile.TarInfo(name)
    member.size, member.mode = size, 0o600
    return member.tobuf(tarfile.USTAR_FORMAT)


def _read_header(header: bytes, *, first: bool) -> tuple[str, int]:
    try:
        member = tarfile.TarInfo.frombuf(header, "ascii", "strict")
        if header == _header(member.name, member.size):
            return member.name, member.size
    except (tarfile.HeaderError, ValueError):
        pass
    raise no_backup("it does not begin like one") if first else damaged("the header of a member was altered")
