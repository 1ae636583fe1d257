"""`daybook ask`: one question, one answer, both in the book."""

from __future__ import annotations

import asyncio
import sys
from dataclasses import dataclass
from typing import TYPE_CHECKING, Annotated, Any

import typer

from interfaces.cli.console import can_ask, clean, out, out_is_terminal, out_json, say
from interfaces.cli.lazy import command_app
from interfaces.cli.model_options import CommandWithOptions, parse_options
from interfaces.cli.opening import SOURCE, host_of, opened

if TYPE_CHECKING:
    from uuid import UUID

    from application.commands import Asking
    from interfaces.book import Book
    from interfaces.cli.asking import Answered
    from interfaces.cli.displays import Display
    from interfaces.cli.host import Host
    from interfaces.views import AnswerView

app = command_app()

_REPLAY_POLL_SECONDS = 0.25


@dataclass(frozen=True)
class Manner:
    """How an answer is to be shown."""

    json: bool = False
    extract: bool = False
    stream: bool = True
    hide_thinking: bool = False


@app.command(cls=CommandWithOptions)
def ask(  # noqa: PLR0913 - the flags are the command
    ctx: typer.Context,
    question: Annotated[
        list[str] | None,
        typer.Argument(help="The question; what is piped in becomes its material.", show_default=False),
    ] = None,
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
        str | None, typer.Option("--system", "-s", metavar="TEXT", help="Instructions for this answer.")
    ] = None,
    option: Annotated[
        list[str] | None,
        typer.Option(
            "--option", "-o", metavar="KEY VALUE", help="An option of the model, such as temperature 0.2."
        ),
    ] = None,
    extract: Annotated[
        bool, typer.Option("--extract", "-x", help="Print the first code block of the answer only.")
    ] = False,
    no_stream: Annotated[
        bool, typer.Option("--no-stream", help="Print the answer when it is complete.")
    ] = False,
    think: Annotated[
        bool | None,
        typer.Option("--think/--no-think", help="Let the model think first, or not.", show_default=False),
    ] = None,
    hide_thinking: Annotated[
        bool, typer.Option("--hide-thinking", help="Let it think, and do not show it.")
    ] = False,
    as_json: Annotated[bool, typer.Option("--json", help="Print one JSON document.")] = False,
    idempotency_key: Annotated[
        str | None,
        typer.Option("--idempotency-key", metavar="KEY", help="Asking again with this key asks nothing new."),
    ] = None,
) -> None:
    """Ask a question and record it with its answer."""
    from application.commands import AskQuestion
    from domain.errors import InvalidInputError
    from interfaces.cli import finding
    from interfaces.cli.prompt_input import read_prompt

    host = host_of(ctx)
    if go_on + (conversation is not None) + (after is not None) > 1:
        raise InvalidInputError("Either --continue, --cid or --from, not both. Nothing was recorded.")
    meant = finding.LAST if go_on else conversation
    if (meant or after) is not None and project is not None:
        raise InvalidInputError(
            "A conversation stays in its project: --project is for new ones. Nothing was recorded."
        )
    if extract and as_json:
        raise InvalidInputError("Either --extract or --json, not both. Nothing was recorded.")
    options = parse_options(option or [])
    text = read_prompt(question or [])
    with opened(host) as book:
        parent = finding.any_message(book, after) if after is not None else None
        there = finding.conversation(book, meant).id if meant is not None else None
        command = AskQuestion(
            actor=book.actor,
            source=SOURCE,
            idempotency_key=idempotency_key,
            text=text,
            conversation_id=parent.conversation_id if parent else there,
            parent_id=parent.id if parent else None,
            project_id=finding.project(book, project).id if project is not None else None,
            model=model,
            instructions=system,
            options=options,
            think=think,
        )
        manner = Manner(json=as_json, extract=extract, stream=not no_stream, hide_thinking=hide_thinking)
        code = asyncio.run(converse(host, book, command, manner))
    raise typer.Exit(code)


