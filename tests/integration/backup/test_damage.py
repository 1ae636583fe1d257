"""A backup that is not what was written is found out, and says how: by its exit code and in words."""

from __future__ import annotations

import gzip
import io
import json
import resource
import tarfile
from collections.abc import Callable
from pathlib import Path
from random import Random
from uuid import UUID

import psycopg
import pytest

from application.errors import NotProvedError
from domain.errors import InvalidInputError
from infrastructure.backup.archive import ArchiveReader, ArchiveWriter, Document, Piece
from infrastructure.backup.reading import BackupReader, Nowhere
from infrastructure.postgres.migrate import known_migrations
from tests.support.backups import opened, rows_of
from tests.support.cli_process import Daybook
from tests.support.small_disk import NoSmallDiskError, small_disk


@pytest.fixture
def file(book: Daybook, kept: dict[str, UUID], tmp_path: Path) -> Path:
    del kept
    path = tmp_path / "book.daybook"
    book("backup", str(path))
    return path


def check(data: bytes) -> None:
    BackupReader(io.BytesIO(data)).run(Nowhere())


def rewritten(data: bytes, change: Callable[[Piece | Document], Piece | Document | None]) -> bytes:
    """Write a backup again as somebody would who knows its form, with something changed."""
    file = io.BytesIO()
    writer = ArchiveWriter(file)
    for member in ArchiveReader(io.BytesIO(data)).members():
        match change(member):
            case Piece(table, rows):
                writer.piece(table, rows)
            case Document(name, values):
                writer.document(name, values)
    writer.finish()
    return file.getvalue()


def test_every_flipped_bit_and_every_early_end_is_found(file: Path) -> None:
    data = file.read_bytes()
    check(data)
    chance = Random(3)
    for at in (chance.randrange(len(data)) for _ in range(400)):
        spoilt = bytearray(data)
        spoilt[at] ^= 1 << chance.randrange(8)
        with pytest.raises((NotProvedError, InvalidInputError)):
            check(bytes(spoilt))
    for size in (chance.randrange(len(data)) for _ in range(60)):
        with pytest.raises((NotProvedError, InvalidInputError)):
            check(data[:size])


def test_the_command_says_that_it_is_damaged_and_restores_nothing(file: Path, there: Daybook) -> None:
    spoilt = bytearray(file.read_bytes())
    spoilt[-4_000] ^= 1
    file.write_bytes(spoilt)

    assert "damaged" in there("backup", "--verify", str(file), expect=7).err
    assert "damaged" in there("restore", "--dry-run", str(file), expect=7).err
    told = there("restore", str(file), expect=7).err
    assert "Nothing was restored" in told
    spoilt[-4_000] ^= 1
    file.write_bytes(spoilt[:-600])
    assert "ends too early" in there("backup", "--verify", str(file), expect=7).err
    assert not any(rows_of(there.settings["DAYBOOK_DATABASE_URL"]).values())
    there("restore", str(file), expect=7)
    file.write_text("something else")
    assert "not a backup of Daybook's" in there("restore", str(file), expect=2).err
    file.write_bytes(b"")
    assert "is empty" in there("restore", str(file), expect=2).err


@pytest.mark.parametrize(
    ("values", "told"),
    [
        ({"format": "daybook-backup/2"}, "newer Daybook"),
        ({"migration": known_migrations()[-1].number + 1}, "newer Daybook"),
        ({"format": "other"}, "something else"),
        ({"book_id": "x"}, "cannot be read"),
        ({"tables": {}}, "cannot be read"),
        ({"events": 1}, "damaged"),
        ({"root": "00" * 32}, "damaged"),
        ({"master_check": "00"}, "another than it says"),
        ({"checkpoint": None, "root": "00" * 32}, "does not have the root"),
        ({"verifiers": []}, "no key"),
        ({"verifiers": ["daybook/x+00+AAAA"]}, "no key"),
        ({"checkpoint": "daybook/x\n1\nAAAA\n\n"}, "damaged"),
        ({"tables": {"book": []}}, "cannot be read"),
        ({"tables": {"events": ["log_index"]}}, "cannot be read"),
        ({"keys": {"format": "other"}, "former_check": "xx"}, "cannot be read"),
    ],
)
def test_a_head_that_says_something_else_is_found(
    file: Path, there: Daybook, values: dict[str, object], told: str
) -> None:
    def change(member: Piece | Document) -> Piece | Document:
        if isinstance(member, Document) and member.name == "backup":
            return Document("backup", {**member.values, **values})
        return member

    file.write_bytes(rewritten(file.read_bytes(), change))
    ran = there("backup", "--verify", str(file), expect=None)

    assert ran.code in {2, 7}
    assert told in ran.err


