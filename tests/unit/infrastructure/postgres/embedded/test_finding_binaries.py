"""In which order server binaries are found, and what is said when there are none."""

import os
import sys
from pathlib import Path

import pytest

from infrastructure.postgres.embedded import EmbeddedPostgres, EmbeddedPostgresError, binaries
from infrastructure.postgres.embedded.binaries import Binaries, find_binaries, find_directory


def _install(directory: Path, version: str = "17.2") -> Path:
    directory.mkdir(parents=True)
    for name in ("postgres", "initdb"):
        (directory / name).write_text(f'#!/bin/sh\necho "{name} (PostgreSQL) {version}"\n', encoding="ascii")
        (directory / name).chmod(0o755)
    return directory


@pytest.fixture
def nothing_installed(monkeypatch: pytest.MonkeyPatch, tmp_path: Path) -> Path:
    monkeypatch.setattr(binaries, "_WHEELS", ())
    monkeypatch.setattr(binaries, "_SYSTEM", tmp_path / "system")
    monkeypatch.setenv("PATH", str(tmp_path / "path"))
    return tmp_path


def test_an_explicit_directory_comes_first_with_or_without_its_bin(tmp_path: Path) -> None:
    bin_dir = _install(tmp_path / "mine" / "bin")
    assert find_directory(bin_dir) == bin_dir
    assert find_directory(tmp_path / "mine") == bin_dir


def test_an_explicit_directory_without_binaries_is_not_replaced_by_others(tmp_path: Path) -> None:
    with pytest.raises(EmbeddedPostgresError, match=str(tmp_path)):
        find_directory(tmp_path)


def test_the_wheel_comes_next_and_is_not_imported(
    nothing_installed: Path, monkeypatch: pytest.MonkeyPatch
) -> None:
    wheel = nothing_installed / "site" / "a_wheel_of_binaries"
    _install(wheel / "pginstall" / "bin")
    (wheel / "__init__.py").write_text("raise RuntimeError('imported')\n", encoding="ascii")
    monkeypatch.syspath_prepend(nothing_installed / "site")
    monkeypatch.setattr(binaries, "_WHEELS", ("no_such_wheel", "a_wheel_of_binaries"))
    _install(nothing_installed / "path")
    assert find_directory(None) == wheel / "pginstall" / "bin"
    assert "a_wheel_of_binaries" not in sys.modules


def test_then_the_path_through_links(nothing_installed: Path) -> None:
    real = _install(nothing_installed / "opt" / "bin")
    (nothing_installed / "path").mkdir()
    (nothing_installed / "path" / "postgres").symlink_to(real / "postgres")
    _install(nothing_installed / "system" / "17" / "bin")
    assert find_directory(None) == real


def test_then_the_newest_that_debian_has(nothing_installed: Path) -> None:
    for version in ("9.6", "15", "16"):
        _install(nothing_installed / "system" / version / "bin")
    assert find_directory(None) == nothing_installed / "system" / "16" / "bin"


def test_none_at_all_is_told_with_the_command_that_installs_them(nothing_installed: Path) -> None:
    with pytest.raises(EmbeddedPostgresError) as caught:
        find_directory(None)
    assert "pip install 'daybook-assistant[embedded]'" in caught.value.hint
    assert "DAYBOOK_DATABASE_URL" in caught.value.hint


def test_without_binaries_the_status_still_answers(nothing_installed: Path) -> None:
    status = EmbeddedPostgres(nothing_installed / "home").status()
    assert not status.running
    assert status.binaries is None
    assert not (nothing_installed / "home").exists()


def test_binaries_older_than_fifteen_are_refused(tmp_path: Path) -> None:
    with pytest.raises(EmbeddedPostgresError, match=r"version 14\.2"):
        find_binaries(_install(tmp_path / "bin", "14.2"))


def test_binaries_that_do_not_run_are_told(tmp_path: Path) -> None:
    bin_dir = _install(tmp_path / "bin")
    os.truncate(bin_dir / "postgres", 0)
    (bin_dir / "postgres").write_text("#!/bin/sh\necho 'libmissing.so' >&2\nexit 127\n", encoding="ascii")
    with pytest.raises(EmbeddedPostgresError, match=r"libmissing\.so"):
        find_binaries(bin_dir)


@pytest.mark.parametrize(
    ("version", "major"), [("18.6", "18"), ("15.12", "15"), ("19beta1", "19"), ("17devel", "17")]
)
def test_the_major_version_is_the_leading_number(version: str, major: str) -> None:
    assert Binaries(Path("/bin"), version).major == major