async def converse(host: Host, book: Book, command: Asking, manner: Manner) -> int:
    """Give a command that starts an answer, show that, and return the exit code."""
    from application.commands import AnswerAgain
    from interfaces.again import as_before, last_answer
    from interfaces.cli.asking import answer, explain, leave_title

    try:
        display = make_display(manner)
        answered = await answer(book, command, display)
        if answered.model_missing and can_ask() and not manner.json:
            chosen = await offer(host, book, answered.asked.model, remember=command.model is None)
            if chosen is not None:
                children = await asyncio.to_thread(book.transcript.children, answered.asked.prompt_id)
                again = AnswerAgain(
                    actor=command.actor,
                    source=SOURCE,
                    correlation_id=command.correlation_id,
                    conversation_id=answered.asked.conversation_id,
                    prompt_id=answered.asked.prompt_id,
                    **as_before(
                        last_answer(children), model=chosen, options=command.options, think=command.think
                    ),
                )
                display = make_display(manner)
                answered = await answer(book, again, display)
        code = int(explain(answered))
        leave_title(host, command, answered)
        return await _finish(book, answered, manner, display, code)
    finally:
        await book.model_server.close()


async def offer(host: Host, book: Book, missing: str, *, remember: bool) -> str | None:
    """Ask the person what to do about a model that is not there."""
    from interfaces.cli.missing_model import choose_model

    return await choose_model(host, book.model_server, missing, remember=remember)


def make_display(manner: Manner) -> Display:
    """Return the display that suits the manner and where the output goes."""
    from interfaces.cli.displays import Raw, Unseen

    if manner.json or manner.extract:
        return Unseen()
    if out_is_terminal():
        from interfaces.cli.terminal_display import TerminalDisplay

        return TerminalDisplay(stream=manner.stream, hide_thinking=manner.hide_thinking)
    return Raw() if manner.stream else Unseen()


async def _finish(book: Book, answered: Answered, manner: Manner, display: Display, code: int) -> int:
    """Print what was not printed while the answer came."""
    from interfaces import viewing
    from interfaces.cli.asking import closing_line
    from interfaces.cli.displays import Unseen

    outcome = answered.outcome
    if outcome is None:
        view = await _wait_for(book, answered)
        say("daybook: This was asked before under the same key; here is the answer of then.")
    else:
        view = viewing.answer(answered.asked, outcome)
    if manner.json:
        out_json(view)
    elif manner.extract:
        return _print_code(view.text, code)
    elif outcome is None or type(display) is Unseen:
        if view.text:
            _print_text(view.text)
    elif out_is_terminal() and view.text and code == 0:
        closing: Any = display
        closing.print_dim(closing_line(answered))
    return code


def _print_text(text: str) -> None:
    """Print an answer that was not shown as it came: as Markdown on a terminal, as it is in a pipe."""
    if not out_is_terminal():
        out(text)
        return
    from interfaces.cli.console import terminal
    from interfaces.cli.terminal_display import markdown

    terminal().print(markdown(text))


def _print_code(text: str, code: int) -> int:
    from interfaces.cli.extract import first_code_block
    from interfaces.errors import Exit

    block = first_code_block(text)
    if block is not None:
        sys.stdout.write(clean(block) if out_is_terminal() else block)
        return code
    if code == 0:
        say("daybook: The answer has no code block. It is recorded: daybook show @last")
        return int(Exit.FAILED)
    return code


async def _wait_for(book: Book, answered: Answered) -> AnswerView:
    """Return an answer that was asked for before, when it has ended."""
    from domain.errors import NotFoundError
    from interfaces import viewing

    answer_id: UUID = answered.asked.answer_id
    while True:
        book.look_after()
        size = book.events.size()
        found = book.transcript.message(answer_id, at_least=size)
        if found is None:
            raise NotFoundError("The answer that was recorded under this key is not in the book.")
        if found.status != "streaming":
            return viewing.recorded_answer(answered.asked, found.whole(), size)
        await asyncio.sleep(_REPLAY_POLL_SECONDS)
