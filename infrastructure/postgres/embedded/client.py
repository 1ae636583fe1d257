"""What the rest of Daybook sees of the embedded server: give me its URL, starting it if need be.

The way of an attaching command is short (a lock, a small file, one greeting) and imports nothing heavy. Any
number of commands may come at once: one of them starts a supervisor, all wait for its server. Being met by a
server that is just stopping is no error; the command waits for its end and starts the next one.
"""

import os
import signal
import sys
import time
from collections.abc import Callable, Mapping
from contextlib import suppress
from dataclasses import dataclass
from pathlib import Path
from typing import TYPE_CHECKING
from urllib.parse import quote

from infrastructure.postgres.embedded import errors, locks, state, wire
from infrastructure.postgres.embedded.layout import Layout, find_base, make_base

if TYPE_CHECKING:
    from infrastructure.postgres.embedded.users import ServerUser

_MOST_LAUNCHES = 5
_SAY_AFTER = 2.0


@dataclass(frozen=True, kw_only=True)
class EmbeddedStatus:
    """What is known about the server now. `version` and `binaries` are empty when none are installed."""

    running: bool
    phase: str
    pid: int | None
    supervisor_pid: int | None
    data_dir: Path
    socket_dir: Path
    version: str
    binaries: Path | None
    log_file: Path


def _say_nothing(_: str) -> None:
    """The default for `say`."""


