"""Out and back with a book behind a server: exports come as they are written, files are sent as they are."""

from __future__ import annotations

from collections.abc import Iterator
from contextlib import AbstractContextManager
from dataclasses import replace
from typing import TYPE_CHECKING

from application.errors import in_words
from domain.errors import InvalidInputError
from interfaces.porting.taking import ImportView, LeftOutView, Wishes
from interfaces.porting.unpacking import Kind, kind_of
from interfaces.remote.decoding import view
from interfaces.remote.log import counted

if TYPE_CHECKING:
    from pathlib import Path

    from interfaces.parts import Progress
    from interfaces.porting.gathering import Chosen
    from interfaces.porting.here import Form
    from interfaces.remote.connection import Connection

_PIECE_BYTES = 256 * 1024


class RemotePorting:
    """The part `porting` of a book behind a server."""

    def __init__(self, connection: Connection) -> None:
        self._connection = connection

    def export(
        self, wanted: Chosen, form: Form, told: Progress | None = None
    ) -> AbstractContextManager[Iterator[bytes]]:
        """Lend an export piece by piece, as it comes; nobody is told how much there will be."""
        del told
        path = "export"
        if wanted.conversation_id is not None:
            path = f"conversations/{wanted.conversation_id}/export"
        elif wanted.project_id is not None:
            path = f"projects/{wanted.project_id}/export"
        return self._connection.download(f"{path}?format={form}", method="GET")

    def take_in(self, path: Path, wishes: Wishes, told: Progress | None = None) -> ImportView:
        """Send a file and have it imported; sent again, it adds nothing that is there already."""
        kind = kind_of(path)  # what is none is told before it is sent
        query = f"?dry_run={str(wishes.dry_run).lower()}"
        if wishes.project_id is not None:
            query += f"&project_id={wishes.project_id}"
        done = view(
            self._connection.long(
                "import" + query, content=lambda: _pieces(path), told=counted(told), again=True
            ),
            ImportView,
        )
        self._connection.saw(done.log_size)
        return with_changes_beside(done, path) if kind is Kind.LLM else done


def with_changes_beside(done: ImportView, path: Path) -> ImportView:
    """Say what only this side can see: the file that was sent lacks changes which lie beside it."""
    from interfaces.porting.llm_logs import changes_beside

    missing = [LeftOutView(what=one.what, name=one.name, reason=one.reason) for one in changes_beside(path)]
    return replace(
        done, left_out=[*done.left_out, *missing], left_out_count=done.left_out_count + len(missing)
    )


def _pieces(path: Path) -> Iterator[bytes]:
    try:
        with path.open("rb") as file:
            while piece := file.read(_PIECE_BYTES):
                yield piece
    except OSError as problem:
        raise InvalidInputError(f"{path} cannot be read: {in_words(problem)}.") from None
