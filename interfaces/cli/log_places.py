"""Where in the log somebody means: a log index, or the first event from a moment on.

An event's time never runs backwards, so a moment's place is found by halving, some twenty looks in a million.
"""

from __future__ import annotations

from typing import TYPE_CHECKING

if TYPE_CHECKING:
    from datetime import datetime

    from interfaces.book import Book


def place(book: Book, typed: str, size: int, *, whole_day: bool = False) -> int:
    """Return a log index, or the index of the first event that is not before the moment that is meant.

    `size` where there is none. `whole_day`: of a day its end is meant.

    Raises:
        InvalidInputError: it is neither.
    """
    if typed.strip().isdecimal():
        return int(typed)
    from interfaces.cli.moments import past

    return _first(book, past(typed, book.clock.now(), whole_day=whole_day), size)


def _first(book: Book, moment: datetime, size: int) -> int:
    low, high = 0, size
    while low < high:
        middle = (low + high) // 2
        found = book.events.read(middle, 1)
        if found and found[0].time < moment:
            low = middle + 1
        else:
            high = middle
    return low
