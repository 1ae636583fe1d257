"""`daybook projections …`: how far the read models are, and building them again beside the live ones."""

from __future__ import annotations

import sys
from collections.abc import Callable
from contextlib import contextmanager
from typing import TYPE_CHECKING, Annotated, Any

import typer

from interfaces.cli.console import out, out_json, say, table, terminal
from interfaces.cli.lazy import group_app
from interfaces.cli.opening import host_of, opened

if TYPE_CHECKING:
    from collections.abc import Iterator

    from projections.pump import Status

app = group_app("Look after the read models.")


@app.command()
def status(
    ctx: typer.Context,
    *,
    as_json: Annotated[bool, typer.Option("--json", help="Print one JSON document.")] = False,
) -> None:
    """Say how far each read model is."""
    with opened(host_of(ctx)) as book:
        found = book.read_models.status()
        if as_json:
            from interfaces.viewing import projections

            out_json(projections(found))
        else:
            print_status(found)


@app.command()
def rebuild(
    ctx: typer.Context,
    names: Annotated[list[str] | None, typer.Argument(help="Read models.", show_default=False)] = None,
    *,
    everything: Annotated[bool, typer.Option("--all", help="All of them.")] = False,
    as_json: Annotated[bool, typer.Option("--json", help="Print one JSON document.")] = False,
) -> None:
    """Build read models again from the log, beside the live ones, and switch."""
    from domain.errors import InvalidInputError

    if bool(names) == everything:
        raise InvalidInputError(
            "Either names of read models or --all. Nothing was changed.", hint="daybook projections status"
        )
    with opened(host_of(ctx)) as book:
        with progress_bar("rebuilding") as progress:
            book.read_models.rebuild(None if everything else names, progress)
        found = book.read_models.status()
        if as_json:
            from interfaces.viewing import projections

            out_json(projections(found))
        else:
            which = "all read models" if everything else ", ".join(names or ())
            say(f"Rebuilt from {found.log_size:,} events: {which}.")


def print_status(found: Status) -> None:
    """Print one line a read model."""
    out(f"{found.log_size:,} events in the log")
    rows = [
        (one.name, str(one.version), f"{one.position:,}", f"{one.lag:,}", str(one.quarantined))
        for one in found.read_models
    ]
    table(("READ MODEL", "VERSION", "POSITION", "LAG", "QUARANTINED"), rows, optional=(1, 2))


@contextmanager
def progress_bar(what: str, unit: str = "events") -> Iterator[Callable[[int, int], None] | None]:
    """Lend a function that shows how far it is; None where nobody watches."""
    if not sys.stderr.isatty():
        yield None
        return
    from rich.progress import BarColumn, MofNCompleteColumn, Progress, TextColumn, TimeRemainingColumn

    columns: list[Any] = [
        TextColumn("{task.description}"),
        BarColumn(bar_width=None),
        MofNCompleteColumn(),
        TextColumn(unit),
        TimeRemainingColumn(),
    ]
    with Progress(*columns, console=terminal(stderr=True), transient=True, expand=True) as bar:
        task = bar.add_task(what, total=None)
        yield lambda done, total: bar.update(task, completed=done, total=total)
