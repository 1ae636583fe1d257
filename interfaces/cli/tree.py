"""`daybook tree`: all branches of a conversation, and which is the current one."""

from __future__ import annotations

from typing import TYPE_CHECKING, Annotated

import typer

from interfaces.cli.console import one_line, out, out_is_terminal, out_json, say, terminal
from interfaces.cli.finding import LAST
from interfaces.cli.lazy import command_app
from interfaces.cli.opening import host_of, opened
from interfaces.cli.paging import paged

if TYPE_CHECKING:
    from interfaces.book import Book
    from projections.conversations.queries import ConversationSummary

app = command_app()

_WIDE = 1_000


@app.command()
def tree(
    ctx: typer.Context,
    identifier: Annotated[
        str, typer.Argument(metavar="[ID]", help="A conversation, or a message of it; @last: your latest.")
    ] = LAST,
    *,
    whole: Annotated[bool, typer.Option("--all", "-a", help="Shorten no long stretches.")] = False,
    as_json: Annotated[bool, typer.Option("--json", help="Print one JSON document.")] = False,
) -> None:
    """Show all branches of a conversation."""
    from domain.errors import NotFoundError
    from interfaces.cli import finding

    with opened(host_of(ctx)) as book:
        found = finding.conversation_if_any(book, identifier)
        if found is None:
            found = book.conversations.get(finding.any_message(book, identifier).conversation_id)
        if found is None:
            raise NotFoundError(f"There is no conversation {identifier!r} in this book.", hint="daybook list")
        if as_json:
            from interfaces.message_views import tree as view
            from interfaces.outline import Outline

            nodes = book.transcript.tree(found.id, beginnings=True)
            out_json(view(found.id, Outline(nodes, found.current_id)))
        else:
            with paged(ctx):
                print_tree(book, found, whole=whole)


def print_tree(book: Book, found: ConversationSummary, *, whole: bool) -> None:
    """Print the tree for people: fitted and coloured on a terminal, whole lines in a pipe."""
    from domain.ids import short
    from interfaces.cli.tree_drawing import lines
    from interfaces.outline import Outline

    outline = Outline(book.transcript.tree(found.id, beginnings=True), found.current_id)
    title = "(erased)" if found.erased else one_line(found.title) or "(no title)"
    pretty = out_is_terminal()
    drawn = lines(outline, width=terminal().width if pretty else _WIDE, whole=whole)
    if pretty:
        from rich.text import Text

        console = terminal()
        console.print(Text(f"{title}  {short(found.id)}", style="bold"), no_wrap=True, overflow="ellipsis")
        for line in drawn:
            style = "" if line.current else "dim"
            text = Text.assemble(
                (line.lead, "dim"), (line.mark, "cyan" if line.current else "dim"), (f" {line.words}", style)
            )
            console.print(text, no_wrap=True, overflow="ellipsis")
    else:
        out(f"{title}  {short(found.id)}")
        for line in drawn:
            out(f"{line.lead}{line.mark} {line.words}")
    if not outline.nodes:
        say("No message yet.")
    elif found.current_id is None:
        say("The next prompt begins anew, before the first.")
