"""The container of a backup: read in one pass, and found out whatever is done to it."""

from __future__ import annotations

import gzip
import io
import json
import tarfile
from collections import deque
from collections.abc import Callable
from pathlib import Path
from random import Random

import pytest

from application.errors import NotProvedError
from domain.errors import InvalidInputError
from infrastructure.backup import archive
from infrastructure.backup.archive import MOST_PIECE, ArchiveReader, ArchiveWriter, Document, Piece

ROWS = Random(1).randbytes(5_000)


def written(fill: Callable[[ArchiveWriter], object]) -> bytes:
    file = io.BytesIO()
    writer = ArchiveWriter(file)
    fill(writer)
    writer.finish()
    return file.getvalue()


def fill(writer: ArchiveWriter) -> None:
    writer.document("backup", {"format": "daybook-backup/1"})
    writer.piece("events", ROWS)
    writer.piece("events", b"more")
    writer.document("manifest", {"tables": {}})


def read(data: bytes) -> list[Piece | Document]:
    return list(ArchiveReader(io.BytesIO(data)).members())


def test_what_was_written_is_read() -> None:
    assert read(written(fill)) == [
        Document("backup", {"format": "daybook-backup/1"}),
        Piece("events", ROWS),
        Piece("events", b"more"),
        Document("manifest", {"tables": {}}),
    ]


def test_tar_and_gzip_open_it_without_daybook(tmp_path: Path) -> None:
    with tarfile.open(fileobj=io.BytesIO(written(fill))) as tar:
        names = tar.getnames()
        tar.extractall(tmp_path, filter="data")

    assert names == [
        "backup.json",
        "events/00000001.copy.gz",
        "events/00000002.copy.gz",
        "manifest.json",
        "SHA256",
    ]
    assert gzip.decompress((tmp_path / names[1]).read_bytes()) == ROWS
    assert json.loads((tmp_path / names[0]).read_text()) == {"format": "daybook-backup/1"}


def test_every_flipped_bit_is_found() -> None:
    data = written(fill)
    chance = Random(2)
    for at in [*range(0, len(data), 37), *(chance.randrange(len(data)) for _ in range(1_500))]:
        spoilt = bytearray(data)
        spoilt[at] ^= 1 << chance.randrange(8)
        with pytest.raises((NotProvedError, InvalidInputError)):
            read(bytes(spoilt))


def test_every_end_that_comes_too_early_is_found() -> None:
    data = written(fill)
    for size in range(0, len(data), 97):
        with pytest.raises((NotProvedError, InvalidInputError), match=r"too early|empty|does not begin"):
            read(data[:size])


@pytest.mark.parametrize("more", [b"\0", b"x", bytes(512), bytes(10_240)])
def test_what_stands_behind_the_end_is_found(more: bytes) -> None:
    with pytest.raises(NotProvedError, match="behind its end"):
        read(written(fill) + more)


@pytest.mark.parametrize("data", [b"PK\x03\x04" + bytes(2_000), b"plain text " * 100, bytes(4_096)])
def test_another_file_is_told_apart(data: bytes) -> None:
    with pytest.raises(InvalidInputError, match="not a backup"):
        read(data)


def test_pieces_that_were_swapped_left_out_or_doubled_are_found() -> None:
    data = written(fill)
    first = data.index(b"events/00000001")
    second = data.index(b"events/00000002")
    last = data.index(b"manifest.json")
    one, two = data[first:second], data[second:last]
    for other in (two + one, two, one, one + one + two):
        with pytest.raises(NotProvedError):
            read(data[:first] + other + data[last:])


def test_a_piece_that_unpacks_to_more_than_any_is_refused_without_unpacking_it() -> None:
    bomb = gzip.compress(bytes(100 * MOST_PIECE), mtime=0)

    with pytest.raises(NotProvedError, match="not a piece as Daybook writes it"):
        read(written(lambda writer: writer._member("events/00000001.copy.gz", bomb)))


def test_a_file_that_unpacks_out_of_all_proportion_is_refused() -> None:
    def many(writer: ArchiveWriter) -> None:
        for _ in range(40):
            writer.piece("events", bytes(MOST_PIECE))

    reader = ArchiveReader(io.BytesIO(written(many)))

    with pytest.raises(NotProvedError, match="far larger"):
        deque(reader.members(), maxlen=0)
    assert reader.size < 500_000
    assert reader._unpacked <= archive._UNDOUBTED + MOST_PIECE


@pytest.mark.parametrize(
    "member",
    [
        ("backup.json", b"[]"),
        ("backup.json", b"{"),
        ("backup.json", b"[" * 100_000),
        ("other", b""),
        ("events/00000001.copy.gz", b"no gzip"),
        ("events/00000001.copy.gz", gzip.compress(b"x", mtime=0) * 2),
        ("../../etc/passwd", b"x"),
    ],
)
def test_members_that_daybook_does_not_write_are_refused(member: tuple[str, bytes]) -> None:
    with pytest.raises(NotProvedError):
        read(written(lambda writer: writer._member(*member)))


def test_a_member_that_claims_to_be_huge_is_refused_unread() -> None:
    class Endless(io.RawIOBase):
        taken = 0

        def read(self, size: int = -1, /) -> bytes:
            if not self.taken:
                self.taken += 512
                return archive._header("backup.json", 2**32)
            raise AssertionError("nothing more may be read")

    with pytest.raises(NotProvedError, match="claims to have"):
        list(ArchiveReader(Endless()).members())
