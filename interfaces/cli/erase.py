"""`daybook erase`: destroy the key of what a conversation, a project or a routine says, and clear up."""

from __future__ import annotations

from typing import TYPE_CHECKING, Annotated

import typer

from interfaces.cli.console import can_ask, local, one_line, out_json, say
from interfaces.cli.lazy import command_app
from interfaces.cli.opening import SOURCE, host_of, opened

if TYPE_CHECKING:
    from datetime import datetime

    from application.erasing import Erasing
    from interfaces.book import Book
    from interfaces.erasures import ErasureView

app = command_app()

_MOST_SHOWN = 20


@app.command()
def erase(
    ctx: typer.Context,
    identifier: Annotated[
        str | None, typer.Argument(metavar="CONVERSATION", help="The conversation; @last: your latest.")
    ] = None,
    *,
    project: Annotated[
        str | None,
        typer.Option("--project", "-p", metavar="NAME|ID", help="A project with all its conversations."),
    ] = None,
    routine: Annotated[
        str | None,
        typer.Option("--routine", metavar="NAME|ID", help="A routine with all its versions; its runs stay."),
    ] = None,
    with_derived: Annotated[
        bool, typer.Option("--with-derived", help="And what was copied from it (forks, replays).")
    ] = False,
    yes: Annotated[bool, typer.Option("--yes", "-y", help="Do not ask.")] = False,
    as_json: Annotated[bool, typer.Option("--json", help="Print one JSON document.")] = False,
) -> None:
    """Erase a conversation, a project or a routine, for ever."""
    from domain.errors import InvalidInputError
    from interfaces.cli.finishing import say_unfinished, telling

    if sum(one is not None for one in (identifier, project, routine)) != 1:
        raise InvalidInputError("Name either a conversation, --project or --routine. Nothing was erased.")
    with opened(host_of(ctx)) as book:
        if routine is not None:
            seen = _routine(book, routine)
        elif project is not None:
            seen = _project(book, project, with_derived=with_derived)
        else:
            seen = _conversation(book, identifier or "", with_derived=with_derived)
        if not yes:
            _ask(seen, with_derived=with_derived)
        done = book.erasing.erase(_command(book, seen, with_derived=with_derived), seen, telling())
    say_unfinished(finished=done.finished)
    if as_json:
        out_json(done)
        return
    from domain.ids import short

    say(f"Erased: {_what(seen, with_derived=with_derived)} ({short(done.id)}).")
    if done.remaining_derived_ids:
        ids = " ".join(map(short, done.remaining_derived_ids))
        say(f"What was copied from it can still be read: {ids}. Each is erased like any other conversation.")
    say(
        "What remains is in backups and write-ahead log from before. To shut them, but for the words of the "
        "search (docs/privacy.md): daybook keys rotate --master"
    )


def _conversation(book: Book, typed: str, *, with_derived: bool) -> ErasureView:
    from interfaces.cli import finding

    found = finding.conversation(book, typed)
    _refuse_erased(found.erased_at, found.erased_by, "conversation")
    return book.erasing.of_conversation(found, with_derived=with_derived)


def _project(book: Book, typed: str, *, with_derived: bool) -> ErasureView:
    from interfaces.cli import finding

    found = finding.project(book, typed)
    _refuse_erased(found.erased_at, found.erased_by, "project")
    return book.erasing.of_project(found, with_derived=with_derived)


def _routine(book: Book, typed: str) -> ErasureView:
    from interfaces.cli import finding

    found = finding.routine(book, typed)
    _refuse_erased(found.erased_at, found.erased_by, "routine")
    return book.erasing.of_routine(found)


def _refuse_erased(at: datetime | None, by: str | None, what: str) -> None:
    from domain.errors import ContentErasedError

    if at is not None:
        raise ContentErasedError(f"This {what} was {erased_words(at, by)} already. Nothing was changed.")


def erased_words(at: datetime, by: str | None) -> str:
    """Return the words that stand where content was."""
    return f"erased on {local(at)} by {one_line(by)[-8:] or '?'}"


def _what(seen: ErasureView, *, with_derived: bool) -> str:
    name = one_line(seen.title) or "(no title)"
    if seen.kind == "routine":
        return f"the routine {name!r} with all its versions"
    copies = len(seen.derived) if with_derived else 0
    if seen.kind == "project":
        what = f"the project {name!r} with {_counted(seen.conversation_count - copies, 'conversation')}"
    else:
        what = f"the conversation {name!r}"
    if copies:
        what += f", {_counted(copies, 'conversation')} copied from it,"
    return f"{what} {'and' if seen.kind == 'project' else 'with'} {_counted(seen.message_count, 'message')}"


def _counted(number: int, noun: str) -> str:
    return f"{number} {noun}{'' if number == 1 else 's'}"


def _ask(seen: ErasureView, *, with_derived: bool) -> None:
    from domain.errors import InvalidInputError, RefusedError
    from domain.ids import short
    from interfaces.cli.console import confirm_choice

    what = _what(seen, with_derived=with_derived)
    say(f"This takes {what}, from {local(seen.began_at)} to {local(seen.ended_at)}.")
    if seen.derived:
        say(
            "With it goes what was copied from it:"
            if with_derived
            else "What was copied from it has its own keys and stays readable; --with-derived takes it along:"
        )
        for one in seen.derived[:_MOST_SHOWN]:
            title = one_line(one.title) or "(no title)"
            say(f"  {short(one.id)}  {title}, {_counted(one.message_count, 'message')}")
        if len(seen.derived) > _MOST_SHOWN:
            say(f"  and {len(seen.derived) - _MOST_SHOWN} more")
    if seen.kind == "routine":
        say(f"What it was run for has its own keys and stays: daybook list --routine {short(seen.id)}")
    say("It cannot be undone by anybody. That there was something, when and by whom, stays in the log.")
    if not can_ask():
        raise InvalidInputError("There is no terminal to ask. Nothing was erased.", hint="--yes")
    choice = confirm_choice(
        "Erase it for ever? [y/N] ", lambda typed: typed.lower() in {"y", "n", "yes", "no"}, "n"
    )
    if choice.lower() not in {"y", "yes"}:
        raise RefusedError("Nothing was erased.")


def _command(book: Book, seen: ErasureView, *, with_derived: bool) -> Erasing:
    from application.commands import EraseConversation, EraseProject, EraseRoutine

    if seen.kind == "routine":
        return EraseRoutine(actor=book.actor, source=SOURCE, routine_id=seen.id)
    if seen.kind == "project":
        return EraseProject(actor=book.actor, source=SOURCE, project_id=seen.id, with_derived=with_derived)
    return EraseConversation(
        actor=book.actor, source=SOURCE, conversation_id=seen.id, with_derived=with_derived
    )
