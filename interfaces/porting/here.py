"""Out and back for a book that this process has open; for one behind a server see `remote/porting.py`."""

from __future__ import annotations

from collections.abc import Iterator
from contextlib import AbstractContextManager, nullcontext
from enum import StrEnum
from importlib import import_module
from pathlib import Path
from typing import TYPE_CHECKING

from interfaces.porting.gathering import Chosen, Gathering
from interfaces.porting.taking import ImportView, Wishes, take_in

if TYPE_CHECKING:
    from application.ports.clock import Clock
    from interfaces.book import WholeBook
    from interfaces.parts import Progress

_PIECE_BYTES = 64 * 1024


class Form(StrEnum):
    """What an export is written as."""

    MARKDOWN = "md"
    JSON = "json"
    HTML = "html"

    @property
    def media_type(self) -> str:
        """What HTTP calls it."""
        return _MEDIA_TYPES[self]


_WRITERS = {Form.MARKDOWN: "as_markdown", Form.JSON: "as_json", Form.HTML: "as_html"}
_MEDIA_TYPES = {
    Form.MARKDOWN: "text/markdown; charset=utf-8",
    Form.JSON: "application/x-ndjson",
    Form.HTML: "text/html; charset=utf-8",
}


class PortingHere:
    """The part `porting` of an open book."""

    def __init__(self, book: WholeBook, clock: Clock) -> None:
        self._book = book
        self._clock = clock

    def export(
        self, wanted: Chosen, form: Form, told: Progress | None = None
    ) -> AbstractContextManager[Iterator[bytes]]:
        """Lend an export piece by piece.

        Raises:
            NotFoundError, ContentErasedError: what is wanted is not there; before anything is written.
        """
        gathering = Gathering(self._book, wanted, self._clock.now(), told or _nobody)
        self._book.disclosures.exported(
            wanted.scope,
            form.value,
            conversation_id=wanted.conversation_id,
            project_id=wanted.project_id,
        )
        return nullcontext(_bytes(import_module(f"interfaces.porting.{_WRITERS[form]}").pieces(gathering)))

    def take_in(self, path: Path, wishes: Wishes, told: Progress | None = None) -> ImportView:
        """Import a file, as whoever uses this process. The errors are those of `taking.take_in`."""
        who = {"actor": self._book.actor, "source": "cli"}
        return take_in(self._book.commands, path, who, wishes, told or _nobody)


def _nobody(_done: int, _of: int) -> None:
    pass


def _bytes(pieces: Iterator[str]) -> Iterator[bytes]:
    """Yield text as bytes, in pieces that are worth sending."""
    held: list[bytes] = []
    size = 0
    for piece in pieces:
        held.append(piece.encode())
        size += len(held[-1])
        if size >= _PIECE_BYTES:
            yield b"".join(held)
            held, size = [], 0
    if held:
        yield b"".join(held)
