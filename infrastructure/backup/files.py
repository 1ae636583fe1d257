"""The file of a backup: whole under its name, or not there.

Invariant: what is written has a name of its own until its last byte is on the disk; a file that is there is
not touched, unless that is asked for, and is then replaced in one piece. It is its owner's alone.
"""

from __future__ import annotations

import os
import sys
import tempfile
from collections.abc import Iterator
from contextlib import contextmanager
from pathlib import Path
from typing import BinaryIO

from application.errors import in_words
from domain.errors import InvalidInputError


@contextmanager
def whole_file(path: Path, *, force: bool) -> Iterator[BinaryIO]:
    """Lend a file that gets its name when the block ends well, and is removed otherwise.

    Raises:
        InvalidInputError: it cannot be written, or is there already.
    """
    must_be_free(path, force=force)
    partial: Path | None = None
    try:
        handle, name = tempfile.mkstemp(prefix=f".{path.name[:100]}.", suffix=".partial", dir=path.parent)
        partial = Path(name)
        with os.fdopen(handle, "wb") as file:
            yield file
            file.flush()
            os.fsync(file.fileno())
        _name(partial, path, force=force)
        partial = None
        _sync(path.parent)
    except OSError as problem:
        raise InvalidInputError(
            f"{path} cannot be written: {in_words(problem)}. No backup was made, and nothing is there under "
            "that name that was not there before."
        ) from None
    finally:
        if partial is not None:
            partial.unlink(missing_ok=True)


def must_be_free(path: Path, *, force: bool) -> None:
    """Raise where a file is there that is not to be replaced, or no file can be."""
    if path.is_dir() or not path.parent.is_dir():
        why = "it is a directory" if path.is_dir() else f"there is no directory {path.parent}"
        raise InvalidInputError(f"{path} cannot be written: {why}. No backup was made.")
    if path.exists() and not force:
        raise _is_there(path)


@contextmanager
def source(path: Path | None) -> Iterator[BinaryIO]:
    """Lend a file to read, or standard input where none is named."""
    if path is None:
        yield sys.stdin.buffer
        return
    try:
        with path.open("rb") as file:
            yield file
    except OSError as problem:
        raise InvalidInputError(f"{path} cannot be read: {in_words(problem)}. Nothing was changed.") from None


def _name(partial: Path, path: Path, *, force: bool) -> None:
    """Give a finished file its name; without `force` only if nobody else has it by now."""
    if force:
        partial.replace(path)
        return
    try:
        path.hardlink_to(partial)
    except FileExistsError:
        raise _is_there(path) from None
    except OSError:  # a file system without second names
        if path.exists():
            raise _is_there(path) from None
        partial.replace(path)
    else:
        partial.unlink()


def _is_there(path: Path) -> InvalidInputError:
    return InvalidInputError(
        f"{path} is there already; it was not touched, and no backup was made.",
        hint="Another name, or --force to replace it.",
    )


def _sync(folder: Path) -> None:
    handle = os.open(folder, os.O_RDONLY)
    try:
        os.fsync(handle)
    finally:
        os.close(handle)
