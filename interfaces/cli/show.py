"""`daybook show`: one conversation, its current branch or the branch of a message."""

from __future__ import annotations

from typing import TYPE_CHECKING, Annotated, Any

import typer

from interfaces.cli.as_of import AsOf, meant, tell
from interfaces.cli.console import clean, local, one_line, out, out_is_terminal, out_json, terminal
from interfaces.cli.lazy import command_app
from interfaces.cli.opening import host_of, opened
from interfaces.cli.paging import paged

if TYPE_CHECKING:
    from collections.abc import Mapping
    from uuid import UUID

    from interfaces.book import Book
    from interfaces.past_parts import Seen
    from projections.conversations.queries import ConversationSummary
    from projections.transcript.messages import Message

app = command_app()


@app.command()
def show(
    ctx: typer.Context,
    identifier: Annotated[
        str, typer.Argument(metavar="ID", help="A conversation or a message; @last: your latest.")
    ],
    *,
    thinking: Annotated[bool, typer.Option("--thinking", help="Show what the models thought, too.")] = False,
    as_of: AsOf = None,
    as_json: Annotated[bool, typer.Option("--json", help="Print one JSON document.")] = False,
) -> None:
    """Show a conversation."""
    with opened(host_of(ctx)) as book:
        then = None if as_of is None else book.past.at(meant(book, as_of))
        found, messages = _meant(book, identifier, then)
        moment = None if then is None else then.moment
        if as_json:
            from interfaces.viewing import transcript

            out_json(transcript(found, messages, moment))
        else:
            tell(moment)
            names = routine_names(book, messages)
            with paged(ctx):
                print_conversation(found, messages, thinking=thinking, routines=names)


def _meant(book: Book, identifier: str, then: Seen | None) -> tuple[ConversationSummary, tuple[Message, ...]]:
    """Return a conversation and its current branch, or, of a message's id, the branch that ends in it."""
    from domain.errors import NotFoundError
    from interfaces.cli import finding

    shown = book if then is None else then
    found = finding.conversation_if_any(book, identifier, then)
    if found is not None:
        return found, shown.transcript.branch(found.id)
    message = finding.message(book, identifier, then)
    found = None if message is None else shown.conversations.get(message.conversation_id)
    if found is None or message is None:
        was = "is no" if then is None else "was no"
        raise NotFoundError(
            f"There {was} conversation or message {identifier!r} in this book"
            + ("." if then is None else " at that moment."),
            hint="daybook list" if then is None else "daybook list --as-of …",
        )
    return found, shown.transcript.branch(found.id, message.id)


def routine_names(book: Book, messages: tuple[Message, ...]) -> dict[UUID, str]:
    """Return the names of the routines that made these messages; of erased ones there is none."""
    ids = {message.made_by.routine_id for message in messages if message.made_by is not None}
    return {one: found.name for one in ids if (found := book.routines.get(one)) is not None and found.name}


def print_conversation(
    found: ConversationSummary,
    messages: tuple[Message, ...],
    *,
    thinking: bool,
    routines: Mapping[UUID, str] | None = None,
) -> None:
    """Print a conversation for people: Markdown on a terminal, as it was written in a pipe."""
    title = one_line(found.title) or ("(altered)" if found.damaged else "(no title)")
    if found.erased_at is not None:
        from interfaces.cli.erase import erased_words

        title = f"({erased_words(found.erased_at, found.erased_by)})"
    pretty = _Pretty() if out_is_terminal() else _Plain()
    pretty.title(title, " · ".join(_about(found)))
    for message in messages:
        pretty.head(heading(message))
        if thinking and message.thinking:
            pretty.thinking(message.thinking)
        if message.erased:
            pretty.remark("(erased)")
        elif message.text:
            pretty.text(message.text)
        if message.damage is not None:
            pretty.remark("(some of this was altered after it was written; it does not open with its key)")
        if (remark := ending(message)) is not None:
            pretty.remark(remark)
        for line in remarks(message, routines or {}):
            pretty.remark(line)


def _about(found: ConversationSummary) -> list[str]:
    """Return what stands below a conversation's title."""
    from domain.ids import short

    about = [short(found.id), local(found.created_at), f"{found.message_count} messages"]
    if found.origin_conversation_id is not None:
        about.append(f"copied from {short(found.origin_conversation_id)}")
    if found.archived:
        about.append("archived")
    if found.hold_reason is not None:
        about.append("held")
    return about


def heading(message: Message) -> str:
    """Return the line above a message."""
    from domain.ids import short

    who = "You" if message.kind == "prompt" else one_line(message.model) or "?"
    parts = [who, local(message.at), short(message.id)]
    if message.sibling_count > 1:
        parts.append(f"{message.sibling_index}/{message.sibling_count}")
    return " · ".join(parts)


def remarks(message: Message, routines: Mapping[UUID, str]) -> list[str]:
    """Return what made a message, and what people said of it: its rating and its notes."""
    from domain.ids import short

    lines = []
    if message.made_by is not None:
        made = message.made_by
        values = "".join(f", {name}={one_line(value)[:40]}" for name, value in made.variables.items())
        name = one_line(routines.get(made.routine_id)) or short(made.routine_id)
        lines.append(f"(made by routine {name}, version {made.version}{values})")
    if message.rating is not None:
        words = f": {message.rating_words}" if message.rating_words else ""
        lines.append(f"(rated {message.rating}{words})")
    lines += [f"(note {short(note.id)}: {note.text or '(erased)'})" for note in message.notes]
    return lines


def ending(message: Message) -> str | None:
    """Return what is to be said of an answer that is not complete."""
    if message.kind != "answer" or message.status == "complete":
        return None
    words = {
        "streaming": "still being written",
        "cancelled": "cancelled here",
        "failed": "failed here",
        "interrupted": "interrupted here: the process that was answering ended",
    }
    told = words.get(message.status or "", message.status or "")
    return f"({told}: {one_line(message.detail)})" if message.detail else f"({told})"


class _Plain:
    """Writes text as it is."""

    def title(self, title: str, about: str) -> None:
        out(f"# {title}\n{about}")

    def head(self, text: str) -> None:
        out(f"\n## {text}\n")

    def thinking(self, text: str) -> None:
        out("\n".join(f"> {line}".rstrip() for line in text.split("\n")) + "\n")

    def text(self, text: str) -> None:
        out(text.rstrip("\n"))

    def remark(self, text: str) -> None:
        out(text)


class _Pretty:
    """Writes for a terminal."""

    def __init__(self) -> None:
        self._console = terminal()

    def title(self, title: str, about: str) -> None:
        self._print(title, "bold")
        self._print(about, "dim")

    def head(self, text: str) -> None:
        self._console.print()
        self._print(text, "bold cyan")

    def thinking(self, text: str) -> None:
        from interfaces.cli.terminal_display import Barred

        self._console.print(Barred(text))
        self._console.print()

    def text(self, text: str) -> None:
        from interfaces.cli.terminal_display import markdown

        self._console.print(markdown(text))

    def remark(self, text: str) -> None:
        self._print(text, "dim italic")

    def _print(self, text: str, style: str) -> None:
        from rich.text import Text

        made: Any = Text(clean(text), style=style)
        self._console.print(made)
