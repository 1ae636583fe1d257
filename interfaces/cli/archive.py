"""`daybook archive`: put a conversation out of the way."""

from __future__ import annotations

from typing import Annotated

import typer

from interfaces.cli.changes import change_conversation
from interfaces.cli.lazy import command_app
from interfaces.cli.opening import SOURCE

app = command_app()


@app.command()
def archive(
    ctx: typer.Context,
    identifier: Annotated[str, typer.Argument(metavar="ID", help="The conversation; @last: your latest.")],
    *,
    as_json: Annotated[bool, typer.Option("--json", help="Print one JSON document.")] = False,
) -> None:
    """Put a conversation out of the way."""
    from application.commands import ArchiveConversation

    change_conversation(
        ctx,
        identifier,
        lambda book, found: ArchiveConversation(actor=book.actor, source=SOURCE, conversation_id=found.id),
        "Archived",
        as_json=as_json,
    )