class EmbeddedPostgres:
    """The embedded server of one home; making one touches nothing.

    `binaries` is an explicit directory of server binaries, `db_user` the user to serve as when we are root,
    `runtime_dir` a private directory of this user (XDG_RUNTIME_DIR) for the socket of a home with a long
    path, `environment` what the supervisor may see of ours (None: all), `say` is told what takes long.
    """

    def __init__(
        self,
        home: Path,
        *,
        binaries: Path | None = None,
        db_user: str | None = None,
        runtime_dir: Path | None = None,
        idle_seconds: float = 600,
        stop_patience: float = 60,
        environment: Mapping[str, str] | None = None,
        say: Callable[[str], None] = _say_nothing,
    ) -> None:
        self._home = home.absolute()
        self._binaries = binaries
        self._db_user = db_user
        self._runtime_dir = runtime_dir
        self._idle_seconds = idle_seconds
        self._stop_patience = stop_patience
        self._environment = environment
        self._say = say

    @property
    def data_dir(self) -> Path:
        """The database's directory."""
        return self._layout().data_dir

    @property
    def log_file(self) -> Path:
        """The log of the server and its supervisor."""
        return self._layout().log_file

    @property
    def socket_dir(self) -> Path:
        """The directory of the Unix socket: the one in use, or the one that would be used."""
        layout = self._layout()
        known = state.read_state(layout.state_file)
        if (
            known is not None
            and known.phase in {state.READY, state.RECOVERING, state.RESTARTING}
            and known.socket_dir
        ):
            return Path(known.socket_dir)
        return layout.socket_dir(self._runtime_dir, self._server_user(layout))

    def url(self) -> str:
        """The superuser's URL, whether the server runs or not."""
        return _url(self.socket_dir)

    def url_if_running(self) -> str | None:
        """The superuser's URL of a server that runs, or None; nothing is started, and nobody is held.

        It is not asked whether it answers, and it may stop any moment.
        """
        known = state.read_state(self._layout().state_file)
        if known is None or known.phase != state.READY or not _lives(known.supervisor_pid):
            return None
        return _url(Path(known.socket_dir))

    def ensure_running(self) -> str:
        """The superuser's URL of a server that answers; it is started if need be.

        From then on this process counts as a client until it ends (or calls `detach`), and the server stays.

        Raises:
            EmbeddedPostgresError: it cannot be started; the message says why and what to do.
        """
        try:
            found = self._attach(self._layout())
            return found if found is not None else self._start_and_wait()
        except OSError as error:
            raise errors.from_os_error(error, self._home) from error

    def detach(self) -> None:
        """Stop counting as a client; the server may then stop after its idle time."""
        locks.CLIENT_HOLDS.release(self._layout().clients_lock)

    def stop(self) -> bool:
        """Stop the server, clients or not, and wait until all of it is gone. Whether one was running."""
        layout = self._layout()
        progress = _Progress(self._say, "stopping the embedded PostgreSQL")
        was_running = False
        asked: set[int] = set()
        try:
            while locks.is_held(layout.supervisor_lock) or locks.is_held(layout.server_lock):
                was_running = True
                supervised = locks.is_held(layout.supervisor_lock)
                pids = _stoppable(layout, supervised=supervised)
                if supervised and asked and pids and not pids & asked:
                    break  # the one we stopped is gone; somebody has started another since
                for pid in pids - asked:
                    with suppress(ProcessLookupError):
                        os.kill(pid, signal.SIGTERM if supervised else signal.SIGINT)
                    asked.add(pid)
                progress.tick()
                time.sleep(0.02)
        except OSError as error:
            raise errors.from_os_error(error, layout.base) from error
        return was_running

    def status(self) -> EmbeddedStatus:
        """What is known now, without starting anything."""
        layout = self._layout()
        known = state.read_state(layout.state_file)
        supervised = locks.is_held(layout.supervisor_lock)
        running = supervised and known is not None and known.phase == state.READY
        binaries, version = self._known_binaries(known if supervised else None)
        return EmbeddedStatus(
            running=running,
            phase=known.phase if known is not None and supervised else state.STOPPED,
            pid=known.postgres_pid or None if known is not None and supervised else None,
            supervisor_pid=known.supervisor_pid if known is not None and supervised else None,
            data_dir=layout.data_dir,
            socket_dir=self.socket_dir,
            version=version,
            binaries=binaries,
            log_file=layout.log_file,
        )

    def _known_binaries(self, known: state.State | None) -> tuple[Path | None, str]:
        if known is not None and known.binaries:
            return Path(known.binaries), known.version
        from infrastructure.postgres.embedded.binaries import find_binaries

        try:
            found = find_binaries(self._binaries)
        except errors.EmbeddedPostgresError:
            return None, ""
        return found.directory, found.version

    def _layout(self) -> Layout:
        return Layout(find_base(self._home))

    def _server_user(self, layout: Layout) -> "ServerUser | None":
        if os.geteuid() != 0:
            return None
        from infrastructure.postgres.embedded.users import server_user

        return server_user(self._db_user, layout.data_dir)

    def _attach(self, layout: Layout) -> str | None:
        """The URL if a server answers that is not about to stop."""
        if not layout.base.is_dir() or not locks.CLIENT_HOLDS.take(layout.clients_lock):
            return None
        known = state.read_state(layout.state_file)
        if known is None or known.phase != state.READY or not _lives(known.supervisor_pid):
            return None
        socket_dir = Path(known.socket_dir)
        return _url(socket_dir) if wire.is_ready(socket_dir) else None

    def _start_and_wait(self) -> str:
        layout = Layout(self._make_base())
        before = state.read_state(layout.state_file)
        seen = before.run if before is not None else ""
        progress = _Progress(self._say, "starting the embedded PostgreSQL")
        launches = 0
        while True:
            found = self._attach(layout)
            if found is not None:
                return found
            with locks.held_if_free(layout.starter_lock) as we_start:
                if we_start and not locks.is_held(layout.supervisor_lock):
                    _raise_if_failed(layout, seen)
                    if launches == _MOST_LAUNCHES:
                        raise errors.supervisor_failed(state.tail(layout.log_file), layout.log_file)
                    launches += 1
                    if not layout.data_dir.exists():
                        self._say(f"a new book is made in {self._home}")
                    self._launch(layout)
            known = state.read_state(layout.state_file)
            progress.tick("recovering the database after a crash" if _recovers(known) else None)
            time.sleep(0.02)

    def _make_base(self) -> Path:
        from infrastructure.postgres.embedded.users import server_user

        planned = self._layout()
        return make_base(self._home, server_user(self._db_user, planned.data_dir))

    def _launch(self, layout: Layout) -> None:
        """Check what can be checked here, where the person waits; then start a supervisor."""
        import secrets
        import subprocess

        from infrastructure.postgres.embedded.binaries import check_major, find_binaries
        from infrastructure.postgres.embedded.supervisor import MODULE, Order

        binaries = find_binaries(self._binaries)
        check_major(layout, binaries)
        _check_space(layout)
        order = Order(
            home=Path(os.path.realpath(self._home)),
            base=layout.base,
            binaries=binaries,
            socket_dir=layout.socket_dir(self._runtime_dir, self._server_user(layout)),
            run=secrets.token_hex(8),
            db_user=self._db_user,
            idle_seconds=self._idle_seconds,
            patience=self._stop_patience,
        )
        flags = os.O_WRONLY | os.O_APPEND | os.O_CREAT | os.O_NOFOLLOW | os.O_CLOEXEC
        log = os.open(layout.log_file, flags, 0o600)
        try:
            locks.give_to_owner_of(layout.base, log)
            mark = os.fstat(log).st_size
            done = subprocess.run(
                [sys.executable, "-m", MODULE, *order.arguments()],
                env=self._environment,
                cwd=Path(__file__).parents[3],  # where our packages are, installed or not
                stdin=subprocess.DEVNULL, stdout=log, stderr=log, start_new_session=True, check=False,
            )  # fmt: skip
        finally:
            os.close(log)
        if done.returncode != 0:
            raise errors.supervisor_failed(state.tail(layout.log_file, since=mark), layout.log_file)


