"""One turn of a chat, and what a chat remembers between its turns."""

from __future__ import annotations

from collections.abc import Mapping
from dataclasses import dataclass
from typing import TYPE_CHECKING, Any
from uuid import UUID

from interfaces.cli.ask import Manner, make_display, offer
from interfaces.cli.opening import SOURCE

if TYPE_CHECKING:
    from application.commands import Asking
    from interfaces.book import Book
    from interfaces.cli.host import Host


@dataclass
class Talk:
    """A chat's state.

    `draft` is put on the next prompt's line, to be edited. `after_id`: the next prompt goes on from there,
    wherever the conversation's current branch ends; nothing is recorded before it is sent.
    """

    conversation_id: UUID | None
    project_id: UUID | None
    model: str | None
    instructions: str | None
    options: Mapping[str, Any]
    think: bool | None
    manner: Manner
    draft: str = ""
    after_id: UUID | None = None


async def turn(host: Host, book: Book, talk: Talk, text: str) -> None:
    """Ask one prompt and show its answer; whatever becomes of it, the chat goes on."""
    from application.commands import AskQuestion
    from application.errors import LineFullError

    command = AskQuestion(
        actor=book.actor,
        source=SOURCE,
        text=text,
        conversation_id=talk.conversation_id,
        parent_id=talk.after_id,
        project_id=talk.project_id if talk.conversation_id is None else None,
        model=talk.model,
        instructions=talk.instructions,
        options=talk.options,
        think=talk.think,
    )
    try:
        await ask(host, book, talk, command)
    except LineFullError:
        talk.draft = text
        raise


async def ask(host: Host, book: Book, talk: Talk, command: Asking) -> None:
    """Give a command that starts an answer, and show that."""
    from application.commands import AnswerAgain
    from interfaces.cli.asking import answer, explain, leave_title
    from interfaces.cli.console import can_ask, note

    answered = await answer(book, command, make_display(talk.manner))
    talk.conversation_id = answered.asked.conversation_id
    talk.after_id = None
    if answered.model_missing and can_ask():
        chosen = await offer(host, book, answered.asked.model, remember=talk.model is None)
        if chosen is not None:
            talk.model = chosen
            again = AnswerAgain(
                actor=command.actor,
                source=SOURCE,
                correlation_id=command.correlation_id,
                conversation_id=answered.asked.conversation_id,
                prompt_id=answered.asked.prompt_id,
                model=chosen,
                options=command.options,
                think=command.think,
            )
            answered = await answer(book, again, make_display(talk.manner))
    explain(answered)
    leave_title(host, command, answered)
    if answered.asked.cut_count:
        note(f"({answered.asked.cut_count} older messages did not fit into the model's context)")
