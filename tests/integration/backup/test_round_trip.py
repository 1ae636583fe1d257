"""What goes out in a backup comes back as it was: rows, tree, keys, and the right to go on."""

from __future__ import annotations

import io
import stat
import tarfile
from pathlib import Path
from uuid import UUID

import psycopg
import pytest

from infrastructure.backup.tables import LEFT_OUT, TABLES
from tests.support.backups import conversation_in, opened, rows_of
from tests.support.cli_process import Daybook


def test_every_table_is_in_a_backup_or_left_out_for_a_reason(database_url: str) -> None:
    with psycopg.connect(database_url) as connection:
        columns = connection.execute(
            "select table_name, array_agg(column_name::text) from information_schema.columns "
            "where table_schema = 'daybook' and table_name <> 'head' group by table_name"
        ).fetchall()

    assert {name for name, _ in columns} == {one.name for one in TABLES} | set(LEFT_OUT)
    assert {name: set(found) for name, found in columns if name not in LEFT_OUT} == {
        one.name: set(one.columns) for one in TABLES
    }


def test_every_row_comes_back_as_it_was_and_the_book_goes_on(
    book: Daybook, kept: dict[str, UUID], there: Daybook, passphrase: str, tmp_path: Path
) -> None:
    file = str(tmp_path / "book.daybook")
    made = book("backup", file, "--passphrase-file", passphrase, "--json").json
    before = rows_of(book.settings["DAYBOOK_DATABASE_URL"])
    done = there("restore", file, "--passphrase-file", passphrase, "--json").json
    after = rows_of(there.settings["DAYBOOK_DATABASE_URL"])

    assert all(before.values()), "a table that is empty proves nothing"
    assert after.pop("checkpoints")[-1][1:4] == before.pop("checkpoints")[-1][1:4]
    assert after == before
    assert done["root"] == made["root"]
    assert (done["signed"], done["key"], done["can_sign"]) == ("known", "installed", True)
    verified = there("audit", "verify", "--json").json
    assert verified["ok"]
    assert verified["events"] == made["event_count"]
    assert "What stays? 2" in there("show", str(kept["read"])).out
    assert "What stays" in there("search", "stays").out.replace("«", "").replace("»", "")
    assert there("erase", str(kept["held"]), "-y", expect=4)
    with opened(there) as restored:
        conversation_in(restored)
    there("audit", "checkpoint")
    assert there("audit", "verify", "--json").json["ok"]


def test_the_same_home_needs_no_keys_in_the_backup(
    book: Daybook, kept: dict[str, UUID], empty_database_url: str, tmp_path: Path
) -> None:
    """Embedded to server, and back: one command each way."""
    file = str(tmp_path / "book.daybook")
    book("backup", file)
    moved = book.with_settings(DAYBOOK_DATABASE_URL=empty_database_url)
    done = moved("restore", file, "--json").json

    assert (done["signed"], done["key"], done["known_event_count"]) == ("known", "here", None)
    assert "What stays? 2" in moved("show", str(kept["read"])).out
    assert moved("audit", "verify", "--json").json["ok"]


def test_without_keys_the_book_comes_back_and_waits_for_its_key(
    book: Daybook, kept: dict[str, UUID], there: Daybook, passphrase: str, tmp_path: Path
) -> None:
    file, key = str(tmp_path / "book.daybook"), str(tmp_path / "key.json")
    book("backup", file)
    book("keys", "export", key, "--passphrase-file", passphrase)
    told = there("restore", file)

    assert "master key is not here" in told.err
    assert "only the backup names" in told.err
    assert "signs the book's checkpoints is not in this home" in told.err
    there("show", str(kept["read"]), expect=6)
    there("keys", "import", key, "--passphrase-file", passphrase)
    assert "What stays? 2" in there("show", str(kept["read"])).out


