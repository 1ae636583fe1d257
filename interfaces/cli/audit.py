"""`daybook audit …`: the log itself, and what proves it. Content is opened by `export --reveal` alone."""

from __future__ import annotations

from typing import TYPE_CHECKING, Annotated

import typer

from interfaces.cli import audit_proofs, audit_verify
from interfaces.cli.console import local, one_line, out_json, say, table
from interfaces.cli.lazy import group_app
from interfaces.cli.opening import host_of, opened

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
        int | None, typer.Option("--since", min=0, metavar="INDEX", help="Begin at this log index.")
    ] = None,
    as_json: Annotated[bool, typer.Option("--json", help="Print NDJSON: one event a line.")] = False,
) -> None:
    """List events: what happened, when, by whom and through what."""
    with opened(host_of(ctx)) as book:
        size = book.events.size()
        wanted = count if count is not None or as_json or since is not None else _NEWEST
        start = since or 0
        if since is None and wanted is not None:
            start = max(0, size - wanted)
        end = size if wanted is None else min(size, start + wanted)
        if as_json:
            from interfaces.viewing import event

            for batch in _batches(book, start, end):
                names = _names(book, batch)
                for found in batch:
                    out_json(event(found, names.get(found.actor)))
            return
        if start >= size > 0:
            say(f"No event from {start} on; the log holds {size:,}.")
            return
        shown = [found for batch in _batches(book, start, end) for found in batch]
        print_events(shown, _names(book, shown))
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


def _batches(book: Book, start: int, end: int) -> Iterator[Sequence[RecordedHead]]:
    while start < end:
        batch = book.events.read(start, min(_BATCH, end - start))
        if not batch:
            return
        yield batch
        start = batch[-1].log_index + 1


def _names(book: Book, events: Sequence[RecordedHead]) -> Mapping[str, str]:
    return book.access.names(frozenset(found.actor for found in events))


def print_events(events: Sequence[RecordedHead], names: Mapping[str, str] | None = None) -> None:
    """Print events as a table; `names` are those of actors that have one."""
    from domain.ids import short

    if not events:
        say("Nothing has happened yet.")
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
