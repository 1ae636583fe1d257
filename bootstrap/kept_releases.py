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
import shutil
import sys
from dataclasses import dataclass
from pathlib import Path
from typing import TYPE_CHECKING

from domain.errors import DaybookError

if TYPE_CHECKING:
    from collections.abc import Iterator, Sequence

    from infrastructure.postgres.migrate import Form

_CARD = "release.json"
_PART = ".part"
_MOST = 2
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
        try:
            if (kept / _CARD).is_file():
                os.utime(kept)
                return False
            part = kept.with_suffix(_PART)
            shutil.rmtree(part, ignore_errors=True)
            shutil.copytree(self._running, part, symlinks=True)
            card = {"version": version, "python": _PYTHON, "form": form}
            (part / _CARD).write_text(json.dumps(card), encoding="utf-8")
            part.rename(kept)
            os.utime(kept)
        except (OSError, shutil.Error) as problem:
            raise DaybookError(f"This release could not be kept in {self._folder}: {problem}.") from problem
        self._remove_old()
        return True

    def fitting(self, form: Form) -> Release | None:
        """Return the newest copy that works on a database of this form, and under this Python."""
        for folder in self._newest_first():
            try:
                card = json.loads((folder / _CARD).read_text(encoding="utf-8"))
                theirs = tuple((int(number), str(name), str(sha256)) for number, name, sha256 in card["form"])
                if theirs == form and card["python"] == _PYTHON:
                    return Release(folder, str(card["version"]), theirs)
            except (OSError, ValueError, KeyError, TypeError):
                continue
        return None

    def _name(self, form: Form) -> str:
        """Return a name that is another one as soon as any installed file is."""
        told = hashlib.sha256(json.dumps([_PYTHON, form]).encode())
        for record in sorted(self._running.glob("lib/python*/site-packages/*.dist-info/RECORD")):
            told.update(record.read_bytes())
        return told.hexdigest()[:16]

    def _newest_first(self) -> Iterator[Path]:
        try:
            found = [path for path in self._folder.iterdir() if (path / _CARD).is_file()]
        except OSError:
            return
        yield from sorted(found, key=lambda path: path.stat().st_mtime_ns, reverse=True)

    def _remove_old(self) -> None:
        for folder in list(self._newest_first())[_MOST:]:
            shutil.rmtree(folder, ignore_errors=True)
        for part in self._folder.glob(f"*{_PART}"):
            shutil.rmtree(part, ignore_errors=True)
