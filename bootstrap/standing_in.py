"""The release before answers while the database is not migrated to this one.

Where `daybook serve` finds the database in the form of an earlier release, and a copy of that was kept, it
lets the copy serve, and takes its place when the database has been migrated. Commands beside it go there too.

Invariant: two releases never serve here at once; the copy has ended its answers before this one begins.
"""

from __future__ import annotations

import os
import signal
import subprocess
import sys
import tempfile
from collections.abc import Callable, Mapping, Sequence
from contextlib import suppress
from pathlib import Path
from typing import TYPE_CHECKING

from application.errors import DatabaseError
from bootstrap.kept_releases import KeptReleases, Release

if TYPE_CHECKING:
    from types import FrameType

    from infrastructure.postgres.migrate import Form

Say = Callable[[str], None]

# Of this machine, which in a container is the container. It is looked at only where copies are kept.
_SIGN = Path(tempfile.gettempdir()) / "daybook-stands-in"
_LOOK_EVERY_SECONDS = 2.0
_ENDS_WITHIN_SECONDS = 20.0
_SIGNALS = (signal.SIGTERM, signal.SIGINT, signal.SIGHUP)
_KILLED = 128  # and the signal's number, as a shell has it

# What is about this release, and not about the book.
_OWN = frozenset({"serve", "db", "doctor", "restore", "config", "simulate-ollama"})
_PASSED_OVER = frozenset({"--no-pager"})

_NOT_MIGRATED = "the database is not migrated to the new one yet"
_WHY = "Why: docker compose logs migrate   (without Compose: daybook db migrate)"


def give_way(kept: str, arguments: Sequence[str], environment: Mapping[str, str], say: Say) -> None:
    """Let the release that stands in carry out a command, in place of this process; return where none does.

    Args:
        kept: the setting `releases`.
        arguments: the command's.
        environment: the command's.
        say: told who answers.
    """
    command = next((word for word in arguments if word not in _PASSED_OVER), "-")
    if command.startswith("-") or command in _OWN:  # other options may mean another book, or none
        return
    release = KeptReleases(Path(kept)).named(_signed())
    if release is not None:
        say(f"daybook: The release before answers: {_NOT_MIGRATED}. {_WHY}")
        line = release.command(arguments)
        os.execve(line[0], line, _of(release, environment))  # noqa: S606 - no shell is what is wanted


def serve_until_migrated(
    kept: str, found: Form, look: Callable[[], Form], known: Form, environment: Mapping[str, str], say: Say
) -> None:
    """Let an earlier release serve where the database is still its own, until that is migrated.

    Returns at once where nobody has to stand in, or can. Afterwards this process begins anew, or ends as the
    other one did.

    Args:
        kept: the setting `releases`.
        found: the database's form.
        look: looks again for that, or raises a `DatabaseError`.
        known: the form that this release works with.
        environment: for the release that stands in.
        say: told what happens.
    """
    _unsign()
    if not found or found != known[: len(found)] or found == known:
        return
    release = KeptReleases(Path(kept)).fitting(found)
    if release is None:
        return
    say(f"The release before ({release.version}) answers: {_NOT_MIGRATED}. {_WHY}")

    def migrated() -> bool:
        try:
            return look() != found
        except DatabaseError:
            return False

    notice = f"This is the release before: {_NOT_MIGRATED}. All your data is here. {_WHY}"
    theirs = {**_of(release, environment), "DAYBOOK_NOTICE": notice}
    _sign(release)
    code = _run(release.command(sys.argv[1:]), theirs, until=migrated)
    _unsign()
    if code is not None:
        sys.exit(code if code >= 0 else _KILLED - code)
    say("The database has been migrated: this release takes over.")
    os.execv(sys.executable, sys.orig_argv)  # noqa: S606 - no shell is what is wanted


def _run(command: Sequence[str], environment: Mapping[str, str], *, until: Callable[[], bool]) -> int | None:
    """Run a program until it ends, or is ended because something has come about.

    Returns its exit code, None in the second case. A signal that was to end this process goes to the program,
    and makes any end the first case.
    """
    stopped: list[int] = []
    child: subprocess.Popen[bytes] | None = None

    def stop(number: int, _frame: FrameType | None) -> None:
        stopped.append(number)
        if child is not None:
            child.terminate()

    heeded = [number for number in _SIGNALS if signal.getsignal(number) is not signal.SIG_IGN]
    before = {number: signal.signal(number, stop) for number in heeded}
    # In a group of its own: Ctrl-C on a terminal must not reach it twice.
    child = subprocess.Popen(command, env=environment, process_group=0)
    try:
        if stopped:
            child.terminate()
        while child.poll() is None:
            with suppress(subprocess.TimeoutExpired):
                child.wait(_LOOK_EVERY_SECONDS)
            if not stopped and child.poll() is None and until():
                _unsign()
                child.terminate()
                with suppress(subprocess.TimeoutExpired):
                    child.wait(_ENDS_WITHIN_SECONDS)
                child.kill()
                code = child.wait()
                return code if stopped else None
        return child.returncode
    finally:
        child.kill()
        for number, handler in before.items():
            signal.signal(number, handler)


def _sign(release: Release) -> None:
    """Say which release stands in; where that cannot be written, commands say themselves what waits."""
    with suppress(OSError):
        file = os.open(_SIGN, os.O_WRONLY | os.O_CREAT | os.O_TRUNC | os.O_NOFOLLOW, 0o600)
        os.write(file, release.folder.name.encode())
        os.close(file)


def _signed() -> str:
    """Return the name of the release that stands in here; empty where none does, or somebody else says so."""
    try:
        file = os.open(_SIGN, os.O_RDONLY | os.O_NOFOLLOW)
    except OSError:
        return ""
    try:
        return os.read(file, 64).decode(errors="replace") if os.fstat(file).st_uid == os.getuid() else ""
    finally:
        os.close(file)


def _unsign() -> None:
    with suppress(OSError):
        _SIGN.unlink()


def _of(release: Release, environment: Mapping[str, str]) -> dict[str, str]:
    path = os.pathsep.join([str(release.folder / "bin"), environment.get("PATH", os.defpath)])
    return {**environment, "PATH": path, "DAYBOOK_RELEASES": ""}
