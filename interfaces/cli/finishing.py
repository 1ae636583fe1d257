"""What follows an erasure and may be done again at any time: tables rewritten, keys wrapped anew."""

from __future__ import annotations

from typing import TYPE_CHECKING

from interfaces import finishing
from interfaces.cli.console import note, say

if TYPE_CHECKING:
    from application.ports.keys import KeysProgress, Rotated
    from interfaces.book import Book

IN_USE = (
    "Some tables were in use and were not rewritten: deleted rows stay in them until then. "
    "Do it when it is quiet: daybook keys rotate"
)


def finish(book: Book) -> tuple[Rotated, bool]:
    """Rewrite the read models' tables and rotate the keys; say what could not be done now."""
    rotated, scrubbed = finishing.finish(
        book, percentages(), rewriting=lambda: note("Rewriting the tables of the read models…")
    )
    if not (scrubbed and rotated.rewritten):
        say(IN_USE)
    return rotated, scrubbed


def percentages() -> KeysProgress:
    """Return what tells of a rotation's progress, every tenth of it."""
    shown = 0

    def progress(done: int, of: int) -> None:
        nonlocal shown
        if of and (percent := 100 * done // of) >= shown + 10:
            shown = percent
            note(f"Wrapping keys anew: {percent} %")

    return progress
