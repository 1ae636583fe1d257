"""An export of the log as one download: a tar archive, made of a directory that goes when it is sent.

Invariant: whatever ends the download, no file of it stays behind; it matters most where an export reveals
content. No more than one piece of the archive is held in memory.
"""

from __future__ import annotations

import asyncio
import contextlib
import os
import tarfile
import tempfile
import threading
from collections.abc import AsyncGenerator
from pathlib import Path

from starlette.requests import Request

from interfaces.http.long_work import Report, watched
from interfaces.http.server import Server

_PIECE = 256 * 1024
_NAME = "daybook-log"


async def archive(server: Server, request: Request, *, reveal: bool) -> AsyncGenerator[bytes]:
    """Export, and return the archive's bytes. Errors of the export come before the first of them.

    Raises:
        AbandonedError: the client left before the export was done.
    """
    report = Report(server.ending)

    def export() -> tempfile.TemporaryDirectory[str]:
        folder = tempfile.TemporaryDirectory(prefix="daybook-export-")
        try:
            server.book.audit.export(Path(folder.name) / _NAME, reveal=reveal, progress=report)
        except BaseException:
            folder.cleanup()
            raise
        return folder

    return _pieces(await watched(request, report, report.loop.run_in_executor(server.workers, export)))


async def _pieces(folder: tempfile.TemporaryDirectory[str]) -> AsyncGenerator[bytes]:
    source, sink = os.pipe()
    writer = threading.Thread(target=_write, args=(folder, sink), name="daybook-export", daemon=True)
    writer.start()
    try:
        while piece := await asyncio.to_thread(os.read, source, _PIECE):
            yield piece
    finally:
        os.close(source)  # a writer that is not done finds the pipe broken, and clears up


def _write(folder: tempfile.TemporaryDirectory[str], sink: int) -> None:
    """Write the archive into a pipe, then remove what it was made of."""
    with (
        folder,
        contextlib.suppress(BrokenPipeError),
        os.fdopen(sink, "wb") as pipe,
        tarfile.open(fileobj=pipe, mode="w|", format=tarfile.PAX_FORMAT) as tar,
    ):
        tar.add(Path(folder.name) / _NAME, arcname=_NAME, filter=_anonymous)


def _anonymous(entry: tarfile.TarInfo) -> tarfile.TarInfo:
    """Leave out which user of this machine made the file."""
    entry.uid = entry.gid = 0
    entry.uname = entry.gname = ""
    return entry
