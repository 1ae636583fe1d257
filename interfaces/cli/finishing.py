"""Finishing an erasure or a rotation, told on standard error."""

from __future__ import annotations

from typing import TYPE_CHECKING

from interfaces import finishing
from interfaces.cli.console import note, say

if TYPE_CHECKING:
    from application.ports.keys import Rotated
    from interfaces.book import Book


def finish(book: Book) -> tuple[Rotated, bool]:
    """Rewrite the read models' tables and rotate the keys; say what could not be done now."""
    shown = 0

    def progress(done: int, of: int) -> None:
        nonlocal shown
        if of and (percent := 100 * done // of) >= shown + 10:
            shown = percent
            note(f"Wrapping keys anew: {percent} %")

    rotated, scrubbed = finishing.finish(
        book, progress, rewriting=lambda: note("Rewriting the tables of the read models…")
    )
    if not (scrubbed and rotated.rewritten):
        say(
            "Some tables were in use and were not rewritten: deleted rows stay in them until then. "
            "Do it when it is quiet: daybook keys rotate"
        )
    return rotated, scrubbed
