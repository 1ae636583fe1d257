"""What follows an erasure and may be done again at any time: tables rewritten, keys wrapped anew."""

from __future__ import annotations

from collections.abc import Callable
from typing import TYPE_CHECKING

if TYPE_CHECKING:
    from application.ports.keys import KeysProgress, Rotated
    from interfaces.book import WholeBook


def finish(
    book: WholeBook, progress: KeysProgress | None = None, *, rewriting: Callable[[], None] = lambda: None
) -> tuple[Rotated, bool]:
    """Rewrite the read models' tables and rotate the keys.

    Returns what the rotation did, and whether all tables could be rewritten. `rewriting` is called before
    they are.
    """
    scrubbed = True
    if book.keys.status().erased_count:
        rewriting()
        book.read_models.catch_up()
        scrubbed = book.read_models.scrub()
    return book.keys.rotate(progress), scrubbed
