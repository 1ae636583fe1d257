"""`daybook audit checkpoint`, `key`, `receipt`, `extension`, `export`: what others keep, to check the log by.

Invariant: `check-receipt` and `verify-export` open no book and need no database.
"""

from __future__ import annotations

import sys
from pathlib import Path
from typing import TYPE_CHECKING, Annotated, TypeAlias
from uuid import UUID

import typer

from domain.errors import InvalidInputError, NotFoundError
from interfaces.cli.audit_verify import read_text
from interfaces.cli.console import out, say
from interfaces.cli.meanwhile import meanwhile
from interfaces.cli.opening import host_of, opened, opened_as_it_is

if TYPE_CHECKING:
    from interfaces.book import Book

Output: TypeAlias = Annotated[
    Path | None, typer.Option("-o", "--output", metavar="FILE", help="Write it into a new file.")
]
_WHOLE = 32


def checkpoint(
    ctx: typer.Context,
    *,
    output: Output = None,
) -> None:
    """Sign the log as it stands; keep what is printed somewhere else."""
    with opened(host_of(ctx)) as book:
        made = book.audit.checkpoint()
    write(made.note, output)
    if not made.fresh:
        say("The log has not grown since the last checkpoint; this is the same one.")
    if output is not None:
        say(f"{made.size:,} events are signed. Keep {output} where nobody who can write this database gets.")


def key(ctx: typer.Context) -> None:
    """Print the public key that checkpoints are signed with (made on first use)."""
    with opened_as_it_is(host_of(ctx)) as book:
        out(book.audit.key())


def receipt(
    ctx: typer.Context,
    identifier: Annotated[
        str,
        typer.Argument(
            metavar="MESSAGE|EVENT",
            help="A message's id (@last: the last answer); or an event's index in the log, or its whole id.",
        ),
    ],
    *,
    output: Output = None,
) -> None:
    """Write a receipt: it proves one event to whoever has the public key, without showing what it says."""
    with opened(host_of(ctx)) as book:
        write(book.audit.receipt(_index(book, identifier)), output)


def extension(
    ctx: typer.Context,
    file: Annotated[Path, typer.Argument(metavar="CHECKPOINT-FILE", help="A checkpoint kept earlier.")],
    *,
    output: Output = None,
) -> None:
    """Write the proof that today's log extends an earlier checkpoint; check-receipt checks it."""
    with opened(host_of(ctx)) as book:
        write(book.audit.extension(read_text(file, "checkpoint")), output)


def check_receipt(
    ctx: typer.Context,
    file: Annotated[Path, typer.Argument(help="A receipt, or the proof of an extension.")],
    *,
    key: Annotated[
        str, typer.Option("--key", help="The log's public key, as `daybook audit key` prints it.")
    ],
) -> None:
    """Check a receipt without any database; exit 7 when it proves nothing."""
    out("proved: " + host_of(ctx).offline.receipt(file, key))


def export(
    ctx: typer.Context,
    folder: Annotated[Path, typer.Argument(metavar="DIR", help="A new or empty directory.")],
    *,
    reveal: Annotated[
        bool, typer.Option("--reveal", help="Write what the events say, too, readable by anybody.")
    ] = False,
) -> None:
    """Write the log as files: a checkpoint, tiles and entries (C2SP tlog-tiles), and the events in full."""
    from interfaces.cli.projections import progress_bar

    with opened(host_of(ctx)) as book, progress_bar("exporting") as progress:
        made = book.audit.export(folder, reveal=reveal, progress=progress)
    say(f"{made.size:,} events are in {folder}. Check them: daybook audit verify-export {folder} --key KEY")


def verify_export(
    ctx: typer.Context,
    folder: Annotated[Path, typer.Argument(metavar="DIR", help="What `daybook audit export` wrote.")],
    *,
    key: Annotated[
        str | None, typer.Option("--key", help="The log's public key, as `daybook audit key` prints it.")
    ] = None,
) -> None:
    """Recompute an export without any database; exit 7 when it is not whole."""
    with meanwhile("Recomputing"):
        found = host_of(ctx).offline.export(folder, key)
    out(f"whole: {found}")
    if key is None:
        say("The signature of its checkpoint was not checked, for want of --key.")


def _index(book: Book, typed: str) -> int:
    """Return the log index of the message or event that is meant."""
    from domain.ids import fragment
    from interfaces.cli import finding

    if typed.isascii() and typed.isdigit():
        size = book.events.size()
        if int(typed) < size:
            return int(typed)
        if fragment(typed) is None:  # too short for an id
            raise NotFoundError(
                f"There is no event {typed} in this book: its log has {size:,} events, counted from 0.",
                hint="daybook audit log",
            )
    digits = fragment(typed)
    if digits is not None and len(digits) == _WHOLE:
        at = book.audit.find_event(UUID(digits))
        if at is not None:
            return at
    message = finding.message(book, typed)
    at = None if message is None else book.audit.find_message(message.conversation_id, message.id)
    if at is None:
        raise NotFoundError(
            f"There is no message and no event {typed!r} in this book.", hint="daybook audit log"
        )
    return at


def write(text: str, path: Path | None) -> None:
    """Write a result to standard output, or into a file that must be new."""
    if path is None:
        sys.stdout.write(text)
        return
    try:
        with path.open("x", encoding="utf-8") as file:
            file.write(text)
    except FileExistsError:
        raise InvalidInputError(f"{path} is there already; it was not touched.") from None
    except OSError as problem:
        raise InvalidInputError(f"{path} cannot be written: {problem.strerror}.") from None
