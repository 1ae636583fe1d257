"""Backups of a book that is written to, and backups and restores that are killed."""

from __future__ import annotations

import io
import signal
import subprocess
import sys
import time
from collections.abc import Iterator
from contextlib import contextmanager
from pathlib import Path
from random import Random
from uuid import UUID

import psycopg
import pytest

from application.commands import EraseConversation
from bootstrap.container import make_keyring
from bootstrap.home import Home
from bootstrap.settings import Settings
from infrastructure.backup.reading import BackupReader, Nowhere
from infrastructure.backup.writing import BackupWriter, KeysChangedError
from infrastructure.proofs.checkpoints import Checkpoints
from infrastructure.proofs.kept import Kept
from tests.support.backups import conversation_in, daybook_on, opened, rows_of
from tests.support.cli_process import ROOT, Daybook, read_some, wait_until
from tests.support.postgres_server import NOT_DURABLE, PostgresServer, quick_place, with_database

KILLS = 6
OLD = Path("/usr/lib/postgresql/15/bin")


@contextmanager
def writers(daybook: Daybook, count: int) -> Iterator[None]:
    processes = [
        subprocess.Popen(
            [sys.executable, "-m", "tests.support.writing_process"],
            env=daybook.environment,
            cwd=ROOT,
            stdout=subprocess.PIPE,
        )
        for _ in range(count)
    ]
    try:
        for one in processes:
            assert read_some(one)
        yield
    finally:
        for one in processes:
            one.kill()
            one.communicate()


@pytest.fixture
def large(book: Daybook, kept: dict[str, UUID]) -> dict[str, UUID]:
    """A book whose backup takes some moments."""
    with opened(book) as open_book:
        for _ in range(20):
            conversation_in(open_book, 300)
    return kept


@pytest.mark.slow
def test_a_backup_that_is_taken_while_others_write_restores_and_verifies(
    book: Daybook, kept: dict[str, UUID], there: Daybook, passphrase: str, tmp_path: Path
) -> None:
    files = [str(tmp_path / f"{number}.daybook") for number in range(2)]
    sizes = []
    with writers(book, 2):
        for file in files:
            sizes.append(book.log_size())
            made = book.as_process("backup", file, "--passphrase-file", passphrase, "--json").json
            sizes.append(made["event_count"])
    sizes.append(book.log_size())

    assert sizes == sorted(sizes)
    assert sizes[0] < sizes[-1], "nobody wrote meanwhile"
    for file in files:
        book("backup", "--verify", file)
    there("restore", files[-1], "--passphrase-file", passphrase)
    assert there("audit", "verify", "--json").json["events"] == sizes[-2]
    assert "What stays? 2" in there("show", str(kept["read"])).out
    now, then = (
        rows_of(book.settings["DAYBOOK_DATABASE_URL"]),
        rows_of(there.settings["DAYBOOK_DATABASE_URL"]),
    )
    assert then["events"] == now["events"][: sizes[-2]]
    owners = {row[1] for row in then["events"]}
    assert then["data_keys"] == [row for row in now["data_keys"] if row[0] in owners]


def test_a_backup_that_is_killed_leaves_nothing_under_its_name(
    book: Daybook, large: dict[str, UUID], tmp_path: Path
) -> None:
    del large
    chance = Random(4)
    file = tmp_path / "book.daybook"
    ended = []
    for _ in range(KILLS):
        process = book.begin("backup", str(file))
        time.sleep(chance.uniform(0.1, 1.0))
        process.send_signal(signal.SIGKILL)
        process.communicate()
        ended.append(process.returncode)
        if file.exists():
            book("backup", "--verify", str(file))
            file.unlink()

    assert -signal.SIGKILL in ended
    book("backup", str(file))
    book("backup", "--verify", str(file))


@pytest.mark.slow
def test_a_restore_that_is_killed_leaves_an_empty_database_and_the_next_one_succeeds(
    book: Daybook, large: dict[str, UUID], there: Daybook, passphrase: str, tmp_path: Path
) -> None:
    chance = Random(5)
    file = str(tmp_path / "book.daybook")
    size = book("backup", file, "--passphrase-file", passphrase, "--json").json["event_count"]
    found = []
    for _ in range(KILLS):
        process = there.begin("restore", file, "--passphrase-file", passphrase)
        time.sleep(chance.uniform(0.2, 2.0))
        process.send_signal(signal.SIGKILL)
        process.communicate()
        with psycopg.connect(there.settings["DAYBOOK_DATABASE_URL"]) as connection:
            is_made = connection.execute("select to_regclass('daybook.head')").fetchone()
        found.append(there.log_size() if is_made and is_made[0] else 0)
        if found[-1]:
            break

    assert set(found) <= {0, size}
    if found[-1] == 0:
        there("restore", file, "--passphrase-file", passphrase)
    assert there("audit", "verify", "--json").json["events"] == size
    assert "What stays? 2" in there("show", str(large["read"])).out
    assert there("search", "stays").out


