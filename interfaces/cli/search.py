"""`daybook search`: messages by their words."""

from __future__ import annotations

import re
from enum import StrEnum
from typing import TYPE_CHECKING, Annotated, Any

import typer
from typer.core import TyperCommand

from interfaces.cli.as_of import AsOf, seen, tell
from interfaces.cli.console import clean, local, one_line, out, out_is_terminal, out_json, say, terminal
from interfaces.cli.filters import Project, Since, Tag, Until, going_on, moments, project_id
from interfaces.cli.lazy import command_app
from interfaces.cli.opening import host_of, opened
from interfaces.cli.paging import paged

if TYPE_CHECKING:
    from uuid import UUID

    from interfaces.book import Book
    from projections.search.queries import SearchHit

app = command_app()


class Role(StrEnum):
    """Who said it."""

    PROMPT = "prompt"
    ANSWER = "answer"


_WITHOUT = re.compile(r"-[^\W\d]{2,}|-\"")
_MARK = "\0"


class _Search(TyperCommand):
    """Takes `-tree` for what is not to be found; a parser would take it for the option `-t` with `ree`."""

    def parse_args(self, ctx: Any, args: list[str]) -> list[str]:
        """Parse, with a mark before each such word."""
        marked = [_MARK + arg if _WITHOUT.match(arg) else arg for arg in args]
        return super().parse_args(ctx, marked)


@app.command(cls=_Search)
def search(  # noqa: PLR0913 - the flags are the command
    ctx: typer.Context,
    words: Annotated[list[str], typer.Argument(help='Words; "a phrase", or, -without.')],
    *,
    count: Annotated[int, typer.Option("-n", "--count", min=1, max=200, help="At most so many.")] = 10,
    cursor: Annotated[
        str | None, typer.Option("--cursor", metavar="CURSOR", help="Go on where another search ended.")
    ] = None,
    conversation: Annotated[
        str | None, typer.Option("--cid", "--conversation", metavar="ID", help="Only in this conversation.")
    ] = None,
    project: Project = None,
    tag: Tag = None,
    model: Annotated[str | None, typer.Option("--model", "-m", help="Only answers of this model.")] = None,
    role: Annotated[Role | None, typer.Option("--role", help="Only prompts, or only answers.")] = None,
    since: Since = None,
    until: Until = None,
    as_of: AsOf = None,
    as_json: Annotated[bool, typer.Option("--json", help="Print one JSON document.")] = False,
) -> None:
    """Find messages by their words."""
    from projections.search.queries import Within

    words = [word.removeprefix(_MARK) for word in words]
    with opened(host_of(ctx)) as book:
        first, last = moments(book, since, until)
        within = Within(
            conversation_id=_conversation_id(book, conversation),
            project_id=project_id(book, project),
            kind=role.value if role else None,
            model=model,
            tags=tuple(tag or ()),
            since=first,
            until=last,
        )
        shown, moment = seen(book, as_of)
        page = shown.search.search(" ".join(words), within, limit=count, cursor=cursor)
        if as_json:
            from interfaces.viewing import search_page

            out_json(search_page(page, moment))
            return
        tell(moment)
        if not page.hits:
            say("Nothing was found. Whole words are looked for first, then beginnings of words.")
        with paged(ctx):
            for hit in page.hits:
                print_hit(hit)
        if page.next_cursor:
            filters = {
                "--cid": conversation,
                "--project": project,
                "--tag": tag,
                "--model": model,
                "--role": role.value if role else None,
                "--since": since,
                "--until": until,
                "--as-of": as_of,
            }
            say(f"More: {going_on('search', page.next_cursor, filters, words)}")


def _conversation_id(book: Book, typed: str | None) -> UUID | None:
    if typed is None:
        return None
    from interfaces.cli.finding import conversation

    return conversation(book, typed).id


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
