"""What `rename`, `archive` and `restore` share: find the thing, give the command, say that it is done."""

from __future__ import annotations

from collections.abc import Callable
from typing import TYPE_CHECKING

import typer

from interfaces.cli.console import one_line, out_json, say
from interfaces.cli.opening import host_of, opened

if TYPE_CHECKING:
    from application.commands import Command
    from interfaces.book import Book
    from projections.conversations.queries import ConversationSummary
    from projections.projects.queries import ProjectDetails


def change_conversation(
    ctx: typer.Context,
    typed: str,
    command: Callable[[Book, ConversationSummary], Command],
    done: str,
    *,
    as_json: bool,
) -> None:
    """Change one conversation; `done` says what became of it."""
    from interfaces.cli.finding import conversation

    with opened(host_of(ctx)) as book:
        found = conversation(book, typed)
        give(book, command(book, found), f"{done}: {one_line(found.title)}", as_json=as_json)


def change_project(
    ctx: typer.Context,
    typed: str,
    command: Callable[[Book, ProjectDetails], Command],
    done: str,
    *,
    as_json: bool,
) -> None:
    """Change one project; `done` says what became of it."""
    from interfaces.cli.finding import project

    with opened(host_of(ctx)) as book:
        found = project(book, typed)
        give(book, command(book, found), f"{done}: {one_line(found.name)}", as_json=as_json)


def give(book: Book, command: Command, told: str, *, as_json: bool) -> None:
    """Give a command and tell what came of it."""
    done = book.commands.handle(command)
    if as_json:
        from interfaces.views import DoneView

        out_json(DoneView(id=done.id, log_size=done.log_size))
    else:
        from domain.ids import short

        say(f"{told} ({short(done.id)})")
