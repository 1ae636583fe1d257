"""`daybook tag`: tags of a conversation, typed as `+work -draft`.

Typer takes a word that begins with - for an option, so such words travel through it behind a sign that no
terminal can type.
"""

from __future__ import annotations

from collections.abc import Sequence
from typing import TYPE_CHECKING, Annotated

import typer
from typer.core import TyperCommand

from interfaces.cli.console import one_line, out, out_json, say, table
from interfaces.cli.finding import LAST
from interfaces.cli.lazy import command_app
from interfaces.cli.opening import SOURCE, host_of, opened

if TYPE_CHECKING:
    from interfaces.book import Book

app = command_app()

_AWAY = "\x1f"
_OPTIONS = {"-", "-h"}


class CommandWithTags(TyperCommand):
    """A command that takes `-name`."""

    def parse_args(self, ctx: typer.Context, args: list[str]) -> list[str]:  # type: ignore[override]
        """Guard the words that take a tag off."""
        return super().parse_args(ctx, guarded(args))


def guarded(args: Sequence[str]) -> list[str]:
    """Return arguments in which words that take a tag off are not options any more."""
    end = list(args).index("--") if "--" in args else len(args)
    return [
        _AWAY + word if word.startswith("-") and not word.startswith("--") and word not in _OPTIONS else word
        for word in args[:end]
    ] + [word if word == "--" or not word.startswith("-") else _AWAY + word for word in args[end:]]


@app.command(cls=CommandWithTags)
def tag(
    ctx: typer.Context,
    words: Annotated[
        list[str] | None,
        typer.Argument(
            metavar="[ID] [+NAME|-NAME]...",
            help="The conversation, and tags to put on (+) and take off (-); no tags: see its own.",
        ),
    ] = None,
    *,
    clear: Annotated[bool, typer.Option("--clear", help="Take all its tags off.")] = False,
    as_json: Annotated[bool, typer.Option("--json", help="Print one JSON document.")] = False,
) -> None:
    """Put tags on a conversation and take them off, or see all tags."""
    typed = list(words or [])
    named = bool(typed) and typed[0][0] not in {"+", _AWAY}
    conversation = typed.pop(0) if named else LAST
    on, off = parse_tags(typed)
    with opened(host_of(ctx)) as book:
        if on or off or clear:
            _change(book, conversation, on, off, clear=clear, as_json=as_json)
        elif named:
            _show(book, conversation, as_json=as_json)
        else:
            _list(book, as_json=as_json)


def parse_tags(words: Sequence[str]) -> tuple[tuple[str, ...], tuple[str, ...]]:
    """Return the tags to put on and those to take off.

    Raises:
        InvalidInputError: a word says neither.
    """
    from domain.errors import InvalidInputError

    on, off = [], []
    for word in words:
        if word.startswith("+"):
            on.append(word[1:])
        elif word.startswith(_AWAY):
            off.append(word.removeprefix(_AWAY)[1:])
        else:
            raise InvalidInputError(
                f"{word!r}: a tag is put on as +{word} and taken off as -{word}. Nothing was changed."
            )
    return tuple(on), tuple(off)


def _change(
    book: Book, typed: str, on: tuple[str, ...], off: tuple[str, ...], *, clear: bool, as_json: bool
) -> None:
    from application.commands import ChangeConversation
    from domain.errors import InvalidInputError
    from interfaces.cli.changes import give
    from interfaces.cli.finding import conversation

    if clear and off:
        raise InvalidInputError("Either --clear or tags to take off, not both. Nothing was changed.")
    found = conversation(book, typed)
    command = ChangeConversation(
        actor=book.actor,
        source=SOURCE,
        conversation_id=found.id,
        tags=on if clear else None,
        add_tags=() if clear else on,
        remove_tags=off,
    )
    give(book, command, f"Tagged: {one_line(found.title)}", as_json=as_json)
    if not as_json:
        now = conversation(book, str(found.id))
        say(f"  {one_line(', '.join(now.tags)) or '(no tags)'}")


def _show(book: Book, typed: str, *, as_json: bool) -> None:
    from interfaces.cli.finding import conversation

    found = conversation(book, typed)
    if as_json:
        from interfaces.viewing import conversation_item

        out_json(conversation_item(found))
        return
    for name in found.tags:
        out(one_line(name))
    if not found.tags:
        say("It has no tags. Put one on: daybook tag ID +NAME")


def _list(book: Book, *, as_json: bool) -> None:
    tags = book.conversations.tags()
    if as_json:
        from interfaces.filing_views import tags as view

        out_json(view(tags))
    elif tags:
        rows = [(one_line(one.name), str(one.conversation_count)) for one in tags]
        table(("TAG", "CONVERSATIONS"), rows, stretch=(0,))
    else:
        say("No conversation has a tag. Put one on: daybook tag ID +NAME")
