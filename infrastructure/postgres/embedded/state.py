"""What the supervisor says about itself, and what PostgreSQL says in `postmaster.pid`.

The state file is replaced whole, never edited. It is a report, not a lock: whether a supervisor lives is
known from `supervisor.lock` alone.
"""

import json
import os
from dataclasses import asdict, dataclass
from pathlib import Path

from infrastructure.postgres.embedded.locks import give_to_owner_of

STARTING = "starting"
RECOVERING = "recovering"
READY = "ready"
RESTARTING = "restarting"
STOPPING = "stopping"
STOPPED = "stopped"
FAILED = "failed"


@dataclass(frozen=True, kw_only=True)
class State:
    """One report. `run` names the supervisor that wrote it."""

    run: str
    phase: str
    supervisor_pid: int
    postgres_pid: int = 0
    socket_dir: str = ""
    binaries: str = ""
    version: str = ""
    message: str = ""
    hint: str = ""


def read_state(path: Path) -> State | None:
    """The last report, if there is one that can be read."""
    try:
        return State(**json.loads(path.read_bytes()))
    except (FileNotFoundError, ValueError, TypeError):
        return None


def write_state(path: Path, state: State) -> None:
    """Replace the report."""
    fresh = path.with_suffix(".new")
    descriptor = os.open(fresh, os.O_WRONLY | os.O_CREAT | os.O_TRUNC | os.O_NOFOLLOW | os.O_CLOEXEC, 0o600)
    with os.fdopen(descriptor, "w", encoding="ascii") as file:
        give_to_owner_of(path.parent, file.fileno())
        json.dump(asdict(state), file)
    fresh.replace(path)


@dataclass(frozen=True)
class PidFile:
    """The lines of `postmaster.pid` that we need."""

    pid: int
    status: str


def read_pid_file(data_dir: Path) -> PidFile | None:
    """Who claims to serve this data directory; a killed server's claim stays behind and says `ready` too."""
    try:
        lines = (data_dir / "postmaster.pid").read_text(encoding="utf-8", errors="replace").splitlines()
    except FileNotFoundError:
        return None
    try:
        pid = abs(int(lines[0]))
    except (IndexError, ValueError):
        return PidFile(pid=0, status="")
    status_line = 7
    return PidFile(pid=pid, status=lines[status_line].strip() if len(lines) > status_line else "")


def tail(path: Path, lines: int = 12, since: int = 0) -> str:
    """The last lines of a log, from byte `since` on (or from its start, if it was rotated since)."""
    most = 16_384
    try:
        with path.open("rb") as file:
            size = file.seek(0, os.SEEK_END)
            file.seek(max(since if since <= size else 0, size - most))
            text = file.read().decode(errors="replace")
    except FileNotFoundError:
        return ""
    return "\n".join(text.strip().splitlines()[-lines:])
