"""`daybook history`: how a conversation came to be, one line an event."""

from __future__ import annotations

from typing import TYPE_CHECKING, Annotated

import typer

from interfaces.cli.console import local, one_line, out_json, say, table
from interfaces.cli.finding import LAST
from interfaces.cli.lazy import command_app
from interfaces.cli.opening import host_of, opened
from interfaces.cli.paging import paged

if TYPE_CHECKING:
    from collections.abc import Iterator
    from uuid import UUID

    from interfaces.book import Book
    from projections.past.happenings import Happening

app = command_app()

_BATCH = 200


@app.command()
def history(
    ctx: typer.Context,
    identifier: Annotated[
        str, typer.Argument(metavar="[ID]", help="A conversation, or a message of it; @last: your latest.")
    ] = LAST,
    *,
    count: Annotated[
        int | None, typer.Option("-n", "--count", min=1, help="At most so many, the first ones.")
    ] = None,
    as_json: Annotated[bool, typer.Option("--json", help="Print NDJSON: one event a line.")] = False,
) -> None:
    """Tell how a conversation came to be."""
    from interfaces.cli import finding
    from interfaces.history_views import happening

    with opened(host_of(ctx)) as book:
        found = finding.conversation_if_any(book, identifier)
        conversation_id = (
            found.id if found is not None else finding.any_message(book, identifier).conversation_id
        )
        if as_json:
            for one in _all(book, conversation_id, count):
                out_json(happening(one))
            return
        shown = [happening(one) for one in _all(book, conversation_id, count)]
        rows = [
            (
                str(one.log_index),
                local(one.at, seconds=True),
                one_line(one.what),
                one.actor[-8:],
                one.source,
            )
            for one in shown
        ]
        with paged(ctx):
            table(
                ("INDEX", "WHEN", "WHAT", "ACTOR", "SOURCE"), rows, stretch=(2,), optional=(4, 3), wrap=True
            )
        say("As it was after any of them: daybook show ID --as-of INDEX")


def _all(book: Book, conversation_id: UUID, count: int | None) -> Iterator[Happening]:
    after, left = 0, count
    while left is None or left > 0:
        wanted = _BATCH if left is None else min(left, _BATCH)
        page = book.past.happenings(conversation_id, after=after, limit=wanted)
        yield from page
        if len(page) < wanted:
            return
        after = page[-1].version
        left = None if left is None else left - len(page)
