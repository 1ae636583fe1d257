"""What a figure must be read beside: the machine it was measured on."""

from __future__ import annotations

import re
import subprocess
from pathlib import Path

from tests.support.postgres_server import binaries


def fsync_rate(folder: Path) -> float | None:
    """Say how many fdatasync calls a second the disk takes, by pg_test_fsync."""
    tool = binaries() / "pg_test_fsync"
    if not tool.exists():
        return None
    out = subprocess.run(
        [tool, "-s", "1", "-f", folder / "fsync-test"], check=True, capture_output=True, text=True
    ).stdout
    found = re.search(r"fdatasync\s+([\d.]+) ops/sec", out)
    return float(found[1]) if found else None
