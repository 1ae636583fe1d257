"""A real disk of a few megabytes: a tmpfs, which only root can mount."""

from __future__ import annotations

import os
import shutil
import subprocess
import tempfile
from collections.abc import Iterator
from contextlib import contextmanager
from pathlib import Path


class NoSmallDiskError(Exception):
    """This system lets us mount nothing; the message says why."""


@contextmanager
def small_disk(megabytes: int) -> Iterator[Path]:
    """Mount one, and unmount it afterwards.

    Raises:
        NoSmallDiskError: it cannot be had here.
    """
    mount, umount = shutil.which("mount"), shutil.which("umount")
    if os.geteuid() != 0 or mount is None or umount is None:
        raise NoSmallDiskError("only root can mount a small tmpfs, and only on Linux")
    place = Path(tempfile.mkdtemp(prefix="dbd-", dir="/tmp"))
    options = f"size={megabytes}m,mode=0711"
    done = subprocess.run(
        [mount, "-t", "tmpfs", "-o", options, "tmpfs", place], check=False, capture_output=True, text=True
    )
    try:
        if done.returncode != 0:
            raise NoSmallDiskError(f"mounting a tmpfs failed: {done.stderr.strip()}")
        try:
            yield place
        finally:
            subprocess.run([umount, "-l", place], check=True)
    finally:
        place.rmdir()
