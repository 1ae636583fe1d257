"""`daybook retry`: answer a prompt once more, beside the answers it has."""

from __future__ import annotations

import asyncio
from typing import Annotated

import typer

from interfaces.cli.finding import LAST
from interfaces.cli.lazy import command_app
from interfaces.cli.model_options import CommandWithOptions, parse_options
from interfaces.cli.opening import SOURCE, host_of, opened

app = command_app()


@app.command(cls=CommandWithOptions)
def retry(
    ctx: typer.Context,
    identifier: Annotated[
        str, typer.Argument(metavar="[ID]", help="An answer, its prompt, or a conversation (its last).")
    ] = LAST,
    *,
    model: Annotated[
        str | None, typer.Option("--model", "-m", help="The model that answers; else the same as before.")
    ] = None,
    option: Annotated[
        list[str] | None,
        typer.Option(
            "--option",
            "-o",
            metavar="KEY VALUE",
            help="An option of the model, such as temperature 0.2; the others stay.",
        ),
    ] = None,
    think: Annotated[
        bool | None,
        typer.Option("--think/--no-think", help="Let the model think first, or not.", show_default=False),
    ] = None,
    hide_thinking: Annotated[
        bool, typer.Option("--hide-thinking", help="Let it think, and do not show it.")
    ] = False,
    as_json: Annotated[bool, typer.Option("--json", help="Print one JSON document.")] = False,
) -> None:
    """Answer a prompt once more; the answers it has stay."""
    from application.commands import AnswerAgain
    from interfaces.again import as_before
    from interfaces.cli import finding
    from interfaces.cli.ask import Manner, converse

    host = host_of(ctx)
    options = parse_options(option or [])
    with opened(host) as book:
        prompt, before = finding.prompt(book, identifier)
        command = AnswerAgain(
            actor=book.actor,
            source=SOURCE,
            conversation_id=prompt.conversation_id,
            prompt_id=prompt.id,
            **as_before(before, model=model, options=options, think=think),
        )
        code = asyncio.run(converse(host, book, command, Manner(json=as_json, hide_thinking=hide_thinking)))
    raise typer.Exit(code)
