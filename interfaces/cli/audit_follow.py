"""`daybook audit log -f`: each event as it comes.

Invariant: every event behind the place where it began is shown once and in order, also when notifications are
lost: what wakes it only makes it look.
"""

from __future__ import annotations

from typing import TYPE_CHECKING

from interfaces.cli.audit import stream_of
from interfaces.cli.console import clean, flush, local, one_line, out, out_json

if TYPE_CHECKING:
    from collections.abc import Sequence

    from interfaces.book import Book
    from interfaces.parts import RecordedHead
    from projections.trail.queries import Filter

_BATCH = 1_000


def follow_log(book: Book, wanted: Filter, place: int, *, as_json: bool) -> None:
    """Print what happens from a log index on, until somebody wants no more."""
    names: dict[str, str] = {}
    flush()
    for size in book.events.follow(place):
        while place < size:
            batch = book.trail.events(wanted, low=place, high=size, limit=_BATCH)
            _print(book, batch, names, as_json=as_json)
            place = batch[-1].log_index + 1 if len(batch) == _BATCH else size
        flush()


def _print(book: Book, batch: Sequence[RecordedHead], names: dict[str, str], *, as_json: bool) -> None:
    from interfaces.audit_views import names_of_actors, with_names

    if as_json:
        for view in with_names(book, batch):
            out_json(view)
        return
    if any(one.actor not in names for one in batch):
        names |= dict.fromkeys((one.actor for one in batch), "") | dict(names_of_actors(book, batch))
    for one in batch:
        who = one_line(names.get(one.actor)) or one.actor[-8:]
        what = f"{one.log_index:<5}  {local(one.time)}  {one.event.type_name:<29}"
        out(clean(f"{what}  {stream_of(one):<12}  {who:<8}  {one.source}"))
