"""`daybook note`: notes on messages, which no model is ever sent."""

from __future__ import annotations

from typing import TYPE_CHECKING, Annotated, Any

import typer

from interfaces.cli.changes import give, written
from interfaces.cli.console import clean, local, out, out_is_terminal, out_json, say
from interfaces.cli.lazy import command_app
from interfaces.cli.opening import SOURCE, host_of, opened

if TYPE_CHECKING:
    from application.commands import WriteNote
    from interfaces.book import Book
    from projections.transcript.messages import Message, Note

app = command_app()


@app.command()
def note(
    ctx: typer.Context,
    identifier: Annotated[
        str, typer.Argument(metavar="ID", help="A message, or a conversation (its last message).")
    ],
    text: Annotated[
        list[str] | None,
        typer.Argument(help="The note; - reads it from a pipe. Without it: the notes there are."),
    ] = None,
    *,
    edit: Annotated[
        str | None, typer.Option("--edit", "-e", metavar="NOTE", help="Let this note say something else.")
    ] = None,
    remove: Annotated[
        str | None, typer.Option("--remove", metavar="NOTE", help="Take this note away.")
    ] = None,
    as_json: Annotated[bool, typer.Option("--json", help="Print one JSON document.")] = False,
) -> None:
    """Write a note on a message, or see its notes."""
    from application.commands import ChangeNote, RemoveNote
    from domain.errors import InvalidInputError
    from interfaces.cli import finding

    if remove is not None and (text or edit is not None):
        raise InvalidInputError("--remove goes with nothing else. Nothing was changed.")
    with opened(host_of(ctx)) as book:
        message = finding.any_message(book, identifier)
        who: dict[str, Any] = {
            "actor": book.actor,
            "source": SOURCE,
            "conversation_id": message.conversation_id,
        }
        if remove is not None:
            gone = _note(message, remove)
            give(
                book,
                RemoveNote(note_id=gone.id, message_id=message.id, **who),
                "The note is taken away",
                as_json=as_json,
            )
        elif edit is not None:
            found = _note(message, edit)
            new = written(text, lambda: found.text, "The note")
            if new is None:
                say("The note is as it was.")
                return
            give(
                book,
                ChangeNote(note_id=found.id, message_id=message.id, text=new, **who),
                "Changed",
                as_json=as_json,
            )
        elif text:
            new = written(text, str, "The note") or ""
            give(book, on_message(book, message, new), "Noted", as_json=as_json)
        else:
            _show(message, as_json=as_json)


def on_message(book: Book, message: Message, text: str) -> WriteNote:
    """Return the command that puts a note on a message."""
    from application.commands import WriteNote

    return WriteNote(
        actor=book.actor,
        source=SOURCE,
        conversation_id=message.conversation_id,
        message_id=message.id,
        text=text,
    )


def _note(message: Message, typed: str) -> Note:
    """Return the note of a message that is meant.

    Raises:
        InvalidInputError: this is no id, or several fit.
        NotFoundError: none fits.
    """
    from domain.errors import InvalidInputError, NotFoundError
    from domain.ids import fragment, short

    digits = fragment(typed)
    fitting = [one for one in message.notes if digits and _fits(one.id.hex, digits)]
    if len(fitting) > 1:
        raise InvalidInputError(f"{typed!r} is ambiguous: several notes fit. Nothing was changed.")
    if not fitting:
        raise NotFoundError(
            f"Message {short(message.id)} has no note {typed!r}. Nothing was changed.",
            hint=f"daybook note {short(message.id)}",
        )
    return fitting[0]


def _fits(whole: str, digits: str) -> bool:
    return whole.startswith(digits) or whole.endswith(digits)


def _show(message: Message, *, as_json: bool) -> None:
    from domain.ids import short

    if as_json:
        from interfaces.message_views import one_message

        out_json(one_message(message))
        return
    for one in message.notes:
        text = clean(one.text) if out_is_terminal() else one.text
        out(f"{short(one.id)}  {local(one.changed_at or one.written_at)}  {text}")
    if not message.notes:
        say(f'No note on this message yet. Write one: daybook note {short(message.id)} "what to remember"')
