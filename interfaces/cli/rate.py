"""`daybook rate`: say that an answer is good or bad. `daybook stats` counts it by model."""

from __future__ import annotations

from typing import TYPE_CHECKING, Annotated

import typer

from interfaces.cli.changes import give
from interfaces.cli.lazy import command_app
from interfaces.cli.opening import SOURCE, host_of, opened

if TYPE_CHECKING:
    from application.commands import RateAnswer
    from interfaces.book import Book
    from projections.transcript.messages import Message

app = command_app()

RATINGS: dict[str, str | None] = {"up": "up", "down": "down", "clear": None}


@app.command()
def rate(
    ctx: typer.Context,
    words: Annotated[
        list[str],
        typer.Argument(
            metavar="[ANSWER] up|down|clear", help="The answer, or a conversation (its last); then how it is."
        ),
    ],
    *,
    why: Annotated[str | None, typer.Option("--note", metavar="TEXT", help="Why.")] = None,
    as_json: Annotated[bool, typer.Option("--json", help="Print one JSON document.")] = False,
) -> None:
    """Say that an answer is good or bad."""
    from domain.ids import short
    from interfaces.cli import finding

    *which, rating = words
    if len(which) > 1 or rating not in RATINGS:
        raise typer.BadParameter("Say: daybook rate [ANSWER] up|down|clear", ctx=ctx)
    with opened(host_of(ctx)) as book:
        found = finding.answer(book, which[0] if which else finding.LAST)
        told = f"Rated {rating}" if RATINGS[rating] else "The rating is taken back"
        told += f": {found.model} {short(found.id)}"
        give(book, of_answer(book, found, rating, why), told, as_json=as_json)


def of_answer(book: Book, found: Message, rating: str, why: str | None) -> RateAnswer:
    """Return the command that rates an answer; `clear` takes its rating back."""
    from application.commands import RateAnswer

    return RateAnswer(
        actor=book.actor,
        source=SOURCE,
        conversation_id=found.conversation_id,
        answer_id=found.id,
        rating=RATINGS[rating],
        words=why,
    )
