"""Two texts on a terminal: beside each other where there is room, else one above the other; marked in a pipe.

Invariant: no line is wider than the terminal, and every word of both texts is there.
"""

from __future__ import annotations

from collections.abc import Iterator, Sequence
from itertools import zip_longest
from typing import TYPE_CHECKING

from interfaces.cli.console import clean

if TYPE_CHECKING:
    from rich.console import Console
    from rich.text import Text

    from interfaces.comparing.words import Line, Row

NARROWEST = 80
"""The narrowest terminal on which two columns can be read."""

_GUTTERS = {"same": "   ", "changed": " | ", "old": " < ", "new": " > "}
# Without colours (NO_COLOR) what is struck out and what is bold still tell them apart.
_STYLES = {"old": "red strike", "new": "green bold"}


def printed(rows: Sequence[Row], console: Console) -> Iterator[Text]:
    """Yield the lines to print on a terminal."""
    yield from _beside(rows, console) if console.width >= NARROWEST else _above(rows)


def piped(rows: Sequence[Row]) -> Iterator[str]:
    """Yield lines without any style: `[-old words-]`, `{+new words+}`."""
    for row in rows:
        if row.kind == "same":
            yield "  " + _plain(row.old, "", "")
            continue
        if row.old is not None:
            yield "- " + _plain(row.old, "[-", "-]")
        if row.new is not None:
            yield "+ " + _plain(row.new, "{+", "+}")


def _plain(line: Line | None, before: str, after: str) -> str:
    return "".join(
        f"{before}{piece.text}{after}" if piece.changed and before and piece.text else piece.text
        for piece in line or ()
    )


def _beside(rows: Sequence[Row], console: Console) -> Iterator[Text]:
    from rich.text import Text

    width = (console.width - len(_GUTTERS["same"])) // 2
    for row in rows:
        lines = zip_longest(
            _wrapped(row.old, "old", width, console), _wrapped(row.new, "new", width, console)
        )
        for left, right in lines:
            line = left or Text()
            line.pad_right(width - line.cell_len)
            yield Text.assemble(line, (_GUTTERS[row.kind], "dim"), right or Text())


def _wrapped(line: Line | None, side: str, width: int, console: Console) -> list[Text]:
    made = [] if line is None else list(_styled(line, side).wrap(console, width, overflow="fold"))
    for one in made:
        one.rstrip()
    return made


def _above(rows: Sequence[Row]) -> Iterator[Text]:
    from rich.text import Text

    for row in rows:
        if row.kind == "same":
            yield Text("  ") + _styled(row.old or (), "old")
            continue
        if row.old is not None:
            yield Text("- ", style="red") + _styled(row.old, "old")
        if row.new is not None:
            yield Text("+ ", style="green") + _styled(row.new, "new")


def _styled(line: Line, side: str) -> Text:
    from rich.text import Text

    return Text.assemble(
        *((clean(piece.text).expandtabs(4), _STYLES[side] if piece.changed else "") for piece in line)
    )
