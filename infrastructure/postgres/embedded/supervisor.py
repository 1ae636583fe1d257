"""The process that owns the embedded server.

One lives for each base, as the holder of `supervisor.lock`: `python -m
infrastructure.postgres.embedded.supervisor`. It makes the database if there is none, keeps `postgres` as its
direct child, starts it again when it dies (ever more slowly, and not for ever), rotates the log, and stops it
on SIGTERM or after a time without clients. It needs the standard library alone, sleeps almost always, and
ends when its server ends for good. What it has to tell goes into the state file, because nobody waits for it.
"""

import os
import select
import shutil
import signal
import sys
import time
from contextlib import suppress
from dataclasses import dataclass, replace
from pathlib import Path
from typing import TYPE_CHECKING

from infrastructure.postgres.embedded import cluster, errors, locks, state, wire
from infrastructure.postgres.embedded.binaries import Binaries, check_major, readable_for
from infrastructure.postgres.embedded.layout import Layout
from infrastructure.postgres.embedded.users import ServerUser, server_user

if TYPE_CHECKING:
    from infrastructure.postgres.embedded.cluster import Child

MODULE = "infrastructure.postgres.embedded.supervisor"
_RECOVERING_AFTER = 3.0
_STEADY_AFTER = 5.0
_MOST_FAILED_STARTS = 5
_MOST_SHORT_LIVES = 100
_LARGEST_LOG = 5_000_000


@dataclass(frozen=True)
class Order:
    """What the starting command asks for."""

    home: Path
    base: Path
    binaries: Binaries
    socket_dir: Path
    run: str
    db_user: str | None
    idle_seconds: float
    patience: float

    def arguments(self) -> list[str]:
        """As a command line."""
        given = {
            "--base": str(self.base), "--home": str(self.home),
            "--binaries": str(self.binaries.directory), "--version": self.binaries.version,
            "--socket-dir": str(self.socket_dir), "--run": self.run, "--db-user": self.db_user or "",
            "--idle-seconds": str(self.idle_seconds), "--patience": str(self.patience),
        }  # fmt: skip
        return [word for pair in given.items() for word in pair]

    @classmethod
    def parse(cls, arguments: list[str]) -> "Order":
        """Back from a command line that `arguments` made."""
        given = dict(zip(arguments[::2], arguments[1::2], strict=True))
        return cls(
            home=Path(given["--home"]), base=Path(given["--base"]),
            binaries=Binaries(Path(given["--binaries"]), given["--version"]),
            socket_dir=Path(given["--socket-dir"]), run=given["--run"], db_user=given["--db-user"] or None,
            idle_seconds=float(given["--idle-seconds"]), patience=float(given["--patience"]),
        )  # fmt: skip


class Wakeups:
    """Sleep that a signal ends at once: our child's death, or the wish that we stop."""

    def __init__(self) -> None:
        self.stop_wished = False
        self._reader, writer = os.pipe()
        for end in (self._reader, writer):
            os.set_blocking(end, False)
        signal.pthread_sigmask(signal.SIG_SETMASK, [])  # whatever the starting command had blocked
        signal.set_wakeup_fd(writer, warn_on_full_buffer=False)
        signal.signal(signal.SIGCHLD, lambda *_: None)
        for wish in (signal.SIGTERM, signal.SIGINT, signal.SIGHUP):
            signal.signal(wish, self._wish_stop)

    def _wish_stop(self, *_: object) -> None:
        self.stop_wished = True

    def sleep(self, seconds: float) -> None:
        """Sleep this long, or until a signal."""
        if select.select([self._reader], [], [], seconds)[0]:
            with suppress(BlockingIOError):
                os.read(self._reader, 512)


