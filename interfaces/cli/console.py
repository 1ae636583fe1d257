"""The terminal and the streams, for all commands: what is said where, and how it looks.

Invariants: results go to standard output, everything else to standard error; colour and progress appear
only on a terminal; text from outside never reaches a terminal with control characters in it. Nothing
here imports rich unless a terminal is written to.
"""

from __future__ import annotations

import os
import sys
from collections.abc import Callable, Sequence
from datetime import datetime
from typing import TYPE_CHECKING, Any

if TYPE_CHECKING:
    from rich.console import Console

    from domain.errors import DaybookError

_INDENT_AFTER = "  "
_USUAL_WIDTH = 80
_KEPT = "\n\t"
_held_back: list[list[str]] = []
_INVISIBLE = {
    **{code: None for code in (*range(0x20), 0x7F, *range(0x80, 0xA0)) if chr(code) not in _KEPT},
    **dict.fromkeys((*range(0x202A, 0x202F), *range(0x2066, 0x206A)), None),
}


def out_is_terminal() -> bool:
    """Whether standard output is a terminal."""
    return sys.stdout.isatty()


def can_ask() -> bool:
    """Whether there is a person at a terminal to ask."""
    return sys.stdin is not None and sys.stdin.isatty() and sys.stderr.isatty()


def out(text: str) -> None:
    """Write one line of result."""
    sys.stdout.write(text + "\n")


def out_json(view: Any) -> None:
    """Write one JSON document on one line."""
    from interfaces.views import to_json

    out(to_json(view))


def flush() -> None:
    """Let whoever reads the output have it now; in a pipe it waits for more."""
    sys.stdout.flush()


def say(text: str) -> None:
    """Tell the person something that is no result: on a terminal no line of it breaks inside a word."""
    if _held_back:
        _held_back[-1].append(text)
        return
    shown = at_words(text, _error_width()) if sys.stderr.isatty() else text
    sys.stderr.write(shown + "\n")
    sys.stderr.flush()


def hold_back() -> None:
    """Keep what is said from now on: a pager has the screen."""
    _held_back.append([])


def say_what_was_held_back() -> None:
    """Say it, and all that follows at once again."""
    for text in _held_back.pop():
        say(text)


def say_cut(text: str) -> None:
    """Tell the person something of one line: on a terminal no more of it than fits."""
    width = _error_width() if sys.stderr.isatty() else len(text)
    say(text if len(text) <= width else f"{text[: width - 1]}…")


def say_dim(text: str) -> None:
    """Tell the person something by the way."""
    if sys.stderr.isatty():
        terminal(stderr=True).print(text, style="dim", markup=False)
    else:
        say(text)


def at_words(text: str, width: int) -> str:
    """Return text in lines of this width; what is set off by two spaces stays below itself."""
    import textwrap

    lines = []
    for line in text.split("\n"):
        if len(line) <= width:
            lines.append(line)
            continue
        gap = line.rstrip().rfind(_INDENT_AFTER)
        indent = gap + len(_INDENT_AFTER) if 0 < gap < width // 2 else 0
        lines += textwrap.wrap(
            line,
            width,
            subsequent_indent=" " * indent,
            break_long_words=False,
            break_on_hyphens=False,
        )
    return "\n".join(lines)


def _error_width() -> int:
    try:
        return os.get_terminal_size(sys.stderr.fileno()).columns or _USUAL_WIDTH
    except (OSError, ValueError):
        return _USUAL_WIDTH


def note(text: str) -> None:
    """Tell the person what takes longer than a moment; silent where nobody watches."""
    if sys.stderr.isatty():
        say(text)


def tell(problem: DaybookError) -> None:
    """Tell what went wrong, and the next step."""
    sys.stdout.flush()
    say(f"daybook: {clean(problem.message)}")
    if problem.hint:
        say(f"  → {clean(problem.hint)}")


def drop_output() -> None:
    """Nobody reads standard output any more: send what is still to come nowhere, so that leaving is quiet."""
    nowhere = os.open(os.devnull, os.O_WRONLY)
    os.dup2(nowhere, 1)
    os.close(nowhere)


def clean(text: str) -> str:
    """Return text without what could command a terminal: control characters and changes of direction."""
    return text.translate(_INVISIBLE)


def one_line(text: str | None) -> str:
    """Return text for one cell of a table."""
    return clean(" ".join((text or "").split()))


def local(moment: datetime, *, seconds: bool = False) -> str:
    """Return a time as people read it: in their own zone, to the minute or second."""
    return moment.astimezone().strftime("%Y-%m-%d %H:%M:%S" if seconds else "%Y-%m-%d %H:%M")


def size(count: int | None) -> str:
    """Return a number of bytes as people read it."""
    if count is None:
        return "?"
    value = float(count)
    for unit in ("B", "kB", "MB", "GB"):
        if value < 1000:  # noqa: PLR2004 - decimal units
            return f"{value:.0f} {unit}" if unit == "B" or value >= 100 else f"{value:.1f} {unit}"  # noqa: PLR2004
        value /= 1000
    return f"{value:.1f} TB"


def table(
    headers: Sequence[str],
    rows: Sequence[Sequence[str]],
    *,
    stretch: Sequence[int] = (),
    optional: Sequence[int] = (),
    wrap: bool = False,
    narrowest: int = 12,
) -> None:
    """Write a table: aligned and fitted on a terminal, aligned and whole in a pipe.

    Args:
        headers: one a column.
        rows: cells, made with `one_line` where they come from outside.
        stretch: the columns that give way on a narrow terminal, the first of them first; no other is cut.
        optional: the columns that are left out when that is not enough, the first of them first.
        wrap: what gives way goes on on the next line instead of being cut.
        narrowest: how far a column gives way.
    """
    if out_is_terminal():
        from interfaces.cli.fitted_table import print_table

        print_table(
            terminal(), headers, rows, stretch=stretch, optional=optional, wrap=wrap, narrowest=narrowest
        )
        return
    widths = [max(len(row[at]) for row in [headers, *rows]) for at in range(len(headers))]
    for row in [headers, *rows]:
        out("  ".join(cell.ljust(width) for cell, width in zip(row, widths, strict=True)).rstrip())


def terminal(*, stderr: bool = False) -> Console:
    """Return rich's console; import it only where a terminal is written to."""
    from rich.console import Console

    return Console(stderr=stderr, highlight=False)


def confirm_choice(question: str, allowed: Callable[[str], bool], default: str) -> str:
    """Ask until the answer is allowed; the end of input and Ctrl-C are the default."""
    import signal

    # An event loop around this call would note Ctrl-C and go on reading.
    before = signal.signal(signal.SIGINT, signal.default_int_handler)
    try:
        while True:
            sys.stderr.write(question)
            sys.stderr.flush()
            line = sys.stdin.readline()
            typed = line.strip() or default
            if not line or allowed(typed):
                return typed
            say(f"{clean(typed)!r} is none of the choices.")
    except KeyboardInterrupt:
        say("")
        return default
    finally:
        signal.signal(signal.SIGINT, before)
