from __future__ import annotations

import json
import stat
from pathlib import Path
from typing import Any

import pytest

from domain.errors import InvalidInputError, RefusedError
from domain.ids import new_id
from infrastructure.crypto import export
from infrastructure.crypto.export import export_key, import_key

KEY, BOOK, PASSPHRASE = bytes(range(32)), new_id(), "correct horse"


@pytest.fixture(autouse=True)
def cheap(monkeypatch: pytest.MonkeyPatch) -> None:
    """The real cost is what makes guessing slow, and tests too."""
    monkeypatch.setattr(export, "_COST", {"n": 2**10, "r": 8, "p": 1})


@pytest.fixture
def exported(tmp_path: Path) -> Path:
    path = tmp_path / "key.json"
    export_key(path, KEY, BOOK, PASSPHRASE)
    return path


def test_a_key_is_carried_in_a_file_of_ones_own(exported: Path) -> None:
    assert import_key(exported, PASSPHRASE) == (KEY, BOOK)
    assert stat.S_IMODE(exported.stat().st_mode) == 0o600
    assert KEY.hex() not in exported.read_text()


def test_a_wrong_passphrase_or_another_books_id_does_not_open_it(exported: Path) -> None:
    with pytest.raises(InvalidInputError, match="does not open"):
        import_key(exported, "wrong horse")
    document = json.loads(exported.read_text())
    exported.write_text(json.dumps({**document, "book_id": str(new_id())}))
    with pytest.raises(InvalidInputError, match="does not open"):
        import_key(exported, PASSPHRASE)


def test_a_file_that_is_not_there_is_told_in_plain_words(tmp_path: Path) -> None:
    with pytest.raises(InvalidInputError, match=r"nofile does not exist\. Nothing"):
        import_key(tmp_path / "nofile", PASSPHRASE)
    with pytest.raises(InvalidInputError, match="cannot be read: it is a directory"):
        import_key(tmp_path, PASSPHRASE)


def test_a_file_is_never_written_over(exported: Path) -> None:
    before = exported.read_text()
    with pytest.raises(RefusedError, match="exists already"):
        export_key(exported, KEY, BOOK, PASSPHRASE)
    assert exported.read_text() == before


def test_what_cannot_be_exported_is_said(tmp_path: Path) -> None:
    with pytest.raises(InvalidInputError, match="at least 8"):
        export_key(tmp_path / "key", KEY, BOOK, "short")
    with pytest.raises(InvalidInputError, match="surrogate"):
        export_key(tmp_path / "key", KEY, BOOK, "long enough \ud83d")
    with pytest.raises(InvalidInputError, match="cannot be written: its directory does not exist"):
        export_key(tmp_path / "nowhere" / "key", KEY, BOOK, PASSPHRASE)
    assert list(tmp_path.iterdir()) == []


def test_a_full_disk_leaves_no_half_a_key(tmp_path: Path, monkeypatch: pytest.MonkeyPatch) -> None:
    def full(_: int) -> None:
        raise OSError(28, "No space left on device")

    monkeypatch.setattr(export.os, "fsync", full)
    with pytest.raises(InvalidInputError, match="No space left"):
        export_key(tmp_path / "key", KEY, BOOK, PASSPHRASE)
    assert list(tmp_path.iterdir()) == []


@pytest.mark.parametrize(
    "change",
    [
        pytest.param({"format": "other"}, id="format"),
        pytest.param({"book_id": "x"}, id="book"),
        pytest.param({"scrypt": None}, id="no cost"),
        pytest.param({"scrypt": {"n": 2**40, "r": 8, "p": 1, "salt": "AAAA"}}, id="dear"),
        pytest.param({"scrypt": {"n": 2**10, "r": 8, "p": 99, "salt": "AAAA"}}, id="wide"),
        pytest.param({"scrypt": {"n": 1000, "r": 8, "p": 1, "salt": "AAAA"}}, id="no power of two"),
        pytest.param({"nonce": "AAAA"}, id="nonce"),
        pytest.param({"box": "!"}, id="box"),
    ],
)
def test_other_files_are_told_apart(exported: Path, change: dict[str, Any]) -> None:
    exported.write_text(json.dumps({**json.loads(exported.read_text()), **change}))
    with pytest.raises(InvalidInputError, match="not a key exported"):
        import_key(exported, PASSPHRASE)


@pytest.mark.parametrize("content", [b"", b"[]", b"\xff", b"{}"], ids=["empty", "list", "binary", "object"])
def test_garbage_is_told_apart(tmp_path: Path, content: bytes) -> None:
    (tmp_path / "key").write_bytes(content)
    with pytest.raises(InvalidInputError, match="not a key exported"):
        import_key(tmp_path / "key", PASSPHRASE)
