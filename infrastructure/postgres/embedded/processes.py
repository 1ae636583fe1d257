"""Is this process id the process we think it is?

A pid alone proves nothing: it may have been given to somebody else. We look at the command line, in /proc
where that exists and through `ps` elsewhere, and treat a zombie as gone.
"""

import os
from itertools import pairwise
from pathlib import Path

_PROC = Path("/proc")


def exists(pid: int) -> bool:
    """Whether any process has this id now (a zombie counts)."""
    if pid <= 0:
        return False
    try:
        os.kill(pid, 0)
    except ProcessLookupError:
        return False
    except PermissionError:
        return True
    return True


def is_zombie(pid: int) -> bool:
    """Whether the process has ended and only waits to be reaped."""
    if _PROC.joinpath("self").exists():
        try:
            stat = _PROC.joinpath(str(pid), "stat").read_bytes()
        except OSError:
            return False
        return stat.rpartition(b")")[2].split()[:1] == [b"Z"]
    return _ps(pid, "stat").startswith("Z")


def command_line(pid: int) -> list[str]:
    """The arguments the process was started with; empty when it is gone, or a zombie."""
    if _PROC.joinpath("self").exists():
        try:
            raw = _PROC.joinpath(str(pid), "cmdline").read_bytes()
        except OSError:
            return []
        return [os.fsdecode(part) for part in raw.rstrip(b"\0").split(b"\0")] if raw else []
    text = _ps(pid, "command")
    return [text] if text else []


def _ps(pid: int, column: str) -> str:
    import subprocess

    done = subprocess.run(
        ["/bin/ps", "-ww", "-o", f"{column}=", "-p", str(pid)],
        capture_output=True, check=False, encoding="utf-8", errors="surrogateescape",
    )  # fmt: skip
    return done.stdout.strip()


def is_postgres_of(pid: int, data_dir: Path) -> bool:
    """Whether this is a living `postgres -D data_dir`."""
    if not exists(pid) or is_zombie(pid):
        return False
    arguments = command_line(pid)
    if len(arguments) == 1:  # from ps, in one piece: spaces in the path forbid splitting it
        return "postgres" in arguments[0] and f"-D {data_dir}" in arguments[0]
    if not arguments or not Path(arguments[0]).name.startswith(("postgres", "postmaster")):
        return False
    for flag, value in pairwise(arguments):
        if flag == "-D" and os.path.realpath(value) == os.path.realpath(data_dir):
            return True
    return False


def is_supervisor_of(pid: int, module: str, base: Path) -> bool:
    """Whether this is a living supervisor of the server in `base`."""
    if not exists(pid) or is_zombie(pid):
        return False
    arguments = command_line(pid)
    if len(arguments) == 1:
        return module in arguments[0] and str(base) in arguments[0]
    return module in arguments and str(base) in arguments
