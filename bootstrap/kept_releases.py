"""Copies of the releases that a database was migrated for, so that one of them can stand in for a later one.

Invariants: a copy is there whole or not at all; it is never changed, only removed when two newer ones are
there. Only `daybook db migrate` writes here; what serves needs to read it and no more.

A release is copied as the virtual environment that it runs in. The Python below it is not copied, so a copy
fits only the same minor version of Python.
"""

from __future__ import annotations

import hashlib
import json
import os
import re
import shutil
import sys
import tempfile
import time
from dataclasses import dataclass
from pathlib import Path
from typing import TYPE_CHECKING

from domain.errors import DaybookError

if TYPE_CHECKING:
    from collections.abc import Iterator, Sequence

    from infrastructure.postgres.migrate import Form

_CARD = "release.json"
_PART = ".part-"
_NAME = re.compile(r"[0-9a-f]{16}")
_MOST = 2
_COMPILED = shutil.ignore_patterns("__pycache__")
_STALE = 3_600  # seconds after which a part is nobody's any more
_PYTHON = f"{sys.version_info.major}.{sys.version_info.minor}"


@dataclass(frozen=True)
class Release:
    """A copy: where it lies, and the migrations it works with."""

    folder: Path
    version: str
    form: Form

    def command(self, arguments: Sequence[str]) -> list[str]:
        """Return the command line that lets it carry out a command."""
        return [str(self.folder / "bin" / "python"), str(self.folder / "bin" / "daybook"), *arguments]


class KeptReleases:
    """The copies in one directory.

    Args:
        folder: made where it is missing.
        running: the virtual environment of the release that runs.
    """

    def __init__(self, folder: Path, running: Path = Path(sys.prefix)) -> None:
        self._folder = folder
        self._running = running

    def keep(self, version: str, form: Form) -> bool:
        """Keep a copy of the release that runs; False where there is one.

        Raises:
            DaybookError: it could not be written, or there is nothing that could be copied.
        """
        if not (self._running / "pyvenv.cfg").is_file():
            raise DaybookError("This release runs in no virtual environment, so it could not be kept.")
        kept = self._folder / self._name(form)
        card = {"version": version, "python": _PYTHON, "form": form}
        try:
            if _read(kept) is not None:
                os.utime(kept)
                return False
            self._folder.mkdir(parents=True, exist_ok=True)
            shutil.rmtree(kept, ignore_errors=True)
            # In a folder of its own: somebody else may keep the same release at the same moment.
            with tempfile.TemporaryDirectory(prefix=_PART, dir=self._folder) as part:
                copy = Path(part, kept.name)
                # Without what Python can compile again: that is half of all files, and people wait for this.
                shutil.copytree(self._running, copy, symlinks=True, ignore=_COMPILED)
                (copy / _CARD).write_text(json.dumps(card), encoding="utf-8")
                os.sync()  # a power cut must not leave a card without what it stands for
                copy.rename(kept)
            os.utime(kept)
            self._remove_old()
        except (OSError, shutil.Error) as problem:
            raise DaybookError(f"This release could not be kept in {self._folder}: {problem}.") from problem
        return True

    def fitting(self, form: Form) -> Release | None:
        """Return the newest copy that works on a database of this form, and under this Python."""
        found = (_read(folder) for folder in self._newest_first())
        return next((release for release in found if release is not None and release.form == form), None)

    def named(self, name: str) -> Release | None:
        """Return the copy of a name, where there is one that can run here."""
        return _read(self._folder / name) if _NAME.fullmatch(name) else None

    def _name(self, form: Form) -> str:
        """Return a name that is another one as soon as any installed file is."""
        told = hashlib.sha256(json.dumps([_PYTHON, form]).encode())
        for record in sorted(self._running.glob("lib/python*/site-packages/*.dist-info/RECORD")):
            told.update(record.read_bytes())
        return told.hexdigest()[:16]

    def _newest_first(self) -> Iterator[Path]:
        try:
            found = [path for path in self._folder.iterdir() if _NAME.fullmatch(path.name)]
        except OSError:
            return
        yield from sorted(found, key=_made_at, reverse=True)

    def _remove_old(self) -> None:
        before = time.time() - _STALE
        broken_off = [part for part in self._folder.glob(f"{_PART}*") if _made_at(part) < before]
        for folder in [*list(self._newest_first())[_MOST:], *broken_off]:
            shutil.rmtree(folder, ignore_errors=True)


def _made_at(path: Path) -> float:
    """Return when a path was made; what somebody else has just taken away is the oldest of all."""
    try:
        return path.stat().st_mtime
    except OSError:
        return 0.0


def _read(folder: Path) -> Release | None:
    """Return the copy in a folder; None where it is none, or none for this Python."""
    try:
        card = json.loads((folder / _CARD).read_text(encoding="utf-8"))
        form = tuple((int(number), str(name), str(sha256)) for number, name, sha256 in card["form"])
        return Release(folder, str(card["version"]), form) if card["python"] == _PYTHON else None
    except (OSError, ValueError, KeyError, TypeError):
        return None
