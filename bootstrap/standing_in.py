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
from pathlib import Path
from typing import TYPE_CHECKING

from application.errors import DatabaseError
from bootstrap.kept_releases import KeptReleases, Release

if TYPE_CHECKING:
    from types import FrameType

    from infrastructure.postgres.migrate import Form

Say = Callable[[str], None]

# In a container this is the container's own, and gone with it.
_SIGN = Path(tempfile.gettempdir()) / "daybook-stands-in"
_LOOK_EVERY_SECONDS = 2.0
_SIGNALS = (signal.SIGTERM, signal.SIGINT)

# What is about this release, and not about the book.
_OWN = frozenset({"serve", "db", "doctor", "restore", "config", "simulate-ollama", "--version", "-V"})

_NOT_MIGRATED = "the database could not be migrated to the new one"
_WHY = "Why: docker compose logs migrate   (without Compose: daybook db migrate)"


def give_way(kept: str, arguments: Sequence[str], environment: Mapping[str, str], say: Say) -> None:
    """Let the release that stands in carry out a command, in place of this process; return where none does.

    Args:
        kept: the setting `releases`.
        arguments: the command's.
        environment: the command's.
        say: told who answers.
    """
    if not arguments or arguments[0] in _OWN:
        return
    try:
        release = Path(kept, _SIGN.read_text(encoding="utf-8"))
        if _SIGN.stat().st_uid != os.getuid():
            return
    except OSError:
        return
    if release.is_dir():
        say(f"daybook: The release before answers: {_NOT_MIGRATED}. {_WHY}")
        command = Release(release, "", ()).command(arguments)
        os.execve(command[0], command, _of(release, environment))  # noqa: S606 - no shell is what is wanted


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
    if not found or found != known[: len(found)] or found == known:
        return
    release = KeptReleases(Path(kept)).fitting(found)
    if release is None:
        return
    say(f"The release before ({release.version}) answers: {_NOT_MIGRATED}, and is as it was. {_WHY}")

    def migrated() -> bool:
        try:
            return look() != found
        except DatabaseError:
            return False

    notice = f"This is the release before: {_NOT_MIGRATED}. All your data is here. {_WHY}"
    theirs = {**_of(release.folder, environment), "DAYBOOK_NOTICE": notice}
    _SIGN.write_text(release.folder.name, encoding="utf-8")
    try:
        code = _run(release.command(sys.argv[1:]), theirs, until=migrated)
    finally:
        _SIGN.unlink(missing_ok=True)
    if code is not None:
        sys.exit(code)
    say("The database has been migrated: this release takes over.")
    os.execv(sys.executable, sys.orig_argv)  # noqa: S606 - no shell is what is wanted


def _run(command: Sequence[str], environment: Mapping[str, str], *, until: Callable[[], bool]) -> int | None:
    """Run a program until it ends by itself, or is ended here; return its code, None in the second case."""
    child = subprocess.Popen(command, env=environment)

    def pass_on(number: int, _frame: FrameType | None) -> None:
        child.send_signal(number)

    before = {number: signal.signal(number, pass_on) for number in _SIGNALS}
    try:
        while True:
            try:
                return child.wait(_LOOK_EVERY_SECONDS)
            except subprocess.TimeoutExpired:
                if until():
                    child.terminate()
                    child.wait()
                    return None
    finally:
        child.kill()
        for number, handler in before.items():
            signal.signal(number, handler)


def _of(release: Path, environment: Mapping[str, str]) -> dict[str, str]:
    path = os.pathsep.join([str(release / "bin"), environment.get("PATH", os.defpath)])
    return {**environment, "PATH": path, "DAYBOOK_RELEASES": ""}
