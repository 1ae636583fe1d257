"""`daybook stats`: tokens, time, speed and ratings, with a bar for each line of the table."""

from __future__ import annotations

from enum import StrEnum
from typing import TYPE_CHECKING, Annotated

import typer

from interfaces.cli.console import one_line, out_is_terminal, out_json, say, table, terminal
from interfaces.cli.lazy import command_app
from interfaces.cli.moments import WHEN
from interfaces.cli.opening import host_of, opened
from interfaces.cli.paging import paged

if TYPE_CHECKING:
    from collections.abc import Sequence

    from interfaces.usage_views import FiguresView, GroupView, StatsView

app = command_app()

_PIPED_BAR = 20
_LONGEST_BAR = 40
_SHORTEST_BAR = 6
_LONGEST_NAME = 32
_BLOCKS = " ▏▎▍▌▋▊▉█"
_BETWEEN = 2
_MINUTE, _HOUR = 60, 3600


class By(StrEnum):
    """What is counted by."""

    MODEL = "model"
    DAY = "day"
    PROJECT = "project"


@app.command()
def stats(
    ctx: typer.Context,
    *,
    by: Annotated[By, typer.Option("--by", help="What to count by.")] = By.MODEL,
    since: Annotated[
        str | None, typer.Option("--since", metavar="WHEN", help=f"Only from then on: {WHEN}.")
    ] = None,
    until: Annotated[
        str | None,
        typer.Option("--until", metavar="WHEN", help="Only before; a day, week or month is counted whole."),
    ] = None,
    as_json: Annotated[bool, typer.Option("--json", help="Print one JSON document.")] = False,
) -> None:
    """Count tokens, time and ratings, by model, day or project."""
    from interfaces.cli.moments import past, zone
    from interfaces.usage_views import stats as counted

    with opened(host_of(ctx)) as book:
        now = book.clock.now().astimezone()
        first = past(since, now) if since is not None else None
        last = past(until, now, whole_day=True) if until is not None else None
        found = counted(book, by.value, since=first, until=last, zone=zone(now))
    if as_json:
        out_json(found)
    elif not found.groups:
        say("No answer in this time." if first or last else 'No answer yet. Ask: daybook ask "your question"')
    else:
        with paged(ctx):
            _print(found)


def _print(found: StatsView) -> None:
    most = max(group.completion_tokens for group in found.groups)
    heads = (found.by.upper(), "ANSWERS", "IN", "OUT", "TOKENS/S", "TIME", "+1", "-1")
    cells = [_cells(_name(group), group) for group in found.groups]
    cells.append(_cells("all", found.total))
    width = bar_width([heads, *cells], terminal().width if out_is_terminal() else None)
    bars = [bar(group.completion_tokens, most, width) for group in found.groups] + [""]
    rows = [(row[0], row[1], drawn, *row[2:]) for row, drawn in zip(cells, bars, strict=True)]
    # Where even the shortest bar has no room, waits and inputs make way before it does.
    table((*heads[:2], "", *heads[2:]), rows, stretch=(0,), optional=(3, 6, 7, 8, 5, 2), narrowest=10)
    unfinished = found.total.answer_count - found.total.complete_count
    if unfinished:
        say(f"{unfinished} of {found.total.answer_count} answers did not come to their end.")


def _name(group: GroupView) -> str:
    if group.model is not None or group.day is not None:
        return one_line(group.model or group.day)
    if group.project_id is None:
        return "(no project)"
    from domain.ids import short

    return one_line(group.project_name) or f"({short(group.project_id)})"


def _cells(name: str, found: FiguresView) -> tuple[str, ...]:
    speed = found.tokens_per_second
    return (
        name if len(name) <= _LONGEST_NAME else name[: _LONGEST_NAME - 1] + "…",
        str(found.answer_count),
        short_number(found.prompt_tokens),
        short_number(found.completion_tokens),
        "" if speed is None else f"{speed:.1f}",
        length(found.total_ms),
        str(found.up_count or ""),
        str(found.down_count or ""),
    )


def bar_width(rows: Sequence[Sequence[str]], room: int | None) -> int:
    """Return how long the longest bar may be beside these cells; in a pipe (None) there is room."""
    if room is None:
        return _PIPED_BAR
    needed = sum(max(len(row[at]) for row in rows) + _BETWEEN for at in range(len(rows[0])))
    return max(_SHORTEST_BAR, min(_LONGEST_BAR, room - needed))


def bar(value: int, most: int, width: int) -> str:
    """Return a bar, to an eighth of a character; whatever is not nothing can be seen."""
    if value <= 0 or most <= 0:
        return ""
    eighths = max(1, round(value / most * width * 8))
    return "█" * (eighths // 8) + _BLOCKS[eighths % 8].strip()


def short_number(value: int) -> str:
    """Return a number in four or five characters."""
    if value < 10_000:  # noqa: PLR2004 - what fits as it is
        return str(value)
    for unit, size in (("k", 1_000), ("M", 1_000_000)):
        if value < size * 1_000:
            return f"{value / size:.1f}{unit}" if value < size * 100 else f"{value // size}{unit}"
    return f"{value / 1_000_000_000:.1f}G"


def length(ms: float) -> str:
    """Return a length of time as people read it."""
    seconds = ms / 1000
    if seconds < _MINUTE:
        return f"{seconds:.1f} s" if seconds else ""
    if seconds < _HOUR:
        return f"{seconds / _MINUTE:.1f} min"
    return f"{seconds / _HOUR:.1f} h"
