"""Files kept while they are read: gone when they are closed, and swept when their process was killed."""

from __future__ import annotations

import os
import subprocess
import sys
import tempfile
from pathlib import Path

import pytest

from interfaces.porting.keeping import kept_file, remove_abandoned

_KEEP = """
import sys, tempfile
tempfile.tempdir = sys.argv[1]
from interfaces.porting.keeping import kept_file
file = kept_file()
file.write(b"a secret")
file.flush()
print(file.name, flush=True)
sys.stdin.read()
"""
OLD = (0, 0)


@pytest.fixture(autouse=True)
def folder(tmp_path: Path, monkeypatch: pytest.MonkeyPatch) -> Path:
    monkeypatch.setattr(tempfile, "tempdir", str(tmp_path))
    return tmp_path


def test_it_is_ours_alone_and_gone_when_closed(folder: Path) -> None:
    with kept_file() as kept:
        assert Path(kept.name).parent == folder
        assert Path(kept.name).stat().st_mode & 0o777 == 0o600
    assert list(folder.iterdir()) == []


def test_what_a_killed_process_left_is_removed_and_what_another_reads_is_not(folder: Path) -> None:
    with subprocess.Popen(
        [sys.executable, "-c", _KEEP, str(folder)],
        stdin=subprocess.PIPE,
        stdout=subprocess.PIPE,
        text=True,
    ) as process:
        assert process.stdout is not None
        left = Path(process.stdout.readline().strip())
        os.utime(left, OLD)
        remove_abandoned()
        assert left.read_bytes() == b"a secret"
        process.kill()
        process.wait()
    assert left.exists()
    kept_file().close()
    assert not left.exists()


def test_a_file_that_is_about_to_be_locked_is_left_alone(folder: Path) -> None:
    young = folder / "daybook-import-young"
    young.touch()
    remove_abandoned()
    assert young.exists()
    os.utime(young, OLD)
    remove_abandoned()
    assert not young.exists()
