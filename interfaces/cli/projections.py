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

    from interfaces.book import Book
    from interfaces.upkeep_views import VerifiedProjectionsView
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
    dry_run: Annotated[
        bool, typer.Option("--dry-run", help="Only say how they differ from what would come of it.")
    ] = False,
    as_json: Annotated[bool, typer.Option("--json", help="Print one JSON document.")] = False,
) -> None:
    """Build read models again from the log, beside the live ones, and switch."""
    from domain.errors import InvalidInputError

    if bool(names) == everything:
        raise InvalidInputError(
            "Either names of read models or --all. Nothing was changed.", hint="daybook projections status"
        )
    with opened(host_of(ctx)) as book:
        if dry_run:
            _print_verified(_verified(book, None if everything else names), as_json=as_json)
            return
        with progress_bar("rebuilding") as progress:
            book.read_models.rebuild(None if everything else names, progress)
        found = book.read_models.status()
        if as_json:
            from interfaces.viewing import projections

            out_json(projections(found))
        else:
            which = "all read models" if everything else ", ".join(names or ())
            say(f"Rebuilt from {found.log_size:,} events: {which}.")


@app.command()
def verify(
    ctx: typer.Context,
    names: Annotated[list[str] | None, typer.Argument(help="Read models; all unless named.")] = None,
    *,
    as_json: Annotated[bool, typer.Option("--json", help="Print one JSON document.")] = False,
) -> None:
    """Compare the live read models with a fresh fold of the log; exit 7 where they differ."""
    from interfaces.errors import Exit

    with opened(host_of(ctx)) as book:
        found = _verified(book, names or None)
        _print_verified(found, as_json=as_json)
        if not found.ok:
            if not as_json:
                wrong = " ".join(one.name for one in found.read_models if one.difference_count)
                say(f"The log is what counts; make them again: daybook projections rebuild {wrong}")
            raise typer.Exit(Exit.NO)


def _verified(book: Book, names: list[str] | None) -> VerifiedProjectionsView:
    from interfaces.viewing import verified_projections

    with progress_bar("folding") as progress:
        return verified_projections(book.read_models.verify(names, progress))


def _print_verified(found: VerifiedProjectionsView, *, as_json: bool) -> None:
    if as_json:
        out_json(found)
        return
    for one in found.read_models:
        if not one.difference_count:
            out(f"{one.name}: as a fresh fold of {one.position:,} events")
            continue
        out(f"{one.name}: {one.difference_count:,} rows differ from a fresh fold of {one.position:,} events")
        for it in one.differences:
            out(f"  {it.kind:8} {it.table}  {it.key}")
        if one.difference_count > len(one.differences):
            out(f"  … and {one.difference_count - len(one.differences):,} more")


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
