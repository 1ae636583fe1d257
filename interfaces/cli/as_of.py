"""`--as-of`: the moment that is meant, what is asked of then, and the line that says which one it was."""

from __future__ import annotations

from typing import TYPE_CHECKING, Annotated, TypeAlias

import typer

from interfaces.cli.console import local, say

if TYPE_CHECKING:
    from datetime import datetime

    from interfaces.book import Book
    from interfaces.past_parts import Seen
    from projections.past.history import Moment

AsOf: TypeAlias = Annotated[
    str | None,
    typer.Option(
        "--as-of",
        metavar="WHEN|INDEX",
        help="Show it as it was: at a moment (yesterday, 3d, '2026-03-01 14:30'; a day to its end), or after "
        "the event of a log index.",
    ),
]


def meant(book: Book, typed: str) -> int | datetime:
    """Return the log index or the moment that is meant; digits alone are an index.

    Raises:
        InvalidInputError: it is neither.
    """
    if typed.strip().isdecimal():
        return int(typed)
    from interfaces.cli.moments import past

    return past(typed, book.clock.now().astimezone(), whole_day=True)


def seen(book: Book, as_of: str | None) -> tuple[Book | Seen, Moment | None]:
    """Return what queries are asked of, and the moment it is of (None: now).

    Raises:
        InvalidInputError: the moment is none.
        NotFoundError: the log does not reach there.
    """
    if as_of is None:
        return book, None
    then = book.past.at(meant(book, as_of))
    return then, then.moment


def tell(moment: Moment | None) -> None:
    """Say of which moment something is shown, unless it is now."""
    if moment is not None:
        say(f"As of {local(moment.time, seconds=True)}, event {moment.log_index:,} of the log.")
