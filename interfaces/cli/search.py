"""`daybook search`: messages by their words."""

from __future__ import annotations

from typing import TYPE_CHECKING, Annotated

import typer

from interfaces.cli.console import clean, local, one_line, out, out_is_terminal, out_json, say, terminal
from interfaces.cli.lazy import command_app
from interfaces.cli.opening import host_of, opened
from interfaces.cli.paging import paged

if TYPE_CHECKING:
    from collections.abc import Sequence

    from projections.search.queries import SearchHit

app = command_app()


@app.command()
def search(
    ctx: typer.Context,
    words: Annotated[list[str], typer.Argument(help='Words; "a phrase", or, -without.')],
    *,
    count: Annotated[int, typer.Option("-n", "--count", min=1, max=200, help="At most so many.")] = 10,
    cursor: Annotated[
        str | None, typer.Option("--cursor", metavar="CURSOR", help="Go on where another search ended.")
    ] = None,
    project: Annotated[
        str | None, typer.Option("--project", "-p", metavar="NAME|ID", help="Only in a project.")
    ] = None,
    as_json: Annotated[bool, typer.Option("--json", help="Print one JSON document.")] = False,
) -> None:
    """Find messages by their words."""
    with opened(host_of(ctx)) as book:
        project_id = None
        if project is not None:
            from interfaces.cli.finding import project as find_project

            project_id = find_project(book, project).id
        page = book.search.search(" ".join(words), project_id=project_id, limit=count, cursor=cursor)
        if as_json:
            from interfaces.viewing import search_page

            out_json(search_page(page))
            return
        if not page.hits:
            say("Nothing was found. Whole words are looked for first, then beginnings of words.")
        with paged(ctx):
            for hit in page.hits:
                print_hit(hit)
        if page.next_cursor:
            say(f"More: {next_page(page.next_cursor, words, project)}")


def next_page(cursor: str, words: Sequence[str], project: str | None) -> str:
    """Return the command that goes on with this search."""
    import shlex

    within = ["--project", project] if project is not None else []
    # A word that begins with - means "without"; unguarded it would be read as an option.
    guard = ["--"] if any(word.startswith("-") for word in words) else []
    return clean(shlex.join(["daybook", "search", "--cursor", cursor, *within, *guard, *words]))


def print_hit(hit: SearchHit) -> None:
    """Print one hit, its words marked."""
    from domain.ids import short

    head = f"{short(hit.message_id)}  {local(hit.at)}  {hit.kind}  {one_line(hit.title)}"
    if not out_is_terminal():
        out(f"{head}\n    {hit.snippet}")
        return
    from rich.padding import Padding
    from rich.text import Text

    snippet = Text()
    for piece in hit.pieces:
        snippet.append(clean(piece.text), style="bold yellow" if piece.is_hit else None)
    console = terminal()
    console.print(Text(head, style="dim"), no_wrap=True, overflow="ellipsis")
    console.print(Padding(snippet, (0, 0, 0, 2)))
