"""`daybook audit verify`: recompute the log, and name what is not as it must be.

Invariant: exit 7 says that the check ran and found something; any other failure has another code.
"""

from __future__ import annotations

from pathlib import Path
from typing import TYPE_CHECKING, Annotated

import typer

from application.errors import in_words
from domain.errors import InvalidInputError
from interfaces.cli.console import note, out, out_json, say
from interfaces.cli.opening import host_of, opened_as_it_is
from interfaces.errors import Exit

if TYPE_CHECKING:
    from application.ports.audit import Problem, Verified

_SHOWN = 50


def verify(
    ctx: typer.Context,
    *,
    since: Annotated[
        Path | None,
        typer.Option(
            "--since",
            metavar="CHECKPOINT-FILE",
            help="Prove that the log extends this checkpoint kept earlier.",
        ),
    ] = None,
    incremental: Annotated[
        bool,
        typer.Option(
            "--incremental", help="Begin at the checkpoint up to which everything was well last time."
        ),
    ] = False,
    as_json: Annotated[bool, typer.Option("--json", help="Print one JSON document.")] = False,
) -> None:
    """Read the whole log, recompute every hash, check every checkpoint; exit 7 when something is wrong."""
    from interfaces.cli.projections import progress_bar

    kept = None if since is None else read_text(since, "checkpoint")
    with opened_as_it_is(host_of(ctx)) as book, progress_bar("verifying") as progress:
        found = book.audit.verify(since=kept, incremental=incremental, progress=progress)
    if incremental:
        say(_skipped(found))
    if found.checkpoint is not None and not found.pinned:
        say(
            "This home knows no key of the book's: the checkpoints were checked with the key that the "
            "database itself names."
        )
    if as_json:
        from interfaces.viewing import verified

        out_json(verified(found))
    else:
        print_verified(found)
    if not found.ok:
        raise typer.Exit(int(Exit.NO))


def read_text(path: Path, what: str) -> str:
    """Return the text of a file that somebody named."""
    try:
        return path.read_text(encoding="utf-8")
    except (OSError, UnicodeDecodeError) as problem:
        raise InvalidInputError(f"The {what} {path} cannot be read: {in_words(problem)}.") from None


def problem_line(problem: Problem) -> str:
    """Return one problem as people read it."""
    from domain.ids import short

    where = "the log" if problem.log_index is None else f"event {problem.log_index}"
    if problem.stream is not None:
        where += f" (stream {short(problem.stream)})"
    return f"{where}: {problem.what}"


def _skipped(found: Verified) -> str:
    if not found.skipped:
        return "Nothing was skipped: no checkpoint of this log was verified before from this home."
    return (
        f"Skipped: the first {found.skipped:,} events and the checkpoints over them, which were verified "
        "before. A change in them made since then is found by the full check only."
    )


def print_verified(found: Verified) -> None:
    """Print what a verification found."""
    for problem in found.problems[:_SHOWN]:
        out(problem_line(problem))
    if len(found.problems) > _SHOWN:
        out(f"… and {len(found.problems) - _SHOWN:,} more: daybook audit verify --json")
    if not found.ok:
        out(f"NOT WELL: {len(found.problems):,} problems in {found.events:,} events.")
        return
    out(f"ok: {found.events:,} events, root {found.root}")
    if found.checkpoint is None:
        note("No checkpoint was signed yet, so nothing shows that this is the history there always was.")
        note("  → daybook audit checkpoint")
    else:
        size = found.checkpoint.split("\n")[1]
        out(f"newest checkpoint that agrees: {int(size):,} events")
