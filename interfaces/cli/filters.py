"""Filters that lists and searches share, and the command that goes on with one where a page ended."""

from __future__ import annotations

import shlex
from collections.abc import Mapping, Sequence
from typing import TYPE_CHECKING, Annotated, TypeAlias

import typer

from interfaces.cli.console import clean

if TYPE_CHECKING:
    from datetime import datetime
    from uuid import UUID

    from interfaces.book import Book

Project: TypeAlias = Annotated[
    str | None, typer.Option("--project", "-p", metavar="NAME|ID", help="Only in a project.")
]
Tag: TypeAlias = Annotated[
    list[str] | None,
    typer.Option("--tag", "-t", metavar="NAME", help="Only with this tag; several times: with all of them."),
]
Since: TypeAlias = Annotated[
    str | None, typer.Option("--since", metavar="WHEN", help="Only from then on: 30d, 12h, 2026-03-01.")
]
Until: TypeAlias = Annotated[
    str | None, typer.Option("--until", metavar="WHEN", help="Only before; a date is counted whole.")
]


def project_id(book: Book, typed: str | None) -> UUID | None:
    """Return the id of the project that is meant; None: of none."""
    if typed is None:
        return None
    from interfaces.cli.finding import project

    return project(book, typed).id


def moments(book: Book, since: str | None, until: str | None) -> tuple[datetime | None, datetime | None]:
    """Return the moments that are meant.

    Raises:
        InvalidInputError: one is none.
    """
    if since is None and until is None:
        return None, None
    from interfaces.cli.moments import past

    now = book.clock.now().astimezone()
    return (
        None if since is None else past(since, now),
        None if until is None else past(until, now, whole_day=True),
    )


def going_on(
    command: str,
    cursor: str,
    options: Mapping[str, str | bool | Sequence[str] | None],
    words: Sequence[str] = (),
) -> str:
    """Return the command that shows the next page: the same options, and the same words."""
    parts = ["daybook", command, "--cursor", cursor]
    for name, value in options.items():
        if value is True:
            parts.append(name)
        elif isinstance(value, str):
            parts += [name, value]
        elif value:
            parts += [part for one in value for part in (name, one)]
    # A word that begins with - means "without"; unguarded it would be read as an option.
    guard = ["--"] if any(word.startswith("-") for word in words) else []
    return clean(shlex.join([*parts, *guard, *words]))
