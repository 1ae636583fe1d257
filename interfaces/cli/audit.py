"""`daybook audit …`: the log itself, and what proves it. Content is opened by `export --reveal` alone."""

from __future__ import annotations

from typing import TYPE_CHECKING, Annotated

import typer

from interfaces.cli import audit_proofs, audit_verify
from interfaces.cli.console import local, one_line, out_json, say, table
from interfaces.cli.lazy import group_app
from interfaces.cli.moments import WHEN
from interfaces.cli.opening import host_of, opened
from interfaces.cli.paging import paged

if TYPE_CHECKING:
    from collections.abc import Iterator, Mapping, Sequence

    from interfaces.book import Book
    from interfaces.parts import RecordedHead

app = group_app("Look at the log of everything that happened, and prove it.")

_BATCH = 1_000
_NEWEST = 20


@app.command("log")
def log(
    ctx: typer.Context,
    *,
    count: Annotated[
        int | None,
        typer.Option(
            "-n",
            "--count",
            min=1,
            help="At most so many: the newest, or with --since the first ones. Default: 20; with --json all.",
            show_default=False,
        ),
    ] = None,
    since: Annotated[
        str | None,
        typer.Option("--since", metavar="WHEN|INDEX", help=f"Begin then: {WHEN}; or at a log index."),
    ] = None,
    until: Annotated[
        str | None,
        typer.Option("--until", metavar="WHEN|INDEX", help="End then (a day is whole), or before an index."),
    ] = None,
    as_json: Annotated[bool, typer.Option("--json", help="Print NDJSON: one event a line.")] = False,
) -> None:
    """List events: what happened, when, by whom and through what."""
    with opened(host_of(ctx)) as book:
        from interfaces.cli.log_places import place

        size = book.events.size()
        stop = size if until is None else min(size, place(book, until, size, whole_day=True))
        wanted = count if count is not None or as_json or since is not None else _NEWEST
        start = 0 if since is None else place(book, since, size)
        if since is None and wanted is not None:
            start = max(0, stop - wanted)
        end = stop if wanted is None else min(stop, start + wanted)
        if as_json:
            from interfaces.audit_views import with_names

            for batch in _batches(book, start, end):
                for view in with_names(book, batch):
                    out_json(view)
            return
        if start >= stop and size > 0:
            say(f"No event there; the log holds {size:,}, the last of {_when(book, size)}.")
            return
        from interfaces.audit_views import names_of_actors

        shown = [found for batch in _batches(book, start, end) for found in batch]
        with paged(ctx):
            print_events(shown, names_of_actors(book, shown))
        if start > 0:
            say(f"{size:,} events in all; from the first: daybook audit log --since 0")


app.command("verify")(audit_verify.verify)
app.command("checkpoint")(audit_proofs.checkpoint)
app.command("key")(audit_proofs.key)
app.command("receipt")(audit_proofs.receipt)
app.command("check-receipt")(audit_proofs.check_receipt)
app.command("extension")(audit_proofs.extension)
app.command("export")(audit_proofs.export)
app.command("verify-export")(audit_proofs.verify_export)


def _when(book: Book, size: int) -> str:
    last = book.events.read(size - 1, 1)
    return local(last[0].time) if last else "?"


def _batches(book: Book, start: int, end: int) -> Iterator[Sequence[RecordedHead]]:
    while start < end:
        batch = book.events.read(start, min(_BATCH, end - start))
        if not batch:
            return
        yield batch
        start = batch[-1].log_index + 1


def print_events(events: Sequence[RecordedHead], names: Mapping[str, str] | None = None) -> None:
    """Print events as a table; `names` are those of actors that have one."""
    from domain.ids import short

    if not events:
        say('Nothing has happened yet. Begin: daybook ask "your question"')
        return
    rows = [
        (
            str(found.log_index),
            local(found.time),
            found.event.type_name,
            f"{short(found.event.stream_id)} v{found.event.version}",
            one_line((names or {}).get(found.actor)) or found.actor[-8:],
            found.source,
        )
        for found in events
    ]
    headers = ("INDEX", "WHEN", "WHAT", "STREAM", "ACTOR", "SOURCE")
    table(headers, rows, stretch=(2,), optional=(5, 4, 3), wrap=True)
