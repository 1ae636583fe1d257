"""Results as files.

Invariant: a file that is there is not touched unless `force` says so, and then it is replaced in one piece;
what breaks off leaves no file that looks like a whole one.
"""

from __future__ import annotations

import codecs
import os
import sys
import tempfile
from collections.abc import Iterable
from pathlib import Path

from domain.errors import InvalidInputError
from interfaces.cli.console import clean, out_is_terminal


def print_pieces(pieces: Iterable[bytes]) -> None:
    """Write pieces of a file to standard output; on a terminal without what could command it."""
    if not out_is_terminal():
        for piece in pieces:
            sys.stdout.buffer.write(piece)
        return
    decoder = codecs.getincrementaldecoder("utf-8")("replace")
    for piece in pieces:
        sys.stdout.write(clean(decoder.decode(piece)))


def write_pieces(pieces: Iterable[bytes], path: Path, *, force: bool) -> None:
    """Write a file beside the place it is to have, then move it there.

    Raises:
        InvalidInputError: it is there and `force` is not said, or it cannot be written.
    """
    partial: Path | None = None
    try:
        handle, name = tempfile.mkstemp(prefix=f".{path.name[:100]}.", dir=path.parent)
        partial = Path(name)
        with os.fdopen(handle, "wb") as file:
            for piece in pieces:
                file.write(piece)
        if force:
            partial.replace(path)
        else:
            _move(partial, path)
        partial = None
    except OSError as problem:
        from application.errors import in_words

        raise InvalidInputError(f"{path} cannot be written: {in_words(problem)}. Nothing is there.") from None
    finally:
        if partial is not None:
            partial.unlink(missing_ok=True)


def write_page(pieces: Iterable[str], path: Path, *, force: bool) -> bool:
    """Write a page into a file, or to the output where that is `-`; tell whether there is a file.

    Raises:
        InvalidInputError: as `write_pieces` does.
    """
    made = (piece.encode() for piece in pieces)
    if path == Path("-"):
        print_pieces(made)
        return False
    write_pieces(made, path, force=force)
    return True


def _move(partial: Path, path: Path) -> None:
    """Give a finished file its name, if nobody else has it by now."""
    try:
        os.link(partial, path)
    except FileExistsError:
        raise is_there(path) from None
    except OSError:  # a file system without second names
        if path.exists():
            raise is_there(path) from None
        partial.replace(path)
    else:
        partial.unlink()


def is_there(path: Path) -> InvalidInputError:
    """Return the error for a file that is there already."""
    return InvalidInputError(
        f"{path} is there already; it was not touched.", hint="Another name, or --force to replace it."
    )
