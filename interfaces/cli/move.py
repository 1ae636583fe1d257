"""`daybook move`: put a conversation into another project. What was answered before stays as it was made."""

from __future__ import annotations

from typing import Annotated

import typer

from interfaces.cli.changes import give
from interfaces.cli.console import one_line
from interfaces.cli.lazy import command_app
from interfaces.cli.opening import SOURCE, host_of, opened

app = command_app()


@app.command()
def move(
    ctx: typer.Context,
    conversation: Annotated[str, typer.Argument(metavar="ID", help="The conversation.")],
    project: Annotated[
        str | None, typer.Argument(metavar="[PROJECT]", help="Where to: a project's name or id.")
    ] = None,
    *,
    none: Annotated[bool, typer.Option("--none", help="Out of its project, into none.")] = False,
    as_json: Annotated[bool, typer.Option("--json", help="Print one JSON document.")] = False,
) -> None:
    """Put a conversation into another project, or out of its own."""
    from application.commands import ChangeConversation
    from domain.errors import InvalidInputError
    from interfaces.cli import finding

    if (project is None) is not none:
        raise InvalidInputError(
            "Where to? Name a project, or say --none. Nothing was changed.", hint="daybook project list"
        )
    with opened(host_of(ctx)) as book:
        found = finding.conversation(book, conversation)
        target = None if project is None else finding.project(book, project)
        command = ChangeConversation(
            actor=book.actor,
            source=SOURCE,
            conversation_id=found.id,
            move=True,
            project_id=target.id if target else None,
        )
        to = f"Moved to {one_line(target.name)}" if target else "Moved out of its project"
        give(book, command, f"{to}: {one_line(found.title)}", as_json=as_json)
