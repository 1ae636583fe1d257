"""`daybook export`: conversations as files, for people (Markdown, HTML) and for `daybook import` (JSON)."""

from __future__ import annotations

from enum import StrEnum
from pathlib import Path
from typing import TYPE_CHECKING, Annotated

import typer

from domain.errors import InvalidInputError
from interfaces.cli.console import say
from interfaces.cli.files import is_there, print_pieces, write_pieces
from interfaces.cli.lazy import command_app
from interfaces.cli.opening import host_of, opened

if TYPE_CHECKING:
    from interfaces.book import Book
    from interfaces.porting.gathering import Chosen

app = command_app()


class Format(StrEnum):
    """What an export is written as."""

    MD = "md"
    JSON = "json"
    HTML = "html"


_ENDINGS = {
    ".md": Format.MD,
    ".markdown": Format.MD,
    ".txt": Format.MD,
    ".json": Format.JSON,
    ".jsonl": Format.JSON,
    ".html": Format.HTML,
    ".htm": Format.HTML,
}


@app.command()
def export(
    ctx: typer.Context,
    conversation: Annotated[
        str | None, typer.Argument(metavar="[ID]", help="A conversation; @last: your last one.")
    ] = None,
    *,
    project: Annotated[
        str | None,
        typer.Option("--project", "-p", metavar="PROJECT", help="A project with its conversations."),
    ] = None,
    everything: Annotated[bool, typer.Option("--all", help="All conversations and projects.")] = False,
    form: Annotated[
        Format | None,
        typer.Option("--format", "-f", help="Unless given, by the ending of FILE, else md."),
    ] = None,
    output: Annotated[
        Path | None, typer.Option("-o", "--output", metavar="FILE", help="Write it into a file.")
    ] = None,
    force: Annotated[bool, typer.Option("--force", help="Replace FILE where it is there.")] = False,
) -> None:
    """Write conversations as Markdown, JSON or a page of HTML."""
    given = sum((conversation is not None, project is not None, everything))
    if given != 1:
        raise InvalidInputError(
            "Say what to export: a conversation's id, --project PROJECT, or --all. Nothing was written.",
            hint="daybook export @last",
        )
    if output is not None and not force and output.exists():
        raise is_there(output)
    form = form or _form_of(output)
    with opened(host_of(ctx)) as book:
        wanted = _wanted(book, conversation, project)
        from interfaces.cli.late_progress import late_bar
        from interfaces.porting.here import Form

        with (
            late_bar("exporting", "conversations") as progress,
            book.porting.export(wanted, Form(form), progress) as pieces,
        ):
            if output is None:
                print_pieces(pieces)
            else:
                write_pieces(pieces, output, force=force)
    if output is not None:
        say(f"Written to {output}, readable by you alone: it is not encrypted.")


def _form_of(output: Path | None) -> Format:
    if output is None or not output.suffix:
        return Format.MD
    form = _ENDINGS.get(output.suffix.lower())
    if form is None:
        raise InvalidInputError(
            f"The ending of {output.name} says no format; {', '.join(_ENDINGS)} do. Nothing was written.",
            hint="daybook export … -o FILE --format md|json|html",
        )
    return form


def _wanted(book: Book, conversation: str | None, project: str | None) -> Chosen:
    from interfaces.cli import finding
    from interfaces.porting.gathering import Chosen

    if conversation is not None:
        return Chosen(conversation_id=finding.conversation(book, conversation).id)
    if project is not None:
        return Chosen(project_id=finding.project(book, project).id)
    return Chosen()
