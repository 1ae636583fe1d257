"""A table on a terminal of any width.

Invariant: ids, log indexes and times are whole or not there at all, since a part of an id finds nothing:
only the columns that are named as giving way are made narrower, and only whole columns are left out.
"""

from __future__ import annotations

from collections.abc import Iterable, Sequence
from typing import TYPE_CHECKING

from rich.cells import cell_len
from rich.table import Table
from rich.text import Text

if TYPE_CHECKING:
    from rich.console import Console

_BETWEEN = 2


def print_table(
    console: Console,
    headers: Sequence[str],
    rows: Sequence[Sequence[str]],
    *,
    stretch: Sequence[int] = (),
    optional: Sequence[int] = (),
    wrap: bool = False,
    narrowest: int = 12,
) -> None:
    """Print a table; the terminal itself wraps what even then is too wide."""
    needed = [max(cell_len(row[at]) for row in [headers, *rows]) for at in range(len(headers))]
    widths = fitted(needed, console.width, stretch, optional, narrowest)
    console.width = max(console.width, _whole(widths.values()))
    made = Table(box=None, pad_edge=False, header_style="bold")
    for at, width in widths.items():
        gives_way = wrap and at in stretch
        made.add_column(
            headers[at], overflow="fold" if gives_way else "ellipsis", no_wrap=not gives_way, width=width
        )
    for row in rows:
        made.add_row(*(Text(row[at]) for at in widths))
    console.print(made)


def fitted(
    needed: Sequence[int],
    room: int,
    stretch: Sequence[int],
    optional: Sequence[int],
    narrowest: int = 12,
) -> dict[int, int]:
    """Return the width of each column that is shown, by its place."""
    widths = dict(enumerate(needed))
    least = {at: min(width, narrowest) if at in stretch else width for at, width in widths.items()}
    for at in optional:
        if _whole(least.values()) <= room:
            break
        del widths[at], least[at]
    for at in stretch:
        over = _whole(widths.values()) - room
        if over > 0 and at in widths:
            widths[at] = max(least[at], widths[at] - over)
    return widths


def _whole(widths: Iterable[int]) -> int:
    each = list(widths)
    return sum(each) + _BETWEEN * (len(each) - 1)
