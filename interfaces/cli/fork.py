"""`daybook fork`: copy a branch into a conversation of its own, which knows where it comes from."""

from __future__ import annotations

from typing import TYPE_CHECKING, Annotated

import typer

from interfaces.cli.changes import give
from interfaces.cli.finding import LAST
from interfaces.cli.lazy import command_app
from interfaces.cli.opening import SOURCE, host_of, opened

if TYPE_CHECKING:
    from uuid import UUID

    from application.commands import ForkConversation
    from interfaces.book import Book
    from projections.transcript.messages import Message

app = command_app()


@app.command()
def fork(
    ctx: typer.Context,
    identifier: Annotated[
        str,
        typer.Argument(metavar="[ID]", help="The message the branch ends in, or a conversation (its last)."),
    ] = LAST,
    *,
    title: Annotated[
        str | None, typer.Option("--title", "-t", metavar="TEXT", help="Its title; else the same.")
    ] = None,
    project: Annotated[
        str | None, typer.Option("--project", "-p", metavar="NAME|ID", help="Its project; else the same.")
    ] = None,
    as_json: Annotated[bool, typer.Option("--json", help="Print one JSON document.")] = False,
) -> None:
    """Copy a branch into a conversation of its own."""
    from interfaces.cli import finding

    with opened(host_of(ctx)) as book:
        message = finding.any_message(book, identifier)
        project_id = finding.project(book, project).id if project is not None else None
        give(book, of_branch(book, message, title, project_id), "Forked", as_json=as_json)


def of_branch(
    book: Book, message: Message, title: str | None = None, project_id: UUID | None = None
) -> ForkConversation:
    """Return the command that copies the branch which ends in a message."""
    from application.commands import ForkConversation

    return ForkConversation(
        actor=book.actor,
        source=SOURCE,
        conversation_id=message.conversation_id,
        message_id=message.id,
        title=title,
        project_id=project_id,
    )
