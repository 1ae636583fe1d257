"""What is told while something is erased or keys are wrapped anew."""

from __future__ import annotations

from typing import TYPE_CHECKING

from interfaces.cli.console import note, say
from interfaces.parts import Told

if TYPE_CHECKING:
    from application.ports.keys import KeysProgress

IN_USE = (
    "Some tables were in use and were not rewritten: deleted rows stay in them until then. "
    "Do it when it is quiet: daybook keys rotate"
)


def telling() -> Told:
    """Return what tells of how far it is."""
    return Told(percentages(), lambda: note("Rewriting the tables of the read models…"))


def say_unfinished(*, finished: bool) -> None:
    """Say what could not be done now."""
    if not finished:
        say(IN_USE)


def percentages() -> KeysProgress:
    """Return what tells of a rotation's progress, every tenth of it."""
    shown = 0

    def progress(done: int, of: int) -> None:
        nonlocal shown
        if of and (percent := 100 * done // of) >= shown + 10:
            shown = percent
            note(f"Wrapping keys anew: {percent} %")

    return progress
