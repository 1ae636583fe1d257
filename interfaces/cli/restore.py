"""`daybook restore`: bring an archived conversation back."""

from __future__ import annotations

from typing import Annotated

import typer

from interfaces.cli.changes import change_conversation
from interfaces.cli.lazy import command_app
from interfaces.cli.opening import SOURCE

app = command_app()


@app.command()
def restore(
    ctx: typer.Context,
    identifier: Annotated[str, typer.Argument(metavar="ID", help="The conversation; @last: your latest.")],
    *,
    as_json: Annotated[bool, typer.Option("--json", help="Print one JSON document.")] = False,
) -> None:
    """Bring an archived conversation back."""
    from application.commands import RestoreConversation

    change_conversation(
        ctx,
        identifier,
        lambda book, found: RestoreConversation(actor=book.actor, source=SOURCE, conversation_id=found.id),
        "Brought back",
        as_json=as_json,
    )
