"""Files that come in through a pipe or a request, kept on disk while they are read.

Some kinds are not read from front to back.

Invariant: what a killed process left behind is gone when the next import begins or the next server starts.
"""

from __future__ import annotations

import contextlib
import fcntl
import tempfile
import time
from pathlib import Path
from typing import IO

_PREFIX = "daybook-import-"
_YOUNG = 60.0
"""Seconds in which a file without a lock may be one that is only about to get it."""


def kept_file() -> IO[bytes]:
    """Open an empty file that is gone when it is closed, and readable by nobody else."""
    remove_abandoned()
    kept = tempfile.NamedTemporaryFile(prefix=_PREFIX)  # noqa: SIM115 - whoever asked closes it
    fcntl.flock(kept, fcntl.LOCK_EX)
    return kept


def remove_abandoned() -> None:
    """Remove the files whose process was killed; locks end with the process that held them."""
    for path in Path(tempfile.gettempdir()).glob(f"{_PREFIX}*"):
        with contextlib.suppress(OSError), path.open("rb") as file:  # OSError: locked, gone, not ours
            if time.time() - path.stat().st_mtime > _YOUNG:
                fcntl.flock(file, fcntl.LOCK_EX | fcntl.LOCK_NB)
                path.unlink()