class Supervisor:
    """One server from its start to its end."""

    def __init__(self, order: Order, supervisor_lock: int) -> None:
        self._order = order
        self._layout = Layout(order.base)
        self._supervisor_lock = supervisor_lock
        self._clients_lock = locks.open_lock(self._layout.clients_lock)
        self._wakeups = Wakeups()
        self._binaries = order.binaries
        self._child: Child | None = None
        self._ever_ready = False
        self._made_socket_dir = False
        self._done = False
        self._state = state.State(
            run=order.run, phase=state.STARTING, supervisor_pid=os.getpid(), socket_dir=str(order.socket_dir),
            binaries=str(order.binaries.directory), version=order.binaries.version,
        )  # fmt: skip
        self._user: ServerUser | None = None

    def run(self) -> int:
        """Serve until there is a reason to end."""
        self._note(state.STARTING)
        try:
            self._prepare()
            self._serve()
        except errors.EmbeddedPostgresError as error:
            return self._fail(error)
        except OSError as error:
            return self._fail(errors.from_os_error(error, self._layout.base))
        finally:
            self._stop_child()
            if self._made_socket_dir and not _lies_in(self._order.socket_dir, self._layout.base):
                with suppress(OSError):
                    self._order.socket_dir.rmdir()
        if self._home_is_gone():
            if not _lies_in(self._layout.base, self._order.home):
                shutil.rmtree(self._layout.base, ignore_errors=True)
        else:
            self._note(state.STOPPED, postgres_pid=0)
        self._say("stopped")
        return 0

    def _prepare(self) -> None:
        self._user = server_user(self._order.db_user, self._layout.data_dir)
        self._binaries = readable_for(self._order.binaries, self._user, self._layout)
        self._state = replace(self._state, binaries=str(self._binaries.directory))
        check_major(self._layout, self._binaries)
        lock = self._take_server_lock()
        try:
            if lock >= 0 and not self._layout.has_data:
                self._make_database(lock)
        finally:
            if lock >= 0:
                os.close(lock)

    def _make_database(self, server_lock: int) -> None:
        cluster.clear_leftovers(self._layout)
        self._say("making a new database")
        mark = self._layout.log_file.stat().st_size
        fresh = cluster.fresh_data_dir(self._layout, self._user)
        try:
            self._child = cluster.start_child(
                cluster.initdb_arguments(self._binaries, fresh),
                user=self._user, server_lock=server_lock, log=sys.stderr, death=signal.SIGTERM,
            )  # fmt: skip
            while self._child.poll() is None:
                if self._wakeups.stop_wished:
                    self._child.terminate()  # initdb clears away what it made
                self._wakeups.sleep(1)
            status, self._child = self._child.returncode, None
            if self._wakeups.stop_wished:
                return
            if status != 0:
                raise errors.initdb_failed(
                    state.tail(self._layout.log_file, since=mark), self._layout.data_dir
                )
            cluster.accept_data_dir(self._layout, fresh)
        finally:
            shutil.rmtree(fresh, ignore_errors=True)

    def _serve(self) -> None:
        """Keep a server alive."""
        failed_starts = short_lives = 0
        while not self._ends():
            mark = self._layout.log_file.stat().st_size
            ready_for = self._one_life()
            if self._ends() or self._home_is_going(look_for_socket=False):
                return
            failed_starts = 0 if ready_for else failed_starts + 1
            short_lives = short_lives + 1 if ready_for < _STEADY_AFTER else 0
            most = _MOST_FAILED_STARTS if self._ever_ready else 1
            if failed_starts > most or short_lives > _MOST_SHORT_LIVES:
                said = state.tail(self._layout.log_file, since=mark)
                raise errors.server_does_not_start(said, self._layout.data_dir, self._layout.log_file)
            self._say("the server ended; starting it again")
            self._note(state.RESTARTING, postgres_pid=0)
            # One that served and was killed is wanted back soon; one that cannot start needs a person.
            self._wakeups.sleep(0.1 * 2**failed_starts if failed_starts else min(0.1 * short_lives, 1.0))

    def _one_life(self) -> float:
        """Start the server and watch it until it is gone; for how long it was ready."""
        lock = self._take_server_lock()
        if lock < 0:
            return 0.0
        cluster.clear_stale_pid_file(self._layout)
        cluster.make_socket_dir(self._order.socket_dir, self._user)
        self._made_socket_dir = True
        arguments = cluster.server_arguments(self._binaries, self._layout, self._order.socket_dir)
        began = time.monotonic()
        self._child = child = cluster.start_child(
            arguments, user=self._user, server_lock=lock, log=sys.stderr, death=cluster.STOP_FAST
        )
        os.close(lock)  # from here on held by the server's processes alone, for as long as one of them lives
        self._note(state.RESTARTING if self._ever_ready else state.STARTING, postgres_pid=child.pid)
        while not self._is_ready(child):
            if child.poll() is not None or self._wakeups.stop_wished:
                return 0.0
            if time.monotonic() - began > _RECOVERING_AFTER and self._state.phase != state.RECOVERING:
                self._note(state.RECOVERING)
            self._wakeups.sleep(0.02)
        self._ever_ready = True
        self._note(state.READY)
        ready_at = time.monotonic()
        self._watch(child)
        return time.monotonic() - ready_at

    def _is_ready(self, child: "Child") -> bool:
        claim = state.read_pid_file(self._layout.data_dir)
        if claim is None or claim.pid != child.pid or claim.status != "ready":
            return False
        return wire.is_ready(self._order.socket_dir)

    def _watch(self, child: "Child") -> None:
        """Sleep beside a ready server until it dies or there is a reason to stop it."""
        pause = min(max(self._order.idle_seconds / 10, 0.05), 5.0)
        busy_at = time.monotonic()
        last_came = os.fstat(self._clients_lock).st_mtime_ns
        while child.poll() is None and not self._wakeups.stop_wished:
            self._wakeups.sleep(pause)
            self._rotate_log()
            if self._home_is_going():
                self._done = True
                return
            if not cluster.socket_is_there(self._order.socket_dir) and child.poll() is None:
                self._say("the socket is gone; starting the server again")
                self._stop_child()
                return
            came = os.fstat(self._clients_lock).st_mtime_ns
            alone = locks.try_lock(self._clients_lock)
            if not alone or came != last_came:
                busy_at, last_came = time.monotonic(), came
            elif time.monotonic() - busy_at >= self._order.idle_seconds:
                if self._nobody_is_connected():
                    # The lock stays ours until we are gone: whoever comes now waits, and starts the next
                    # supervisor.
                    self._say("no clients for a while")
                    self._done = True
                    return
                busy_at = time.monotonic()
            if alone:
                locks.unlock(self._clients_lock)

    def _nobody_is_connected(self) -> bool:
        """Other programs (psql, a backup) hold no lock of ours; the server knows them."""
        try:
            return wire.count_clients(self._order.socket_dir) == 0
        except (OSError, wire.ServerRefusedError):
            return False

    def _take_server_lock(self) -> int:
        """Wait until no process of an earlier server is left: the lock's descriptor; -1 if told to stop."""
        lock = locks.open_lock(self._layout.server_lock)
        asked = 0
        while not self._wakeups.stop_wished:
            orphan = cluster.previous_server(self._layout)
            if not orphan and locks.try_lock(lock):
                return lock
            if orphan and orphan != asked:
                self._say(f"ending a server that lost its supervisor (pid {orphan})")
                with suppress(ProcessLookupError):
                    os.kill(orphan, cluster.STOP_FAST)
                asked = orphan
            self._wakeups.sleep(0.05)
        os.close(lock)
        return -1

    def _stop_child(self) -> None:
        """SIGINT, wait, SIGQUIT, wait. Never SIGKILL: PostgreSQL ends by itself and leaves nothing behind."""
        child = self._child
        if child is None or child.poll() is not None:
            return
        if not self._home_is_gone():
            self._note(state.STOPPING)
        child.send_signal(cluster.STOP_FAST)
        deadline = time.monotonic() + self._order.patience
        while child.poll() is None:
            if time.monotonic() > deadline:
                self._say("a fast stop takes too long; stopping at once, the next start recovers")
                child.send_signal(cluster.STOP_NOW)
                deadline = float("inf")
            self._wakeups.sleep(0.2)

    def _ends(self) -> bool:
        return self._done or self._wakeups.stop_wished

    def _home_is_gone(self) -> bool:
        """Whether the home was removed under us, or its files are no longer the ones we hold."""
        try:
            same = os.path.samestat(os.fstat(self._supervisor_lock), self._layout.supervisor_lock.stat())
            return not same or not self._order.home.exists()
        except FileNotFoundError:
            return True
        except OSError:
            return False

    def _home_is_going(self, *, look_for_socket: bool = True) -> bool:
        """Whether the home is gone, after a pause if it looks as if it were being removed just now."""
        socket_is_missing = look_for_socket and not cluster.socket_is_there(self._order.socket_dir)
        if socket_is_missing or not self._layout.has_data:
            self._wakeups.sleep(1)
        return self._home_is_gone()

    def _rotate_log(self) -> None:
        """Keep one old log. It is copied and emptied, not renamed: the server writes on to the same file."""
        log = self._layout.log_file
        with suppress(OSError):
            if log.stat().st_size > _LARGEST_LOG:
                old = log.with_name(f"{log.name}.1")
                shutil.copyfile(log, old.with_suffix(".new"), follow_symlinks=False)
                old.with_suffix(".new").replace(old)
                os.truncate(log, 0)

    def _note(self, phase: str, postgres_pid: int | None = None) -> None:
        pid = self._state.postgres_pid if postgres_pid is None else postgres_pid
        self._state = replace(self._state, phase=phase, postgres_pid=pid)
        state.write_state(self._layout.state_file, self._state)

    def _fail(self, error: errors.EmbeddedPostgresError) -> int:
        self._stop_child()
        self._say(error.message)
        failed = replace(
            self._state, phase=state.FAILED, postgres_pid=0, message=error.message, hint=error.hint
        )
        with suppress(OSError):
            state.write_state(self._layout.state_file, failed)
        return 1

    def _say(self, text: str) -> None:
        stamp = time.strftime("%Y-%m-%d %H:%M:%S UTC", time.gmtime())
        with suppress(OSError):
            sys.stderr.write(f"{stamp} [{os.getpid()}] supervisor: {text}\n")
            sys.stderr.flush()


def _lies_in(path: Path, directory: Path) -> bool:
    return Path(os.path.realpath(path)).is_relative_to(os.path.realpath(directory))


def main(arguments: list[str]) -> int:
    """Take the lock, let the starting command go on, and serve.

    The first process ends only after it has the lock, so the command that waits for it knows that a
    supervisor lives; its fork goes on with the same lock and is nobody's child.
    """
    order = Order.parse(arguments)
    os.chdir("/")
    os.umask(0o077)
    lock = locks.open_lock(Layout(order.base).supervisor_lock)
    if not locks.lock_within(lock, 1.0):
        return 0  # another supervisor was faster
    if os.fork() != 0:
        os._exit(0)
    return Supervisor(order, lock).run()


if __name__ == "__main__":
    sys.exit(main(sys.argv[1:]))