def _check_space(layout: Layout) -> None:
    """Say it before PostgreSQL does: a new database takes 40 MB and 16 MB of WAL; a start, a little."""
    import shutil

    needed = 1_000_000 if layout.has_data else 64_000_000
    if shutil.disk_usage(layout.base).free < needed:
        raise errors.disk_full(layout.base)


class _Progress:
    """Says what takes long, once for each thing."""

    def __init__(self, say: Callable[[str], None], usual: str) -> None:
        self._say = say
        self._usual = usual
        self._began = time.monotonic()
        self._said: str | None = None

    def tick(self, what: str | None = None) -> None:
        text = what or self._usual
        if time.monotonic() - self._began > _SAY_AFTER and text != self._said:
            self._say(text)
            self._said = text


def _url(socket_dir: Path) -> str:
    """Host in the query, because libpq takes a path there whatever characters it has."""
    host = quote(os.fsencode(socket_dir), safe="")
    return f"postgresql:///{wire.DATABASE}?host={host}&port=5432&user={wire.SUPERUSER}"


def _lives(pid: int) -> bool:
    from infrastructure.postgres.embedded.processes import exists

    return exists(pid)


def _recovers(known: state.State | None) -> bool:
    return known is not None and known.phase == state.RECOVERING


def _stoppable(layout: Layout, *, supervised: bool) -> set[int]:
    """Whom to ask to stop: the supervisor; a server that lost it only when there is none."""
    from infrastructure.postgres.embedded.cluster import previous_server
    from infrastructure.postgres.embedded.processes import is_supervisor_of
    from infrastructure.postgres.embedded.supervisor import MODULE

    if supervised:
        known = state.read_state(layout.state_file)
        if known is not None and is_supervisor_of(known.supervisor_pid, MODULE, layout.base):
            return {known.supervisor_pid}
        return set()
    orphan = previous_server(layout)
    return {orphan} if orphan else set()


def _raise_if_failed(layout: Layout, seen: str) -> None:
    """Tell the error of a supervisor that failed since we began to wait; an older one's is history."""
    known = state.read_state(layout.state_file)
    if known is not None and known.phase == state.FAILED and known.run != seen:
        raise errors.EmbeddedPostgresError(known.message, hint=known.hint)