def test_an_erasure_while_a_backup_is_written_breaks_it_off(book: Daybook, kept: dict[str, UUID]) -> None:
    """A backup that is whole after an erasure must not hold the key that was destroyed by it."""
    settings = Settings(book.environment)
    home = Home(settings.home)

    class Meanwhile(io.BytesIO):
        """Lets something happen when the events come."""

        erased = False

        def write(self, data: bytes, /) -> int:  # type: ignore[override]
            if not self.erased and data.startswith(b"events/"):
                self.erased = True
                with opened(book) as other:
                    gone = EraseConversation(conversation_id=kept["read"], actor=other.actor, source="cli")
                    other.commands.handle(gone)
            return super().write(data)

    file = Meanwhile()
    with opened(book) as open_book:
        keyring = make_keyring(settings, home, open_book.database)
        checkpoints = Checkpoints(open_book.database, Kept(home.root), lambda: keyring.book_id, lambda: None)
        writer = BackupWriter(open_book.database, checkpoints, "1")
        with pytest.raises(KeysChangedError, match="broken off"):
            writer.write(file)
        assert file.erased
        again = io.BytesIO()
        writer.write(again)

    again.seek(0)
    erased = BackupReader(again).erasures()
    assert kept["read"] in {one.owner_id for one in erased}
    again.seek(0)
    assert BackupReader(again).run(Nowhere()).contents.row_counts["data_keys"] == 2


def test_others_that_have_the_database_open_are_told_of_and_waited_for_a_while_only(
    book: Daybook, kept: dict[str, UUID], there: Daybook, tmp_path: Path, monkeypatch: pytest.MonkeyPatch
) -> None:
    del kept
    monkeypatch.setattr(
        "infrastructure.backup.restoring._ALONE",
        "set local lock_timeout = '200ms'; lock table daybook.book, daybook.events, daybook.data_keys in "
        "access exclusive mode",
    )
    file = str(tmp_path / "book.daybook")
    book("backup", file)
    there("db", "migrate")
    with psycopg.connect(there.settings["DAYBOOK_DATABASE_URL"]) as connection:
        connection.execute("select count(*) from daybook.events")
        assert "Stop daybook serve" in there("restore", file, expect=6).err
    there("restore", file)


@pytest.mark.skipif(not (OLD / "postgres").exists(), reason="there is no PostgreSQL 15 here")
def test_it_goes_to_an_older_server_and_back(
    book: Daybook, kept: dict[str, UUID], there: Daybook, passphrase: str, tmp_path: Path
) -> None:
    first, second = str(tmp_path / "first.daybook"), str(tmp_path / "second.daybook")
    book("backup", first, "--passphrase-file", passphrase)
    with PostgresServer(options=NOT_DURABLE, folder=quick_place(), programs=OLD) as server:
        with psycopg.connect(server.url, autocommit=True) as connection:
            connection.execute("create database old encoding 'UTF8' template template0")
        old = daybook_on(with_database(server.url, "old"), tmp_path / "old home")
        old("restore", first, "--passphrase-file", passphrase)
        assert old("audit", "verify", "--json").json["ok"]
        with opened(old) as open_book:
            conversation_in(open_book)
        old("backup", second, "--passphrase-file", passphrase)
        rows = rows_of(old.settings["DAYBOOK_DATABASE_URL"])
    there("restore", second, "--passphrase-file", passphrase)

    back = rows_of(there.settings["DAYBOOK_DATABASE_URL"])
    assert {name: found for name, found in back.items() if name != "checkpoints"} == {
        name: found for name, found in rows.items() if name != "checkpoints"
    }
    assert there("audit", "verify", "--json").json["ok"]
    assert "What stays? 2" in there("show", str(kept["read"])).out
    counts = [book("backup", "--verify", file, "--json").json["event_count"] for file in (first, second)]
    assert counts[0] < counts[1]


def test_an_interrupted_backup_leaves_nothing_at_all(
    book: Daybook, large: dict[str, UUID], tmp_path: Path
) -> None:
    del large
    process = book.begin("backup", str(tmp_path / "book.daybook"))
    wait_until(lambda: any(tmp_path.glob(".*.partial")) or process.poll() is not None, "a backup was begun")
    process.send_signal(signal.SIGINT)
    _, told = process.communicate(timeout=30)

    assert process.returncode in {130, 0}, told
    if process.returncode:
        assert not (tmp_path / "book.daybook").exists()
    assert not list(tmp_path.glob(".*.partial"))
