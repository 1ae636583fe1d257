"""Making a database, and the `postgres` process itself: its settings, its start, its end.

Invariants: a data directory exists only when initdb has finished; a child holds `server.lock` as long as any
of its processes lives; it dies with the supervisor (Linux); it is never sent SIGKILL; its settings cannot
weaken durability.
"""

import os
import secrets
import shutil
import signal
import stat
import subprocess
import sys
from collections.abc import Callable
from pathlib import Path
from typing import TYPE_CHECKING, TextIO

from infrastructure.postgres.embedded import errors, processes
from infrastructure.postgres.embedded.binaries import Binaries, as_user
from infrastructure.postgres.embedded.layout import SOCKET_NAME, Layout
from infrastructure.postgres.embedded.state import read_pid_file
from infrastructure.postgres.embedded.users import ServerUser
from infrastructure.postgres.embedded.wire import SUPERUSER

if TYPE_CHECKING:
    Child = subprocess.Popen[bytes]

# On the command line, so that neither postgresql.conf nor ALTER SYSTEM can take them back.
_SETTINGS = {
    "listen_addresses": "",
    "port": "5432",  # only a part of the socket's name
    "unix_socket_permissions": "0700",
    "fsync": "on",
    "full_page_writes": "on",
    "synchronous_commit": "on",
    "shared_buffers": "48MB",
    "max_connections": "60",
    "max_wal_size": "512MB",
    "jit": "off",
    "timezone": "UTC",
    "log_timezone": "UTC",
    # Nothing that people wrote may reach the log: no statements, no parameters, no key values.
    "logging_collector": "off",
    "log_destination": "stderr",
    "log_line_prefix": "%m [%p] ",
    "log_statement": "none",
    "log_min_duration_statement": "-1",
    "log_min_error_statement": "panic",
    "log_error_verbosity": "terse",
    "log_parameter_max_length": "0",
    "log_parameter_max_length_on_error": "0",
    "log_checkpoints": "off",
}
_SINCE_18 = {"io_method": "sync"}  # no extra worker processes for a server of one person


def server_arguments(binaries: Binaries, layout: Layout, socket_dir: Path) -> list[str]:
    """The whole command line of the server."""
    quoted = str(socket_dir).replace('"', '""')  # the setting is a list; quotes protect spaces and commas
    settings = {**_SETTINGS, "unix_socket_directories": f'"{quoted}"'}
    since_18 = 18
    if int(binaries.major) >= since_18:
        settings |= _SINCE_18
    options = [option for name, value in settings.items() for option in ("-c", f"{name}={value}")]
    return [str(binaries.directory / "postgres"), "-D", str(layout.data_dir), *options]


def start_child(
    arguments: list[str], *, user: ServerUser | None, server_lock: int, log: TextIO, death: int
) -> "Child":
    """Start a direct child as the server's user, with a clean environment and a hold on `server.lock`.

    The supervisor's environment may hold secrets of Daybook's; the server's user may read its own.
    """
    return subprocess.Popen(
        arguments,
        stdin=subprocess.DEVNULL, stdout=log, stderr=log,
        cwd="/", env={"PATH": os.defpath, "LC_ALL": _locale(), "TZ": "UTC"}, umask=0o077,
        pass_fds=(server_lock,), preexec_fn=_dying_with_parent(death),  # noqa: PLW1509 - the supervisor has one thread
        **as_user(user),
    )  # fmt: skip


def _locale() -> str:
    return "C.UTF-8" if sys.platform == "linux" else "C"


def _dying_with_parent(death: int) -> Callable[[], None] | None:
    """On Linux: let the kernel send `death` to the child when the supervisor's main thread ends.

    It runs in the child after it became the server's user, because a change of user clears the wish.
    """
    if sys.platform != "linux":
        return None
    import ctypes

    prctl = ctypes.CDLL(None).prctl
    supervisor = os.getpid()
    pr_set_pdeathsig = 1

    def ask_kernel() -> None:
        prctl(pr_set_pdeathsig, death)
        if os.getppid() != supervisor:  # it ended before we could ask
            os._exit(1)

    return ask_kernel


