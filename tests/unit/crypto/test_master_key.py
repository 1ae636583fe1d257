from __future__ import annotations

import os
import stat
import subprocess
import sys
from pathlib import Path

import pytest

from application.errors import KeyringError
from infrastructure.crypto import master_key
from infrastructure.crypto.master_key import MasterKeyFile, from_text, to_text

KEY = bytes(range(32))
_WRITE = """
import sys
from pathlib import Path
from infrastructure.crypto import master_key
sys.stdin.readline()
print(master_key.MasterKeyFile(Path(sys.argv[1])).write_new(master_key.generate()).hex())
"""


def test_a_key_is_written_and_read_as_text() -> None:
    assert to_text(KEY) == "daybook-master-1:AAECAwQFBgcICQoLDA0ODxAREhMUFRYXGBkaGxwdHh8="
    assert from_text(f"  {to_text(KEY)}\n", where="x") == KEY
    assert from_text(to_text(b"\xff" * 32).replace("_", "/"), where="x") == b"\xff" * 32


@pytest.mark.parametrize(
    "text",
    [
        pytest.param("", id="empty"),
        pytest.param("daybook-master-1:", id="prefix alone"),
        pytest.param("daybook-master-1:AAEC", id="too short"),
        pytest.param("daybook-master-1:AAECAwQFBgcICQoLDA0ODxAREhMUFRYXGBkaGxwdHh8", id="cut"),
        pytest.param("daybook-master-1:AAECAwQFBgcICQ oLDA0ODxAREhMUFRYXGBkaGxwdHh8=", id="a space in it"),
        pytest.param("\u00e9" * 44, id="not ASCII"),
        pytest.param("\ud83d", id="lone surrogate"),
    ],
)
def test_what_is_no_key_is_said_so_with_its_place(text: str) -> None:
    with pytest.raises(KeyringError, match="/somewhere does not hold"):
        from_text(text, where="/somewhere")


def test_the_file_is_the_owners_alone(tmp_path: Path) -> None:
    file = MasterKeyFile(tmp_path / "home" / "master.key")
    assert file.read() is None

    before = os.umask(0)
    try:
        assert file.write_new(KEY) == KEY
    finally:
        os.umask(before)

    assert file.read() == KEY
    assert stat.S_IMODE(file.path.stat().st_mode) == 0o600
    assert stat.S_IMODE(file.path.parent.stat().st_mode) == 0o700
    assert [path.name for path in file.path.parent.iterdir()] == ["master.key"]


def test_a_key_is_never_written_over(tmp_path: Path) -> None:
    file = MasterKeyFile(tmp_path / "master.key")
    file.write_new(KEY)

    assert file.write_new(master_key.generate()) == KEY
    assert file.read() == KEY


def test_two_processes_at_once_end_with_one_key(tmp_path: Path) -> None:
    path = tmp_path / "master.key"
    writers = [
        subprocess.Popen(
            [sys.executable, "-c", _WRITE, str(path)],
            stdin=subprocess.PIPE,
            stdout=subprocess.PIPE,
            text=True,
        )
        for _ in range(4)
    ]
    for writer in writers:
        assert writer.stdin is not None
        writer.stdin.write("go\n")
        writer.stdin.flush()
    told = {writer.communicate(timeout=30)[0].strip() for writer in writers}

    assert told == {(MasterKeyFile(path).read() or b"").hex()}
    assert [p.name for p in tmp_path.iterdir()] == ["master.key"]


def test_a_file_that_cannot_be_read_or_written_is_an_error(tmp_path: Path) -> None:
    (tmp_path / "master.key").mkdir()
    file = MasterKeyFile(tmp_path / "master.key")
    with pytest.raises(KeyringError, match="cannot be read"):
        file.read()

    (tmp_path / "file").write_text("")
    with pytest.raises(KeyringError, match="cannot be written"):
        MasterKeyFile(tmp_path / "file" / "master.key").write_new(KEY)

    (tmp_path / "garbage").write_bytes(b"\xff\xfe")
    with pytest.raises(KeyringError, match="cannot be read"):
        MasterKeyFile(tmp_path / "garbage").read()


def test_the_next_key_takes_the_place_and_the_former_is_written_over(tmp_path: Path) -> None:
    file = MasterKeyFile(tmp_path / "master.key")
    file.write_new(KEY)
    other = tmp_path / "another name of the same file"
    other.hardlink_to(file.path)
    fresh = file.next.write_new(master_key.generate())
    assert file.unfinished

    file.advance()

    assert file.read() == fresh != KEY
    assert to_text(KEY).encode() not in other.read_bytes()
    assert not file.unfinished
    file.advance()
    assert file.read() == fresh


def test_a_former_key_that_is_still_the_file_of_the_key_is_not_written_over(tmp_path: Path) -> None:
    file = MasterKeyFile(tmp_path / "master.key")
    file.write_new(KEY)
    file.former.hardlink_to(file.path)

    file.destroy_former()

    assert file.read() == KEY
    assert not file.unfinished


def test_files_that_cannot_be_put_in_order_are_said(tmp_path: Path, monkeypatch: pytest.MonkeyPatch) -> None:
    file = MasterKeyFile(tmp_path / "master.key")
    file.write_new(KEY)
    file.next.write_new(master_key.generate())

    def full(_: int) -> None:
        raise OSError(5, "Input/output error")

    with monkeypatch.context() as patch:
        patch.setattr(master_key.os, "fsync", full)
        with pytest.raises(KeyringError, match="new master key is in force, but") as error:
            file.advance()
    assert error.value.hint == "daybook keys rotate --master"
    file.advance()
    assert not file.unfinished