def test_it_is_ones_own_alone_and_names_no_word_of_the_book(
    book: Daybook, kept: dict[str, UUID], tmp_path: Path
) -> None:
    del kept
    file = tmp_path / "book.daybook"
    book("backup", str(file))

    assert stat.S_IMODE(file.stat().st_mode) == 0o600
    with tarfile.open(file) as tar:
        assert "backup.json" in tar.getnames()
        assert not any("search" in name for name in tar.getnames())
    assert [one.name for one in tmp_path.iterdir() if "partial" in one.name] == []


def test_it_goes_through_a_pipe(
    book: Daybook, kept: dict[str, UUID], there: Daybook, passphrase: str
) -> None:
    process = book.begin("backup", "-", "--passphrase-file", passphrase)
    data, _ = process.communicate(timeout=60)
    assert process.returncode == 0
    with tarfile.open(fileobj=io.BytesIO(data)) as tar:
        assert tar.getnames()[-1] == "SHA256"
    there("restore", "-", "--passphrase-file", passphrase, stdin=data)

    assert "What stays? 2" in there("show", str(kept["read"])).out


def test_what_is_there_is_not_touched(
    book: Daybook, kept: dict[str, UUID], there: Daybook, tmp_path: Path
) -> None:
    del kept
    file = tmp_path / "book.daybook"
    file.write_text("mine")
    assert "is there already" in book("backup", str(file), expect=2).err
    assert file.read_text() == "mine"
    book("backup", str(file), "--force")
    book("backup", "--verify", str(file))
    nowhere = str(tmp_path / "nowhere" / "book")
    assert "there is no directory" in book("backup", nowhere, expect=2).err
    refused = book("restore", str(file), expect=4)
    assert "There is a book" in refused.err
    assert "Nothing was changed" in refused.err
    there("restore", str(file))
    assert "There is a book" in there("restore", str(file), expect=4).err


def test_a_database_in_which_nothing_was_ever_written_counts_as_empty(
    book: Daybook, kept: dict[str, UUID], there: Daybook, passphrase: str, tmp_path: Path
) -> None:
    """Whoever looks around before restoring has made a book, and a key that opens nothing."""
    file = str(tmp_path / "book.daybook")
    book("backup", file, "--passphrase-file", passphrase)
    there("audit", "checkpoint")
    keys = Path(there.settings["DAYBOOK_HOME"]) / "keys"
    unused = (keys / "master.key").read_text()
    done = there("restore", file, "--passphrase-file", passphrase, "--json").json

    assert (done["key"], done["can_sign"]) == ("installed", True)
    there("audit", "checkpoint")
    assert "What stays? 2" in there("show", str(kept["read"])).out
    assert [one.read_text() for one in keys.glob("master.key.of-*")] == [unused]


def test_the_key_of_another_book_is_never_replaced(
    book: Daybook, kept: dict[str, UUID], there: Daybook, passphrase: str, tmp_path: Path, server_url: str
) -> None:
    del kept, server_url
    file = str(tmp_path / "book.daybook")
    book("backup", file, "--passphrase-file", passphrase)
    keys = Path(there.settings["DAYBOOK_HOME"]) / "keys"
    keys.mkdir(parents=True)
    other = "daybook-master-1:" + "A" * 43 + "="
    (keys / "master.key").write_text(other)

    told = there("restore", file, "--passphrase-file", passphrase, expect=4)
    assert "key of another book" in told.err
    assert (keys / "master.key").read_text() == other
    given = there.with_settings(DAYBOOK_MASTER_KEY=other)
    assert "is not the one" in given("restore", file, expect=4).err


@pytest.mark.parametrize("wrong", ["wrong horse battery", "x"])
def test_a_wrong_passphrase_changes_nothing(
    book: Daybook, kept: dict[str, UUID], there: Daybook, passphrase: str, tmp_path: Path, wrong: str
) -> None:
    del kept
    file = str(tmp_path / "book.daybook")
    book("backup", file, "--keys", "passphrase", "--passphrase-file", passphrase)
    Path(passphrase).write_text(wrong)

    assert "does not open" in there("restore", file, "--passphrase-file", passphrase, expect=2).err
    assert "--passphrase-file" in there("restore", file, expect=2).err
    assert not (Path(there.settings["DAYBOOK_HOME"]) / "keys" / "master.key").exists()
