"""What others know of the book: erasures made since, checkpoints of more events, another history."""

from __future__ import annotations

from pathlib import Path
from typing import Any
from uuid import UUID

import psycopg
import pytest

from infrastructure.backup.erasures import Erasure, from_lines, to_lines
from infrastructure.backup.restoring import REASON
from tests.support.backups import conversation_in, daybook_on, opened
from tests.support.cli_process import Daybook


@pytest.fixture
def file(book: Daybook, kept: dict[str, UUID], passphrase: str, tmp_path: Path) -> str:
    """A backup with the keys, of the book as it was filled."""
    del kept
    path = str(tmp_path / "book.daybook")
    book("backup", path, "--passphrase-file", passphrase)
    return path


def keys_of(daybook: Daybook, owner: UUID) -> int:
    with psycopg.connect(daybook.settings["DAYBOOK_DATABASE_URL"]) as connection:
        row = connection.execute(
            "select (select count(*) from daybook.data_keys where owner_id = %(owner)s) "
            "+ (select count(*) from daybook.live_answers where conversation_id = %(owner)s)",
            {"owner": owner},
        ).fetchone()
    assert row is not None
    return int(row[0])


@pytest.mark.parametrize("known_by", ["the home", "a list", "a later backup"])
def test_what_was_erased_after_the_backup_stays_erased(
    book: Daybook,
    kept: dict[str, UUID],
    there: Daybook,
    empty_database_url: str,
    passphrase: str,
    tmp_path: Path,
    file: str,
    known_by: str,
) -> None:
    gone = kept["read"]
    assert "What stays? 2" in book("show", str(gone)).out
    book("erase", str(gone), "--yes")
    given: list[str] = []
    if known_by == "the home":
        there = book.with_settings(DAYBOOK_DATABASE_URL=empty_database_url)
    elif known_by == "a list":
        listed = tmp_path / "erased.txt"
        listed.write_text(book("keys", "tombstones").out)
        given = ["--tombstones", str(listed)]
    else:
        later = str(tmp_path / "later.daybook")
        book("backup", later)
        given = ["--tombstones", later]

    done = there("restore", file, *given, "--passphrase-file", passphrase, "--json")

    assert done.json["erased_count"] == 1
    assert "erased anew" in done.err
    assert keys_of(there, gone) == 0
    assert "What stays" not in there("show", str(gone)).out
    assert "(erased)" in there("show", str(gone)).out
    last = there.events()[-1]
    assert (last["type"], last["source"]) == ("conversation.erased", "system")
    with opened(there) as restored:
        event: Any = restored.events.read(restored.events.size() - 1, 1)[0].event
        assert (event.reason_kind, event.stream_id) == (REASON, gone)
    assert str(gone) in there("keys", "tombstones").out
    assert "to be finished" in there("keys", "status").err
    there("keys", "rotate")
    assert "to be finished" not in there("keys", "status").err


def test_a_hold_of_then_does_not_keep_what_was_erased_since(
    book: Daybook, kept: dict[str, UUID], there: Daybook, passphrase: str, tmp_path: Path, file: str
) -> None:
    book("hold", "release", str(kept["held"]), "--reason", "over")
    book("erase", str(kept["held"]), "--yes")
    listed = tmp_path / "erased.txt"
    listed.write_text(book("keys", "tombstones").out)

    there("restore", file, "--tombstones", str(listed), "--passphrase-file", passphrase)

    assert keys_of(there, kept["held"]) == 0
    assert there("audit", "verify", "--json").json["ok"]


def test_what_was_never_in_the_backup_is_erased_for_ever_all_the_same(
    book: Daybook, there: Daybook, passphrase: str, tmp_path: Path, file: str
) -> None:
    with opened(book) as open_book:
        made = conversation_in(open_book)
    book("erase", str(made), "--yes")
    listed = tmp_path / "erased.txt"
    listed.write_text(book("keys", "tombstones").out)
    done = there("restore", file, "--tombstones", str(listed), "--passphrase-file", passphrase, "--json").json

    assert done["erased_count"] == 0
    assert str(made) in there("keys", "tombstones").out


def test_an_older_log_than_a_checkpoint_that_is_known_is_told(
    book: Daybook,
    kept: dict[str, UUID],
    there: Daybook,
    empty_database_url: str,
    passphrase: str,
    tmp_path: Path,
    file: str,
) -> None:
    del kept
    with opened(book) as open_book:
        conversation_in(open_book, 4)
    checkpoint = str(tmp_path / "kept.txt")
    book("audit", "checkpoint", "-o", checkpoint)
    held = there("restore", "--dry-run", file, "--json").json["event_count"]

    checked = book("restore", "--dry-run", file, "--json").json
    assert (checked["known_event_count"], checked["event_count"]) == (held + 5, held)
    told = there("restore", file, "--checkpoint", checkpoint, "--passphrase-file", passphrase)
    assert f"states {held + 5:,} events, and it holds {held:,}. The last 5 are not in it" in told.err

    at_home = book.with_settings(DAYBOOK_DATABASE_URL=empty_database_url)
    assert "There is a book" in at_home("restore", file, expect=4).err
    newest = next(Path(book.settings["DAYBOOK_HOME"]).glob("checkpoints/*/newest"))
    assert str(held + 5) in newest.read_text()


def test_the_home_of_the_book_says_how_to_go_on_from_an_older_backup(
    book: Daybook, kept: dict[str, UUID], empty_database_url: str, file: str
) -> None:
    del kept
    with opened(book) as open_book:
        conversation_in(open_book)
    book("audit", "checkpoint")
    again = book.with_settings(DAYBOOK_DATABASE_URL=empty_database_url)
    told = again("restore", file).err

    assert "older than what is known" in told
    again("audit", "verify", expect=7)
    moved = told.partition("gone for good: mv ")[2].split()
    Path(moved[0]).rename(moved[1])
    assert again("audit", "verify", "--json").json["ok"]
    again("audit", "checkpoint")


def test_a_backup_of_another_history_is_refused(
    book: Daybook, there: Daybook, passphrase: str, tmp_path: Path, file: str
) -> None:
    """The same book, restored and led on elsewhere, with the same key: two histories of one size."""
    there("restore", file, "--passphrase-file", passphrase)
    for one in (book, there):
        with opened(one) as open_book:
            conversation_in(open_book)
    checkpoint, other = str(tmp_path / "kept.txt"), str(tmp_path / "other.daybook")
    book("audit", "checkpoint", "-o", checkpoint)
    there("backup", other)
    refused = there("restore", "--dry-run", other, "--checkpoint", checkpoint, expect=7)

    assert "another history" in refused.err


def test_a_checkpoint_of_another_book_or_no_checkpoint_at_all_is_told(
    there: Daybook, file: str, tmp_path: Path, empty_database_url: str
) -> None:
    no_checkpoint = tmp_path / "none.txt"
    no_checkpoint.write_text("hello")
    assert "cannot be read" in there("restore", file, "--checkpoint", str(no_checkpoint), expect=2).err
    other = str(tmp_path / "other.txt")
    daybook_on(empty_database_url, tmp_path / "stranger")("audit", "checkpoint", "-o", other)
    assert "another book" in there("restore", file, "--checkpoint", other, expect=2).err
    assert "no list of erasures" in there("restore", file, "--tombstones", __file__, expect=2).err


def test_the_list_of_erasures_is_read_as_it_is_written() -> None:
    found = from_lines("01a2186d-1af3-7182-b53b-7c8e803e5c1c 2026-11-26T15:16:19+00:00 ada\n", where="here")

    assert isinstance(found[0], Erasure)
    assert from_lines(to_lines(found), where="there") == found
