"""`daybook explain`: what made an answer what it is, down to the very request, which can be sent again."""

from __future__ import annotations

import json
from typing import TYPE_CHECKING, Annotated

import typer

from interfaces.cli.console import out, out_json, say
from interfaces.cli.lazy import command_app
from interfaces.cli.opening import host_of, opened
from interfaces.cli.paging import paged

if TYPE_CHECKING:
    from interfaces.book import Book
    from interfaces.explanation_views import ExplanationView
    from projections.transcript.messages import Message

app = command_app()


@app.command()
def explain(
    ctx: typer.Context,
    identifier: Annotated[
        str,
        typer.Argument(
            metavar="MESSAGE",
            help="An answer; a prompt or a conversation stands for its current answer. @last: your last one.",
        ),
    ],
    *,
    as_request: Annotated[
        bool,
        typer.Option(
            "--as-request", help="Print the request alone, as the model server's /api/chat takes it."
        ),
    ] = False,
    as_json: Annotated[bool, typer.Option("--json", help="Print one JSON document.")] = False,
) -> None:
    """Say what made an answer: model, options, the very request."""
    if as_request and as_json:
        raise typer.BadParameter("Say --as-request or --json, not both.", ctx=ctx)
    with opened(host_of(ctx)) as book:
        found = book.explaining.explain(_answer(book, identifier).id)
    if as_request:
        _print_request(found)
    elif as_json:
        out_json(found)
    else:
        from interfaces.cli.explanation_display import print_explanation

        with paged(ctx):
            print_explanation(found)


def _answer(book: Book, typed: str) -> Message:
    """Return the answer that is meant.

    Raises:
        InvalidInputError: this is no id, or several things fit.
        NotFoundError: there is none, or the prompt was not answered yet.
    """
    from domain.errors import NotFoundError
    from domain.ids import short
    from interfaces.cli import finding

    found = finding.message(book, typed)
    if found is None and typed.strip() != finding.LAST:
        conversation = finding.conversation_if_any(book, typed)
        branch = book.transcript.branch(conversation.id, limit=1) if conversation is not None else ()
        found = branch[-1] if branch else None
    if found is None:
        raise NotFoundError(f"There is no message {typed!r} in this book.", hint="daybook show @last")
    if found.kind == "answer":
        return found
    answers = [one for one in book.transcript.children(found.id) if one.kind == "answer"]
    if not answers:
        raise NotFoundError(
            f"Message {short(found.id)} is a prompt that was not answered yet; answers are explained.",
            hint=f"daybook retry {short(found.id)}",
        )
    current = {one.id for one in book.transcript.branch(found.conversation_id)}
    chosen = next((one for one in answers if one.id in current), answers[-1])
    if len(answers) > 1:
        which = "the one on the current branch" if chosen.id in current else "its last one"
        others = ", ".join(short(one.id) for one in answers if one is not chosen)
        say(
            f"Prompt {short(found.id)} has {len(answers)} answers; this is {which}, {short(chosen.id)}. "
            f"The others: {others}"
        )
    return chosen


def _print_request(found: ExplanationView) -> None:
    """Print the request; a warning goes beside it where it is not, or may not be, the one that was sent.

    Raises:
        RequestUnknownError: it cannot be rendered.
    """
    from application.errors import RequestUnknownError
    from application.recorded_request import Check
    from domain.ids import short
    from interfaces.cli.explanation_display import CHECKS

    if found.request is None:
        raise RequestUnknownError(
            found.not_rendered or "The request cannot be rendered again.",
            hint=f"daybook explain {short(found.answer_id)}",
        )
    if found.check != Check.SAME:
        say(f"daybook: {CHECKS.get(found.check or '', found.check)}")
    # Escaped to ASCII, as it is sent: an answer may hold half a surrogate pair, which a pipe cannot carry.
    out(json.dumps(found.request))
