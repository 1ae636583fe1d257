"""What happens when something happened that nobody foresaw.

Invariant: a crash report holds where it happened and what kind of error it was, and never what a person
or a model wrote: no messages of foreign exceptions, no values, no arguments.
"""

from __future__ import annotations

from collections.abc import Sequence
from pathlib import Path

from interfaces.cli.console import say
from interfaces.cli.host import Host
from interfaces.cli.lazy import COMMANDS
from interfaces.errors import Exit
from interfaces.faults import DISK_FULL, kinds_and_places


def report(host: Host, argv: Sequence[str], problem: Exception) -> int:
    """Say that it happened and where the details are; return the exit code."""
    if isinstance(problem, OSError) and problem.errno in DISK_FULL:
        say("daybook: The disk is full. What was recorded before is safe; free some space and try again.")
        return Exit.FAILED
    where = _write(host, argv, problem)
    details = f"Details, without any of your text: {where}" if where else "The details could not be written."
    say(
        f"daybook: Something failed that Daybook did not expect ({type(problem).__name__}). "
        f"What was recorded before is safe. {details}"
    )
    return Exit.FAILED


def details(host_version: str, argv: Sequence[str], problem: BaseException) -> str:
    """Return the text of a report: the command's name, and the kinds and places of the errors."""
    import platform

    known = {entry.name for entry in COMMANDS}
    command = next((word for word in argv if word in known), "(none)")
    lines = [
        f"daybook {host_version}, Python {platform.python_version()}",
        f"on {platform.system()} {platform.machine()}",
        f"command: {command}",
    ]
    return "\n".join([*lines, "", *kinds_and_places(problem)]) + "\n"


def _write(host: Host, argv: Sequence[str], problem: Exception) -> Path | None:
    import tempfile

    text = details(host.version, argv, problem)
    try:
        folder = Path(host.paths()["state"])
        folder.mkdir(parents=True, exist_ok=True)
        handle, name = tempfile.mkstemp(prefix="crash-", suffix=".txt", dir=folder)
    except Exception:  # noqa: BLE001 - a report about an error must not end in another
        return None
    with open(handle, "w", encoding="utf-8", errors="replace") as file:  # noqa: PTH123 - an open descriptor
        file.write(text)
    return Path(name)
