"""`daybook audit …`: the log itself, and what proves it. Content is opened by `export --reveal` alone."""

from __future__ import annotations

from itertools import islice
from typing import TYPE_CHECKING, Annotated

import typer

from interfaces.cli import audit_proofs, audit_report, audit_verify
from interfaces.cli.console import local, one_line, out_json, say, table
from interfaces.cli.lazy import group_app
from interfaces.cli.moments import WHEN
from interfaces.cli.opening import host_of, opened
from interfaces.cli.paging import paged

if TYPE_CHECKING:
    from collections.abc import Iterable, Iterator, Mapping, Sequence

    from interfaces.book import Book
    from interfaces.parts import RecordedHead
    from projections.trail.queries import Filter

app = group_app("Look at the log of everything that happened, and prove it.")

_BATCH = 1_000
_NEWEST = 20


@app.command("log")
def log(  # noqa: PLR0913 - the flags are the command
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
    kind: Annotated[
        str | None,
        typer.Option("--type", metavar="TYPE", help="Only of this type, or of several: 'conversation.*'."),
    ] = None,
    actor: Annotated[
        str | None,
        typer.Option("--actor", metavar="NAME|ID", help="Only by a token of this name, or whose id ends so."),
    ] = None,
    source: Annotated[
        str | None,
        typer.Option("--source", metavar="SOURCE", help="Only through cli, web, api, import or system."),
    ] = None,
    conversation: Annotated[
        str | None, typer.Option("--conversation", "--cid", metavar="ID", help="Only in this conversation.")
    ] = None,
    follow: Annotated[bool, typer.Option("--follow", "-f", help="Go on with what comes, to Ctrl-C.")] = False,
    as_json: Annotated[bool, typer.Option("--json", help="Print NDJSON: one event a line.")] = False,
) -> None:
    """List events: what happened, when, by whom and through what."""
    with opened(host_of(ctx)) as book:
        from interfaces.cli.log_places import place

        size = book.events.size()
        wanted = _wanted(book, kind, actor, source, conversation)
        stop = size if until is None else min(size, place(book, until, size, whole_day=True))
        most = count if count is not None or as_json or since is not None else _NEWEST
        start = 0 if since is None else place(book, since, size)
        if start >= stop and size > 0 and not follow:
            say(f"No event there; the log holds {size:,}, the last of {_when(book, size)}.")
            return
        newest = since is None and most is not None
        found = (
            _newest(book, wanted, stop, most) if newest and most else _from(book, wanted, start, stop, most)
        )
        if as_json:
            from interfaces.audit_views import with_names

            for batch in _in_batches(found):
                for view in with_names(book, batch):
                    out_json(view)
        else:
            _show(ctx, book, list(found), size, narrowed=_narrows(wanted), newest=newest, follow=follow)
        if follow:
            from interfaces.cli.audit_follow import follow_log

            follow_log(book, wanted, size, as_json=as_json)


app.command("report")(audit_report.report)
app.command("verify")(audit_verify.verify)
app.command("checkpoint")(audit_proofs.checkpoint)
app.command("key")(audit_proofs.key)
app.command("receipt")(audit_proofs.receipt)
app.command("check-receipt")(audit_proofs.check_receipt)
app.command("extension")(audit_proofs.extension)
app.command("export")(audit_proofs.export)
app.command("verify-export")(audit_proofs.verify_export)


def stream_of(found: RecordedHead) -> str:
    """Return in which stream an event is, or what else it is about."""
    from domain.ids import short

    event = found.event
    return f"{short(event.stream_id)} v{event.version}" if event.about is None else f"→ {short(event.about)}"


def _when(book: Book, size: int) -> str:
    last = book.events.read(size - 1, 1)
    return local(last[0].time) if last else "?"


def _wanted(
    book: Book, kind: str | None, actor: str | None, source: str | None, conversation: str | None
) -> Filter:
    from projections.trail.queries import Filter

    actor_id = actor_end = None
    if actor is not None:
        named = book.access.named(actor)
        actor_id = named[0].id.hex if len(named) == 1 else None
        actor_end = actor.lower() if actor_id is None else None
    stream_id = None
    if conversation is not None:
        from interfaces.cli.finding import conversation as find

        stream_id = find(book, conversation).id
    return Filter(type=kind, actor=actor_id, actor_end=actor_end, source=source, stream_id=stream_id)


def _narrows(wanted: Filter) -> bool:
    from projections.trail.queries import ANY

    return wanted != ANY


def _newest(book: Book, wanted: Filter, stop: int, most: int) -> Sequence[RecordedHead]:
    return book.trail.events(wanted, high=stop, newest_first=True, limit=most)[::-1]


def _from(book: Book, wanted: Filter, start: int, stop: int, most: int | None) -> Iterator[RecordedHead]:
    left = most
    while start < stop and (left is None or left > 0):
        size = _BATCH if left is None else min(left, _BATCH)
        batch = book.trail.events(wanted, low=start, high=stop, limit=size)
        yield from batch
        if len(batch) < size:
            return
        start = batch[-1].log_index + 1
        left = None if left is None else left - len(batch)


def _in_batches(found: Iterable[RecordedHead]) -> Iterator[Sequence[RecordedHead]]:
    events = iter(found)
    while batch := list(islice(events, _BATCH)):
        yield batch


def _show(
    ctx: typer.Context,
    book: Book,
    shown: Sequence[RecordedHead],
    size: int,
    *,
    narrowed: bool,
    newest: bool,
    follow: bool,
) -> None:
    from interfaces.audit_views import names_of_actors

    if not shown and narrowed:
        if not follow:
            say("No such event. Types and sources: docs/events.md; all of them: daybook audit log --since 0")
        return
    names = names_of_actors(book, shown)
    if follow:
        print_events(shown, names)
        return
    with paged(ctx):
        print_events(shown, names)
    if newest and shown and shown[0].log_index > 0 and not narrowed:
        say(f"{size:,} events in all; from the first: daybook audit log --since 0")


def print_events(events: Sequence[RecordedHead], names: Mapping[str, str] | None = None) -> None:
    """Print events as a table; `names` are those of actors that have one."""
    if not events:
        say('Nothing has happened yet. Begin: daybook ask "your question"')
        return
    rows = [
        (
            str(found.log_index),
            local(found.time),
            found.event.type_name,
            stream_of(found),
            one_line((names or {}).get(found.actor)) or found.actor[-8:],
            found.source,
        )
        for found in events
    ]
    headers = ("INDEX", "WHEN", "WHAT", "STREAM", "ACTOR", "SOURCE")
    table(headers, rows, stretch=(2,), optional=(5, 4, 3), wrap=True)
