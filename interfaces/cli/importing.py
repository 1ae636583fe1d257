"""`daybook import`: take conversations in from a file. Again adds what is new, and nothing twice."""

from __future__ import annotations

import sys
from collections.abc import Iterator
from contextlib import contextmanager
from pathlib import Path
from typing import TYPE_CHECKING, Annotated

import typer

from domain.errors import InvalidInputError
from interfaces.cli.console import clean, out, out_json, say
from interfaces.cli.lazy import command_app
from interfaces.cli.opening import host_of, opened
from interfaces.errors import Exit

if TYPE_CHECKING:
    from interfaces.porting.taking import ImportView

app = command_app()

_SHOWN = 20
_PIECE_BYTES = 1024 * 1024


@app.command(name="import")
def import_(
    ctx: typer.Context,
    file: Annotated[
        str,
        typer.Argument(
            metavar="FILE",
            help="JSON of `daybook export`, or that in gzip; a logs.db of llm. - is standard input.",
        ),
    ],
    *,
    dry_run: Annotated[bool, typer.Option("--dry-run", help="Only say what would come of it.")] = False,
    project: Annotated[
        str | None,
        typer.Option("--project", "-p", metavar="PROJECT", help="Put all new conversations in this project."),
    ] = None,
    as_json: Annotated[bool, typer.Option("--json", help="Print one JSON document.")] = False,
) -> None:
    """Take conversations in from a file.

    Again adds what is new, and nothing twice. Exit 1 when something was left out or altered.
    """
    from interfaces.cli import finding
    from interfaces.cli.late_progress import late_bar
    from interfaces.porting.taking import Wishes

    with _file(file) as path, opened(host_of(ctx)) as book:
        wishes = Wishes(
            project_id=None if project is None else finding.project(book, project).id, dry_run=dry_run
        )
        with late_bar("importing", "bytes or rows") as progress:
            found = book.porting.take_in(path, wishes, progress)
    if as_json:
        out_json(found)
    else:
        _tell(found)
    if not found.complete:
        raise typer.Exit(Exit.FAILED)


@contextmanager
def _file(named: str) -> Iterator[Path]:
    """Lend the file; standard input becomes one, as some kinds are not read from front to back."""
    if named != "-":
        yield Path(named)
        return
    if sys.stdin.isatty():
        raise InvalidInputError("Nothing is piped in. Nothing was imported.", hint="daybook import FILE")
    from interfaces.porting.keeping import kept_file

    with kept_file() as kept:
        while piece := sys.stdin.buffer.read(_PIECE_BYTES):
            kept.write(piece)
        kept.flush()
        yield Path(kept.name)


def _counted(count: int, what: str) -> str:
    return f"{count:,} {what}" if count == 1 else f"{count:,} {what}s"


def _tell(found: ImportView) -> None:
    would = "would be " if found.dry_run else ""
    told = [
        f"{_counted(found.new_count, 'conversation')} {would}new",
        f"{found.grown_count:,} {would}grown",
        f"{found.unchanged_count:,} there already",
        f"{found.skipped_count:,} left out",
        f"{_counted(found.message_count, 'message')} {would}added",
    ]
    if found.new_project_count:
        told.append(f"{_counted(found.new_project_count, 'project')} {would}new")
    out(", ".join(told) + ".")
    for what, count in found.remarks.items():
        say(f"{count:,} {clean(what)}.")
    for one in found.left_out[:_SHOWN]:
        say(clean(f"Left out: {one.what} {one.name}: {one.reason}"))
    more = found.left_out_count - min(len(found.left_out), _SHOWN)
    if more > 0:
        say(f"… and {more:,} more; --json names up to a thousand.")
    for name, count in found.unknown.items():
        say(clean(f"Not known here, and passed over: {name} ({count:,} times)."))
    if found.cut_off is not None:
        say(clean(f"{found.cut_off} Import the whole file to get the rest; what is here stays."))
