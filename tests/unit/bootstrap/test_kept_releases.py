"""Copies of releases: which is kept, which fits, and what goes wrong."""

from __future__ import annotations

import json
import os
import subprocess
import time
import venv
from pathlib import Path

import pytest

from bootstrap.kept_releases import KeptReleases
from domain.errors import DaybookError

FORM = ((1, "first", "aa"), (2, "second", "bb"))
OLDER = FORM[:1]


@pytest.fixture
def running(tmp_path: Path) -> Path:
    """Return a small virtual environment that says who it is."""
    folder = tmp_path / "running"
    venv.create(folder, symlinks=True, with_pip=False)
    become(folder, "one")
    return folder


def become(running: Path, what: str) -> None:
    """Make another release of it."""
    [packages] = running.glob("lib/python*/site-packages")
    information = packages / "daybook_assistant-1.dist-info"
    information.mkdir(exist_ok=True)
    (information / "RECORD").write_text(what)
    (running / "bin" / "daybook").write_text(f"import sys; print({what!r}, sys.prefix)")


def test_a_copy_runs_by_itself(tmp_path: Path, running: Path) -> None:
    kept = KeptReleases(tmp_path / "kept", running)
    assert kept.keep("1.0", FORM)
    become(running, "two")

    release = kept.fitting(FORM)
    assert release is not None
    said = subprocess.run(release.command([]), check=True, capture_output=True, text=True).stdout.split()
    assert said == ["one", str(release.folder)]
    assert release.version == "1.0"


def test_the_same_release_is_kept_once(tmp_path: Path, running: Path) -> None:
    kept = KeptReleases(tmp_path / "kept", running)
    assert kept.keep("1.0", FORM)
    assert not kept.keep("1.0", FORM)
    assert len(list((tmp_path / "kept").iterdir())) == 1


def test_the_newest_that_fits_is_taken_and_two_are_kept(tmp_path: Path, running: Path) -> None:
    kept = KeptReleases(tmp_path / "kept", running)
    for version, form in (("1.0", OLDER), ("1.1", OLDER), ("2.0", FORM)):
        become(running, version)
        kept.keep(version, form)

    found = [kept.fitting(form) for form in (OLDER, FORM, ())]
    assert [release and release.version for release in found] == ["1.1", "2.0", None]
    assert len(list((tmp_path / "kept").iterdir())) == 2


def test_a_release_that_one_goes_back_to_is_the_newest_again(tmp_path: Path, running: Path) -> None:
    kept = KeptReleases(tmp_path / "kept", running)
    for version in ("1.0", "1.1", "1.0"):
        become(running, version)
        kept.keep(version, FORM)

    release = kept.fitting(FORM)
    assert release is not None
    assert release.version == "1.0"


@pytest.mark.parametrize("card", ["", "{}", '{"form": 3, "python": "3.13"}', "[]", '{"form": [[1]]}'])
def test_what_cannot_be_read_is_passed_over(tmp_path: Path, running: Path, card: str) -> None:
    kept = KeptReleases(tmp_path / "kept", running)
    kept.keep("1.0", FORM)
    [one] = (tmp_path / "kept").iterdir()
    (one / "release.json").write_text(card)
    assert kept.fitting(FORM) is None


def test_a_copy_for_another_python_does_not_fit(tmp_path: Path, running: Path) -> None:
    kept = KeptReleases(tmp_path / "kept", running)
    kept.keep("1.0", FORM)
    [one] = (tmp_path / "kept").iterdir()
    card = json.loads((one / "release.json").read_text())
    (one / "release.json").write_text(json.dumps(card | {"python": "3.9"}))
    assert kept.fitting(FORM) is None


def test_what_was_broken_off_long_ago_goes_with_the_next_copy(tmp_path: Path, running: Path) -> None:
    kept = KeptReleases(tmp_path / "kept", running)
    for name, age in ((".part-old", 7_200), (".part-new", 0)):
        part = tmp_path / "kept" / name
        part.mkdir(parents=True)
        os.utime(part, (time.time() - age,) * 2)
    kept.keep("1.0", FORM)
    assert [path.name for path in (tmp_path / "kept").glob(".*")] == [".part-new"]


def test_what_cannot_be_copied_is_told_and_leaves_nothing(tmp_path: Path, running: Path) -> None:
    os.mkfifo(running / "bin" / "pipe")
    with pytest.raises(DaybookError, match="could not be kept"):
        KeptReleases(tmp_path / "kept", running).keep("1.0", FORM)
    assert list((tmp_path / "kept").iterdir()) == []


def test_a_copy_without_its_card_is_made_anew(tmp_path: Path, running: Path) -> None:
    kept = KeptReleases(tmp_path / "kept", running)
    kept.keep("1.0", FORM)
    [one] = (tmp_path / "kept").iterdir()
    (one / "release.json").write_text("")
    assert kept.keep("1.0", FORM)
    assert kept.fitting(FORM) is not None


def test_a_copy_is_found_by_its_name_and_by_nothing_else(tmp_path: Path, running: Path) -> None:
    kept = KeptReleases(tmp_path / "kept", running)
    kept.keep("1.0", FORM)
    [one] = (tmp_path / "kept").iterdir()
    (tmp_path / "release.json").write_text((one / "release.json").read_text())
    assert kept.named(one.name) == kept.fitting(FORM)
    assert [kept.named(name) for name in ("", "..", str(one), "0" * 16)] == [None] * 4


def test_where_nothing_was_kept_nothing_fits(tmp_path: Path) -> None:
    assert KeptReleases(tmp_path / "none").fitting(FORM) is None


def test_a_file_in_its_place_is_told(tmp_path: Path, running: Path) -> None:
    (tmp_path / "kept").write_text("")
    with pytest.raises(DaybookError, match="could not be kept"):
        KeptReleases(tmp_path / "kept", running).keep("1.0", FORM)


def test_without_a_virtual_environment_nothing_is_kept(tmp_path: Path) -> None:
    with pytest.raises(DaybookError, match="virtual environment"):
        KeptReleases(tmp_path / "kept", tmp_path).keep("1.0", FORM)
