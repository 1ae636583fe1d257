"""What is printed of backups with `--json`: one document, ids and times as everywhere."""

from __future__ import annotations

import json
from dataclasses import replace
from datetime import UTC, datetime
from uuid import UUID

from application.ports.backup import BackupContents, CheckedBackup, Missing, RestoredBook
from interfaces.backup_views import checked, contents, restored
from interfaces.cli.backup import lines, older
from interfaces.views import to_json

FOUND = BackupContents(
    book_id=UUID(int=1),
    made_at=datetime(2026, 11, 26, tzinfo=UTC),
    version="1",
    event_count=1_200,
    root="ab" * 32,
    checkpoint="note",
    signed="known",
    has_keys=False,
    row_counts={"events": 1_200, "tombstones": 3},
    size=20_000,
    sha256="cd" * 32,
)
MISSING = Missing("the newest checkpoint that this home keeps", 1_300)


def test_a_backup_that_was_written() -> None:
    shown = json.loads(to_json(contents(FOUND)))

    assert shown["made_at"] == "2026-11-26T00:00:00Z"
    assert shown["event_count"] == shown["row_counts"]["events"] == 1_200
    assert "ok" not in shown


def test_a_backup_that_was_read() -> None:
    assert json.loads(to_json(checked(CheckedBackup(FOUND, None))))["known_event_count"] is None
    shown = json.loads(to_json(checked(CheckedBackup(FOUND, MISSING))))
    assert (shown["ok"], shown["known_event_count"]) == (True, 1_300)


def test_a_book_that_was_restored() -> None:
    done = RestoredBook(
        FOUND, "database", "installed", erased_count=2, missing=MISSING, kept=None, can_sign=True
    )
    shown = json.loads(to_json(restored(done)))

    assert (shown["key"], shown["erased_count"], shown["can_sign"]) == ("installed", 2, True)
    assert shown["known_event_count"] == 1_300


def test_a_person_reads_who_signed_it_and_what_is_not_in_it() -> None:
    assert "checkpoint  signed with the book's key" in lines(FOUND)
    assert "checkpoint  not signed" in lines(replace(FOUND, signed="no", checkpoint=None))
    assert "only the backup itself names" in "".join(lines(replace(FOUND, signed="named")))
    assert "keys        in it, under a passphrase" in lines(replace(FOUND, has_keys=True))
    assert older(MISSING, 1_200).endswith("it holds 1,200. The last 100 are not in it.")
