"""`daybook chat`: turn by turn at a terminal. Every turn is recorded as `ask` would record it.

Invariants: a failed or cancelled answer never ends the chat; Ctrl-C at the prompt clears the line, in an
answer it stops the answer; only Ctrl-D, /quit and the end of input leave.
"""

from __future__ import annotations

import asyncio
import signal
from typing import TYPE_CHECKING, Annotated

import typer

from interfaces.cli.console import note, one_line, say
from interfaces.cli.lazy import command_app
from interfaces.cli.model_options import CommandWithOptions, parse_options
from interfaces.cli.opening import host_of, opened

if TYPE_CHECKING:
    from interfaces.book import Book
    from interfaces.cli.chatting import Talk
    from interfaces.cli.host import Host
    from interfaces.cli.line_editor import LineEditor
    from projections.conversations.queries import ConversationSummary
    from projections.transcript.messages import Message

app = command_app()

_REMEMBERED = 200


@app.command(cls=CommandWithOptions)
def chat(  # noqa: PLR0913 - the flags are the command
    ctx: typer.Context,
    *,
    go_on: Annotated[
        bool, typer.Option("--continue", "-c", help="Go on with your latest conversation.")
    ] = False,
    conversation: Annotated[
        str | None,
        typer.Option("--cid", "--conversation", metavar="ID", help="Go on with this conversation."),
    ] = None,
    after: Annotated[
        str | None,
        typer.Option("--from", metavar="MESSAGE", help="Go on from this answer, on a branch of its own."),
    ] = None,
    project: Annotated[
        str | None,
        typer.Option("--project", "-p", metavar="NAME|ID", help="Open the conversation in a project."),
    ] = None,
    model: Annotated[str | None, typer.Option("--model", "-m", help="The model that answers.")] = None,
    system: Annotated[
        str | None, typer.Option("--system", "-s", metavar="TEXT", help="Instructions for the answers.")
    ] = None,
    option: Annotated[
        list[str] | None,
        typer.Option(
            "--option", "-o", metavar="KEY VALUE", help="An option of the model, such as temperature 0.2."
        ),
    ] = None,
    think: Annotated[
        bool | None,
        typer.Option("--think/--no-think", help="Let the model think first, or not.", show_default=False),
    ] = None,
    hide_thinking: Annotated[
        bool, typer.Option("--hide-thinking", help="Let it think, and do not show it.")
    ] = False,
) -> None:
    """Talk with a model, turn by turn."""
    from domain.errors import InvalidInputError
    from interfaces.cli import finding
    from interfaces.cli.ask import Manner
    from interfaces.cli.chatting import Talk
    from interfaces.cli.line_editor import make_editor

    host = host_of(ctx)
    if go_on + (conversation is not None) + (after is not None) > 1:
        raise InvalidInputError("Either --continue, --cid or --from, not both. Nothing was recorded.")
    meant = finding.LAST if go_on else conversation
    if (meant or after) is not None and project is not None:
        raise InvalidInputError(
            "A conversation stays in its project: --project is for new ones. Nothing was recorded."
        )
    with opened(host) as book:
        parent = finding.answer(book, after) if after is not None else None
        if parent is not None:
            found = book.conversations.get(parent.conversation_id)
        else:
            found = finding.conversation(book, meant) if meant is not None else None
        talk = Talk(
            conversation_id=found.id if found else None,
            after_id=parent.id if parent else None,
            project_id=finding.project(book, project).id if project is not None else None,
            model=model,
            instructions=system,
            options=parse_options(option or []),
            think=think,
            manner=Manner(hide_thinking=hide_thinking),
        )
        editor = make_editor(lambda: _earlier_prompts(book, found))
        if found is not None:
            _say_where(book, found, parent)
        asyncio.run(_talk(host, book, talk, editor))


def _say_where(book: Book, found: ConversationSummary, parent: Message | None) -> None:
    from interfaces.cli.switch import say_end, say_message

    say(f"{one_line(found.title) or '(no title)'} goes on after:")
    if parent is not None:
        say_message(parent)
    else:
        say_end(book, found.id)


def _earlier_prompts(book: Book, found: ConversationSummary | None) -> list[str]:
    """Return the last prompts of the conversation that goes on, else of this actor's latest."""
    earlier = found or book.conversations.latest_of_actor(book.actor)
    if earlier is None:
        return []
    messages = book.transcript.branch(earlier.id, limit=_REMEMBERED)
    return [message.text for message in messages if message.kind == "prompt" and message.text]


async def _talk(host: Host, book: Book, talk: Talk, editor: LineEditor) -> None:
    from domain.errors import DaybookError
    from interfaces.cli.chat_commands import run_command
    from interfaces.cli.chatting import turn
    from interfaces.cli.console import tell

    # Ctrl-C between two prompts, where nothing listens for it, must not end the chat.
    asyncio.get_running_loop().add_signal_handler(signal.SIGINT, lambda: None)
    say("Enter sends, Alt-Enter begins a new line, /help lists what else there is, Ctrl-D leaves.")
    try:
        while True:
            try:
                text = await editor.read(talk.draft)
            except KeyboardInterrupt:
                talk.draft = ""
                continue
            except EOFError:
                break
            talk.draft = ""
            if not text.strip():
                continue
            editor.pause()
            try:
                if text.startswith("/") and "\n" not in text:
                    if not await run_command(host, book, talk, text):
                        break
                else:
                    await turn(host, book, talk, text)
                    note("")
            except DaybookError as problem:
                tell(problem)
    finally:
        editor.close()
        await book.model_server.close()
    if talk.conversation_id is not None:
        from domain.ids import short

        say(f"Recorded: daybook show {short(talk.conversation_id)}")
