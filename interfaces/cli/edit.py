"""`daybook edit`: say a prompt differently; the old one stays beside it with its answers."""

from __future__ import annotations

import asyncio
from typing import Annotated

import typer

from interfaces.cli.console import say
from interfaces.cli.finding import LAST
from interfaces.cli.lazy import command_app
from interfaces.cli.model_options import CommandWithOptions, parse_options
from interfaces.cli.opening import SOURCE, host_of, opened

app = command_app()


@app.command(cls=CommandWithOptions)
def edit(  # noqa: PLR0913 - the flags are the command
    ctx: typer.Context,
    identifier: Annotated[
        str, typer.Argument(metavar="[ID]", help="A prompt, its answer, or a conversation (its last prompt).")
    ] = LAST,
    text: Annotated[
        list[str] | None,
        typer.Argument(
            help="What it shall say; - reads it from a pipe, without it $EDITOR opens.", show_default=False
        ),
    ] = None,
    *,
    model: Annotated[
        str | None, typer.Option("--model", "-m", help="The model that answers; else the same as before.")
    ] = None,
    system: Annotated[
        str | None, typer.Option("--system", "-s", metavar="TEXT", help="Instructions for this answer.")
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
    """Say a prompt differently, beside the old one, and have it answered."""
    from application.commands import EditPrompt
    from interfaces.again import as_before
    from interfaces.cli import finding
    from interfaces.cli.ask import Manner, converse
    from interfaces.cli.changes import written

    host = host_of(ctx)
    options = parse_options(option or [])
    with opened(host) as book:
        prompt, before = finding.prompt(book, identifier)
        new = written(text, lambda: prompt.whole().text, "The prompt")
        if new is None:
            say("The prompt is as it was. Nothing was recorded.")
            return
        command = EditPrompt(
            actor=book.actor,
            source=SOURCE,
            conversation_id=prompt.conversation_id,
            prompt_id=prompt.id,
            text=new,
            instructions=system,
            **as_before(before, model=model, options=options, think=think),
        )
        code = asyncio.run(converse(host, book, command, Manner(json=as_json, hide_thinking=hide_thinking)))
    raise typer.Exit(code)
