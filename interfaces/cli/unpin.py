"""`daybook unpin`: let lists show a conversation in its turn again."""

from __future__ import annotations

from typing import Annotated

import typer

from interfaces.cli.changes import change_conversation
from interfaces.cli.finding import LAST
from interfaces.cli.lazy import command_app
from interfaces.cli.opening import SOURCE

app = command_app()


@app.command()
def unpin(
    ctx: typer.Context,
    conversation: Annotated[str, typer.Argument(metavar="[ID]", help="The conversation.")] = LAST,
    *,
    as_json: Annotated[bool, typer.Option("--json", help="Print one JSON document.")] = False,
) -> None:
    """Let lists show a conversation in its turn again."""
    from application.commands import ChangeConversation

    change_conversation(
        ctx,
        conversation,
        lambda book, found: ChangeConversation(
            actor=book.actor, source=SOURCE, conversation_id=found.id, pinned=False
        ),
        "Unpinned",
        as_json=as_json,
    )
