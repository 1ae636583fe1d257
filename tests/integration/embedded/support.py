"""Small things that the tests of the embedded server say often."""

import os
import time
from collections.abc import Callable
from pathlib import Path

import psycopg

from infrastructure.postgres.embedded import EmbeddedPostgres, processes


def ask(url: str, sql: str) -> str:
    """The one value that a query gives."""
    with psycopg.connect(url, autocommit=True) as connection:
        row = connection.execute(sql.encode()).fetchone()
    assert row is not None
    return str(row[0])


def do(url: str, *statements: str) -> None:
    with psycopg.connect(url, autocommit=True) as connection:
        for statement in statements:
            connection.execute(statement.encode())


def wait_until(true: Callable[[], object], seconds: float = 20) -> None:
    deadline = time.monotonic() + seconds
    while not true():
        assert time.monotonic() < deadline, "it did not come to pass"
        time.sleep(0.01)


def gone(pid: int) -> bool:
    return not processes.exists(pid) or processes.is_zombie(pid)


def pids(server: EmbeddedPostgres) -> tuple[int, int]:
    """The server's and its supervisor's."""
    status = server.status()
    assert status.pid is not None
    assert status.supervisor_pid is not None
    return status.pid, status.supervisor_pid


def identity(pid: int) -> dict[str, list[int]]:
    """Uids, gids and groups of a process, as the kernel says."""
    lines = Path(f"/proc/{pid}/status").read_text(encoding="ascii", errors="replace").splitlines()
    fields = dict(line.split(":", 1) for line in lines)
    return {name: [int(part) for part in fields[name].split()] for name in ("Uid", "Gid", "Groups")}


def mode(path: Path) -> int:
    return path.stat().st_mode & 0o7777


def as_root() -> bool:
    return os.geteuid() == 0