@pytest.mark.parametrize("table", ["events", "checkpoints", "data_keys", "book"])
def test_a_table_that_was_rewritten_or_left_out_is_found(file: Path, table: str) -> None:
    data = file.read_bytes()

    def spoil(member: Piece | Document) -> Piece | Document:
        if isinstance(member, Piece) and member.table == table:
            spoilt = bytearray(member.data)
            spoilt[len(spoilt) // 2] ^= 1
            return Piece(table, bytes(spoilt))
        return member

    for change in (spoil, lambda one: None if isinstance(one, Piece) and one.table == table else one):
        with pytest.raises(NotProvedError):
            check(rewritten(data, change))


def test_rows_that_no_book_can_have_are_not_taken_by_the_database(file: Path, there: Daybook) -> None:
    """A key of an epoch that is not there: the form is well, the hash is well, the database says no."""
    import hashlib

    with tarfile.open(file) as tar:
        member = tar.extractfile("data_keys/00000001.copy.gz")
        assert member is not None
        rows = gzip.decompress(member.read())
    other = rows.replace(b"\0\0\0\x04\0\0\0\x01", b"\0\0\0\x04\0\0\0\x63")
    assert other != rows

    def change(one: Piece | Document) -> Piece | Document:
        match one:
            case Piece("data_keys", _):
                return Piece("data_keys", other)
            case Document("manifest", values):
                values["tables"]["data_keys"]["sha256"] = hashlib.sha256(other).hexdigest()
                return Document("manifest", json.loads(json.dumps(values)))
        return one

    file.write_bytes(rewritten(file.read_bytes(), change))
    there("backup", "--verify", str(file))
    assert "the database does not take its rows" in there("restore", str(file), expect=7).err
    assert not any(rows_of(there.settings["DAYBOOK_DATABASE_URL"]).values())


@pytest.mark.parametrize("spoil", [(6, b"\xff" * 16), (2, b"\0\0\0\x0f"), (26, b"\x7f" + b"\xff" * 7)])
def test_a_tombstone_that_is_none_is_told_or_taken_as_it_stands(file: Path, spoil: tuple[int, bytes]) -> None:
    at, data = spoil

    def change(member: Piece | Document) -> Piece | Document:
        if isinstance(member, Piece) and member.table == "tombstones":
            row = bytearray(member.data)
            row[19 + at : 19 + at + len(data)] = data
            return Piece(member.table, bytes(row))
        return member

    with pytest.raises(NotProvedError):
        BackupReader(io.BytesIO(rewritten(file.read_bytes(), change))).erasures()


def test_a_log_that_was_altered_makes_no_backup(book: Daybook, kept: dict[str, UUID], tmp_path: Path) -> None:
    del kept
    file = tmp_path / "book.daybook"
    with psycopg.connect(book.settings["DAYBOOK_DATABASE_URL"], autocommit=True) as connection:
        connection.execute("update daybook.events set payload = payload || '\\x00' where log_index = 1")
    told = book("backup", str(file), expect=7).err

    assert "event 1" in told
    assert "daybook audit verify" in told
    assert not file.exists()


def test_a_full_disk_leaves_no_file(book: Daybook, kept: dict[str, UUID]) -> None:
    del kept
    try:
        with small_disk(1) as disk:
            (disk / "filler").write_bytes(bytes(1_030_000))
            told = book("backup", str(disk / "book.daybook"), expect=2).err
            left = [one.name for one in disk.iterdir()]
    except NoSmallDiskError as why:
        pytest.skip(str(why))

    assert "No space left" in told
    assert left == ["filler"]


def test_a_limit_on_files_leaves_no_file(book: Daybook, kept: dict[str, UUID], tmp_path: Path) -> None:
    del kept
    before = resource.getrlimit(resource.RLIMIT_FSIZE)
    resource.setrlimit(resource.RLIMIT_FSIZE, (8_192, before[1]))
    try:
        told = book("backup", str(tmp_path / "book.daybook"), expect=2).err
    finally:
        resource.setrlimit(resource.RLIMIT_FSIZE, before)

    assert "File too large" in told
    assert "Nothing" in told or "nothing" in told
    assert [one.name for one in tmp_path.iterdir()] == ["home"]


def test_there_is_nothing_to_back_up_without_a_book(there: Daybook, tmp_path: Path) -> None:
    assert "no book" in there("backup", str(tmp_path / "book.daybook"), expect=3).err
    assert not (tmp_path / "book.daybook").exists()
    with opened(there):
        pass
