"""`daybook switch`: choose the branch on which a conversation goes on. Nothing is ever lost by it."""

from __future__ import annotations

from typing import TYPE_CHECKING, Annotated

import typer

from interfaces.cli.changes import give
from interfaces.cli.console import one_line, say_cut
from interfaces.cli.finding import LAST
from interfaces.cli.lazy import command_app
from interfaces.cli.opening import SOURCE, host_of, opened

if TYPE_CHECKING:
    from uuid import UUID

    from application.commands import GoOnFrom
    from interfaces.book import Book
    from projections.transcript.messages import Message

app = command_app()

NEXT, PREVIOUS = 1, -1


@app.command()
def switch(
    ctx: typer.Context,
    identifier: Annotated[
        str,
        typer.Argument(metavar="[ID]", help="A message of the branch; or a conversation, with an option."),
    ] = LAST,
    *,
    forth: Annotated[
        bool, typer.Option("--next", help="The one beside it: the next edit, or the next answer.")
    ] = False,
    back: Annotated[bool, typer.Option("--previous", help="The one beside it, the other way.")] = False,
    here: Annotated[
        bool, typer.Option("--here", help="Go on right after this answer, not at the end of its branch.")
    ] = False,
    start: Annotated[
        bool, typer.Option("--start", help="Go on before the first prompt: the next one begins anew.")
    ] = False,
    as_json: Annotated[bool, typer.Option("--json", help="Print one JSON document.")] = False,
) -> None:
    """Choose the branch on which a conversation goes on."""
    from domain.errors import InvalidInputError
    from interfaces.cli import finding

    if forth + back + here + start > 1:
        raise InvalidInputError("One of --next, --previous, --here and --start. Nothing was changed.")
    with opened(host_of(ctx)) as book:
        found = finding.conversation_if_any(book, identifier)
        conversation_id = found.id if found else finding.any_message(book, identifier).conversation_id
        message_id = None if found else finding.any_message(book, identifier).id
        if start:
            message_id = None
        elif forth or back:
            message_id = beside(book, conversation_id, message_id, NEXT if forth else PREVIOUS)
        elif message_id is None:
            from domain.ids import short

            raise InvalidInputError(
                "Which branch? Name a message of it, or say --next, --previous or --start. Nothing was "
                "changed.",
                hint=f"daybook tree {short(conversation_id)}",
            )
        give(
            book,
            to_branch(book, conversation_id, message_id, here=here),
            "The next prompt begins anew" if message_id is None else "Switched",
            as_json=as_json,
        )
        if not as_json:
            say_end(book, conversation_id)


def say_end(book: Book, conversation_id: UUID) -> None:
    """Say where the current branch ends, so that a person knows where they are."""
    for end in book.transcript.branch(conversation_id, limit=1):
        say_message(end)


def say_message(message: Message) -> None:
    """Say which message it is, in one line."""
    from domain.ids import short

    who = "you" if message.kind == "prompt" else one_line(message.model)
    say_cut(f"  {short(message.id)}  {who}  {one_line(message.text[:300])[:60]}".rstrip())


def beside(book: Book, conversation_id: UUID, message_id: UUID | None, step: int) -> UUID:
    """Return the message beside one, or (None) beside the last of the current branch that has any beside it.

    Raises:
        NotFoundError: there is none.
    """
    from domain.errors import NotFoundError
    from domain.ids import short
    from interfaces.outline import Outline

    nodes = book.transcript.tree(conversation_id)
    outline = Outline(nodes, book.transcript.current(conversation_id))
    if message_id is None:
        parting = outline.last_parting()
        if parting is None:
            raise NotFoundError(
                f"Conversation {short(conversation_id)} has a single branch. Nothing was changed.",
                hint=f"daybook retry {short(conversation_id)}",
            )
        message_id = parting.id
    return outline.beside(message_id, step).id


def to_branch(book: Book, conversation_id: UUID, message_id: UUID | None, *, here: bool = False) -> GoOnFrom:
    """Return the command that makes a branch the current one."""
    from application.commands import GoOnFrom

    return GoOnFrom(
        actor=book.actor,
        source=SOURCE,
        conversation_id=conversation_id,
        message_id=message_id,
        to_end=not here,
    )
