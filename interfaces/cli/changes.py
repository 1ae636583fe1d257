"""What the commands that change something share: find the thing, give the command, say that it is done.

Invariant: nothing is taken away because nothing was typed; that needs `--clear`.
"""

from __future__ import annotations

from collections.abc import Callable
from typing import TYPE_CHECKING

import typer

from interfaces.cli.console import clean, one_line, out, out_is_terminal, out_json, say
from interfaces.cli.meanwhile import meanwhile
from interfaces.cli.opening import host_of, opened

if TYPE_CHECKING:
    from application.commands import Command
    from interfaces.book import Book
    from projections.conversations.queries import ConversationSummary
    from projections.projects.queries import ProjectDetails

CLEAR = "--clear"


def change_conversation(
    ctx: typer.Context,
    typed: str,
    command: Callable[[Book, ConversationSummary], Command],
    done: str,
    *,
    as_json: bool,
    now: str | None = None,
) -> None:
    """Change one conversation; `done` says what became of it, `now` its title where that changes."""
    from interfaces.cli.finding import conversation

    with opened(host_of(ctx)) as book:
        found = conversation(book, typed)
        give(
            book,
            command(book, found),
            f"{done}: {one_line(found.title if now is None else now)}",
            as_json=as_json,
        )


def change_project(
    ctx: typer.Context,
    typed: str,
    command: Callable[[Book, ProjectDetails], Command],
    done: str,
    *,
    as_json: bool,
    now: str | None = None,
) -> None:
    """Change one project; `done` says what became of it, `now` its name where that changes."""
    from interfaces.cli.finding import project

    with opened(host_of(ctx)) as book:
        found = project(book, typed)
        give(
            book,
            command(book, found),
            f"{done}: {one_line(found.name if now is None else now)}",
            as_json=as_json,
        )


def give(book: Book, command: Command, told: str, *, as_json: bool) -> None:
    """Give a command and tell what came of it."""
    with meanwhile("Recording"):
        done = book.commands.handle(command)
    if as_json:
        from interfaces.views import DoneView

        out_json(DoneView(id=done.id, log_size=done.log_size))
    else:
        from domain.ids import short

        say(f"{told} ({short(done.id)})")


def show_of_project(
    ctx: typer.Context,
    typed: str,
    part: Callable[[ProjectDetails], str | None],
    none: str,
    *,
    as_json: bool,
    how: str = f"Type a new one after the project to change it; {CLEAR} takes it away.",
) -> None:
    """Show one part of a project and say how it is changed; `none` says that there is nothing."""
    from interfaces.cli.finding import project

    with opened(host_of(ctx)) as book:
        found = project(book, typed)
        if as_json:
            from interfaces.viewing import project as view

            out_json(view(found))
            return
        text = part(found)
        if text:
            out(clean(text) if out_is_terminal() else text)
        else:
            say(none)
        if found.damage is not None:
            say(f"daybook: {found.damage.message}")
        say(how)


def new_text(typed: list[str] | None, *, clear: bool) -> str | None:
    """Return the text that is to be set, from the arguments or from a pipe; None: nothing is to be changed.

    Raises:
        InvalidInputError: it is empty and nobody said that the old one shall go, or both are wanted.
    """
    from domain.errors import InvalidInputError
    from interfaces.cli.prompt_input import decoded, is_piped, read_piped

    told = " ".join(typed or [])
    if clear:
        if typed:
            raise InvalidInputError(f"Either a new text or {CLEAR}, not both. Nothing was changed.")
        return ""
    if told == "-" or (not typed and is_piped(0)):
        piped = decoded(read_piped(0))
        if piped.strip() or told != "-":
            return piped if piped.strip() else None
        told = ""
    elif not typed:
        return None
    if not told.strip():
        raise InvalidInputError(
            f"The new text is empty. Nothing was changed; to take the old one away say {CLEAR}."
        )
    return told


def written(typed: list[str] | None, old: Callable[[], str], what: str) -> str | None:
    """Return a text from the arguments, a pipe, or the editor, where the old one waits.

    None: it was left as it was in the editor.

    Raises:
        InvalidInputError: it is empty, or there is neither a text nor a person who could write one.
    """
    from domain.errors import InvalidInputError
    from interfaces.cli.console import can_ask
    from interfaces.cli.prompt_input import decoded, is_piped, read_piped

    told = " ".join(typed or [])
    if told == "-" or (not typed and is_piped(0)):
        told = decoded(read_piped(0))
    elif not typed:
        if not can_ask():
            raise InvalidInputError(
                f"{what} has no new text. Nothing was recorded; type it behind the id, or pipe it in."
            )
        from interfaces.cli.editing import edit

        before = old()
        told = edit(before)
        if told == before.rstrip("\n"):
            return None
    if not told.strip():
        raise InvalidInputError(f"{what} would be empty. Nothing was recorded.")
    return told
