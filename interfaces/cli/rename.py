"""`daybook rename`: give a conversation a title."""

from __future__ import annotations

from typing import Annotated

import typer

from interfaces.cli.changes import change_conversation
from interfaces.cli.lazy import command_app
from interfaces.cli.opening import SOURCE

app = command_app()


@app.command()
def rename(
    ctx: typer.Context,
    identifier: Annotated[str, typer.Argument(metavar="ID", help="The conversation; @last: your latest.")],
    title: Annotated[list[str], typer.Argument(help="Its new title.")],
    *,
    as_json: Annotated[bool, typer.Option("--json", help="Print one JSON document.")] = False,
) -> None:
    """Give a conversation a title."""
    from application.commands import RenameConversation

    change_conversation(
        ctx,
        identifier,
        lambda book, found: RenameConversation(
            actor=book.actor, source=SOURCE, conversation_id=found.id, title=" ".join(title)
        ),
        "Renamed",
        now=" ".join(title),
        as_json=as_json,
    )