def clear_leftovers(layout: Layout) -> None:
    """Remove databases whose making was interrupted."""
    for leftover in layout.base.glob("data.new-*"):
        shutil.rmtree(leftover, ignore_errors=True)


def fresh_data_dir(layout: Layout, user: ServerUser | None) -> Path:
    """An empty private sibling of the data directory for initdb to fill."""
    fresh = layout.base / f"data.new-{secrets.token_hex(4)}"
    fresh.mkdir(mode=0o700)
    if user is not None:
        os.chown(fresh, user.uid, user.gid)
    return fresh


def initdb_arguments(binaries: Binaries, fresh: Path) -> list[str]:
    """How a database is made. `trust` is safe: only the socket's private directory leads to the server."""
    return [
        str(binaries.directory / "initdb"),
        "--pgdata", str(fresh), f"--locale={_locale()}", "--encoding=UTF8", "--data-checksums",
        f"--username={SUPERUSER}", "--auth-local=trust", "--auth-host=reject", "--no-instructions",
    ]  # fmt: skip


def accept_data_dir(layout: Layout, fresh: Path) -> None:
    """Let a finished database be the database, for good."""
    if layout.data_dir.exists() and not layout.has_data:
        layout.data_dir.rmdir()  # empty: made by hand, or by a volume; anything else in it stops us here
    fresh.rename(layout.data_dir)
    descriptor = os.open(layout.base, os.O_RDONLY)
    try:
        os.fsync(descriptor)
    finally:
        os.close(descriptor)


def previous_server(layout: Layout) -> int:
    """The pid of a server that is still alive on our data directory; 0 if there is none."""
    found = read_pid_file(layout.data_dir)
    return found.pid if found is not None and processes.is_postgres_of(found.pid, layout.data_dir) else 0


def clear_stale_pid_file(layout: Layout) -> None:
    """Remove a killed server's pid file when its pid is now somebody else's, or a zombie's.

    PostgreSQL would take that process for a living server and refuse to start. When no process has the pid,
    the file is left to PostgreSQL, which then also looks for remains of the old server in shared memory.
    """
    found = read_pid_file(layout.data_dir)
    if (
        found is not None
        and processes.exists(found.pid)
        and not processes.is_postgres_of(found.pid, layout.data_dir)
    ):
        (layout.data_dir / "postmaster.pid").unlink(missing_ok=True)


def make_socket_dir(socket_dir: Path, user: ServerUser | None) -> None:
    """Make the socket's directory, private to the server's user; refuse one that is not.

    Outside the base it lies in a directory where others may write, so an existing one is checked before it is
    used.
    """
    uid = os.geteuid() if user is None else user.uid
    try:
        socket_dir.mkdir(mode=0o700)
    except FileExistsError:
        found = socket_dir.lstat()
        if not stat.S_ISDIR(found.st_mode):
            raise errors.socket_dir_not_ours(socket_dir, "it is not a directory") from None
        if found.st_uid not in {uid, os.geteuid()}:
            raise errors.socket_dir_not_ours(socket_dir, f"it belongs to user id {found.st_uid}") from None
        if stat.S_IMODE(found.st_mode) & 0o077:
            raise errors.socket_dir_not_ours(
                socket_dir, f"its mode is {stat.S_IMODE(found.st_mode):o}"
            ) from None
    if user is not None:
        os.chown(socket_dir, user.uid, user.gid, follow_symlinks=False)


def socket_is_there(socket_dir: Path) -> bool:
    """Whether the socket can still be found: cleaners of temporary directories have been known to take it."""
    return (socket_dir / SOCKET_NAME).exists()


STOP_FAST = signal.SIGINT  # fast shutdown: clients are disconnected, a checkpoint is written
STOP_NOW = signal.SIGQUIT  # immediate shutdown: the next start recovers what was acknowledged
