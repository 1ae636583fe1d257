"""The secrets of a Compose installation."""

import stat
from pathlib import Path

import pytest

from bootstrap.first_secrets import main, make
from infrastructure.crypto import master_key


def test_secrets_are_made_once(tmp_path: Path, capsys: pytest.CaptureFixture[str]) -> None:
    keys, database = tmp_path / "keys", tmp_path / "database"
    keys.mkdir()
    database.mkdir()
    assert main([str(keys), str(database), "db"]) == 0
    before = {path.name: path.read_text() for path in [*keys.iterdir(), *database.iterdir()]}
    assert set(before) == {"master-key", "token", "password", "url"}
    assert len(master_key.from_text(before["master-key"], where="test")) == 32
    assert len(before["token"].strip()) >= 40
    assert before["url"].strip() == f"postgresql://daybook:{before['password'].strip()}@db:5432/daybook"
    assert stat.S_IMODE((keys / "master-key").stat().st_mode) == 0o400
    assert stat.S_IMODE((database / "password").stat().st_mode) == 0o444

    assert make(keys, database, "elsewhere") == []
    assert {path.name: path.read_text() for path in [*keys.iterdir(), *database.iterdir()]} == before
    shown = capsys.readouterr().out
    assert all(secret.strip() not in shown for secret in before.values())


def test_without_its_arguments_it_says_how_it_is_called(capsys: pytest.CaptureFixture[str]) -> None:
    assert main([]) == 2
    assert "usage" in capsys.readouterr().err
