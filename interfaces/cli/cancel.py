"""`daybook cancel`: stop an answer, whichever process writes it."""

from __future__ import annotations

import asyncio
import time
from typing import TYPE_CHECKING, Annotated

import typer

from interfaces.cli.console import out, out_json, say
from interfaces.cli.finding import LAST
from interfaces.cli.lazy import command_app
from interfaces.cli.opening import host_of, opened

if TYPE_CHECKING:
    from interfaces.book import Book
    from projections.transcript.messages import Message

app = command_app()

_END_SECONDS = 10.0
_LOOK_EVERY_SECONDS = 0.05
_LOOKS_BETWEEN_CARES = 20


@app.command()
def cancel(
    ctx: typer.Context,
    identifier: Annotated[
        str, typer.Argument(metavar="[ID]", help="An answer, or a conversation (its last answer).")
    ] = LAST,
    *,
    as_json: Annotated[bool, typer.Option("--json", help="Print one JSON document.")] = False,
) -> None:
    """Stop an answer that is being written, keeping what it has."""
    from domain.errors import ConflictError
    from domain.ids import short
    from interfaces.cli import finding
    from interfaces.viewing import message

    with opened(host_of(ctx)) as book:
        found = finding.answer(book, identifier)
        was_streaming = found.status == "streaming"
        if was_streaming:
            found = asyncio.run(_stop(book, found))
        if found.status == "streaming":
            raise ConflictError(
                f"Answer {short(found.id)} has not ended yet: the process that writes it was told and does "
                "not react. What it has is kept.",
                hint=f"daybook show {short(found.conversation_id)}",
            )
        if as_json:
            out_json(message(found))
        elif was_streaming:
            out(f"{str(found.status).capitalize()}: {short(found.id)}")
        else:
            say(f"daybook: Answer {short(found.id)} had ended before ({found.status}); it stays as it is.")


async def _stop(book: Book, found: Message) -> Message:
    """Ask for the end and wait until it is recorded; a dead owner's answer is closed by the look."""
    await book.answering.cancel(found.id)
    deadline = time.monotonic() + _END_SECONDS
    looks = 0
    while found.status == "streaming" and time.monotonic() < deadline:
        await asyncio.sleep(_LOOK_EVERY_SECONDS)
        looks += 1
        if looks % _LOOKS_BETWEEN_CARES == 0:
            await asyncio.to_thread(book.look_after)
        found = await asyncio.to_thread(_now, book, found)
    return found


def _now(book: Book, found: Message) -> Message:
    return book.transcript.message(found.id, at_least=book.events.size()) or found
