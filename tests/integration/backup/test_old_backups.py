"""Backups of every form that was ever written are restored, for ever."""

from __future__ import annotations

from pathlib import Path

import pytest

from tests.samples.backup import FOLDER
from tests.support.backups import rows_of
from tests.support.cli_process import Daybook

SAMPLES = sorted(FOLDER.glob("*.daybook"))


@pytest.mark.parametrize("sample", SAMPLES, ids=lambda path: path.stem)
def test_an_old_backup_is_restored_and_read(sample: Path, there: Daybook, passphrase: str) -> None:
    done = there("restore", str(sample), "--passphrase-file", passphrase, "--json").json

    assert (done["signed"], done["key"]) == ("known", "installed")
    assert there("audit", "verify", "--json").json["ok"]
    assert all(rows_of(there.settings["DAYBOOK_DATABASE_URL"]).values())
    listed = there("list", "--json").json["conversations"]
    [whole] = [one["id"] for one in listed if one["message_count"] == 3]
    assert "What stays? 2" in there("show", whole).out
    there("audit", "checkpoint")


def test_there_is_a_sample_of_a_backup() -> None:
    assert SAMPLES
