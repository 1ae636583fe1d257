"""Opening the book for one command: looked after first, closed in the end."""

from __future__ import annotations

from collections.abc import Iterator
from contextlib import contextmanager
from typing import TYPE_CHECKING

import typer

from interfaces.cli.console import note
from interfaces.cli.host import Host

if TYPE_CHECKING:
    from interfaces.book import Book

SOURCE = "cli"
FLAGS = ("home", "database_url", "ollama_url", "server")


def host_of(ctx: typer.Context) -> Host:
    """Return the process around this command."""
    host: Host = ctx.find_root().obj
    return host


def flags_before(ctx: typer.Context) -> dict[str, str]:
    """Return the settings that were given as flags before the command."""
    given = ctx.find_root().params
    return {key: given[key] for key in FLAGS if given.get(key)}


@contextmanager
def opened_as_it_is(host: Host) -> Iterator[Book]:
    """Lend the book untouched: nothing is looked after, so that even a damaged one can be examined."""
    book = host.open_book(note)
    try:
        yield book
    finally:
        book.close()


@contextmanager
def opened(host: Host) -> Iterator[Book]:
    """Lend the book: answers of dead processes closed, read models up to date."""
    from interfaces.cli.meanwhile import meanwhile

    book = host.open_book(note)
    try:
        with meanwhile("Bringing the read models up to date"):
            book.look_after()
        yield book.watched()
    finally:
        book.close()
