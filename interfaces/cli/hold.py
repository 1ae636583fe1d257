"""`daybook hold …`: what must not be erased, and why."""

from __future__ import annotations

from typing import TYPE_CHECKING, Annotated, TypeAlias

import typer

from interfaces.cli.changes import give
from interfaces.cli.console import one_line, out_json, say, table
from interfaces.cli.lazy import group_app
from interfaces.cli.opening import SOURCE, host_of, opened

if TYPE_CHECKING:
    from application.commands import Command
    from interfaces.book import Book

app = group_app("Forbid erasing a conversation or a project.")

Which: TypeAlias = Annotated[
    str | None, typer.Argument(metavar="CONVERSATION", help="The conversation; @last: your latest.")
]
InProject: TypeAlias = Annotated[
    str | None, typer.Option("--project", "-p", metavar="NAME|ID", help="A project and its conversations.")
]
Why: TypeAlias = Annotated[str, typer.Option("--reason", "-r", metavar="TEXT", help="Why; it is recorded.")]
AsJson: TypeAlias = Annotated[bool, typer.Option("--json", help="Print one JSON document.")]


@app.command()
def add(
    ctx: typer.Context,
    identifier: Which = None,
    *,
    reason: Why,
    project: InProject = None,
    as_json: AsJson = False,
) -> None:
    """Forbid erasing it until it is released."""
    with opened(host_of(ctx)) as book:
        give(book, _command(book, identifier, project, reason, hold=True), "Held", as_json=as_json)


@app.command()
def release(
    ctx: typer.Context,
    identifier: Which = None,
    *,
    reason: Why,
    project: InProject = None,
    as_json: AsJson = False,
) -> None:
    """Allow erasing it again."""
    with opened(host_of(ctx)) as book:
        give(book, _command(book, identifier, project, reason, hold=False), "Released", as_json=as_json)


@app.command("list")
def list_holds(ctx: typer.Context, *, as_json: AsJson = False) -> None:
    """List what is held, and why."""
    from domain.ids import short
    from interfaces.views import HoldListView

    with opened(host_of(ctx)) as book:
        holds = book.erasing.holds()
    if as_json:
        out_json(HoldListView(holds=holds))
    elif holds:
        rows = [(short(one.id), one.kind, one_line(one.title), one_line(one.reason)) for one in holds]
        table(("ID", "KIND", "TITLE", "REASON"), rows, stretch=(3,))
    else:
        say("Nothing is held. Forbid an erasure: daybook hold add CONVERSATION --reason WHY")


def _command(book: Book, identifier: str | None, project: str | None, reason: str, *, hold: bool) -> Command:
    from application import commands as c
    from domain.errors import InvalidInputError
    from interfaces.cli import finding

    if (identifier is None) == (project is None):
        raise InvalidInputError("Name either a conversation or --project. Nothing was changed.")
    if project is not None:
        kind = c.HoldProject if hold else c.ReleaseProject
        return kind(
            actor=book.actor, source=SOURCE, project_id=finding.project(book, project).id, reason=reason
        )
    found = finding.conversation(book, identifier or "")
    of_conversation = c.HoldConversation if hold else c.ReleaseConversation
    return of_conversation(actor=book.actor, source=SOURCE, conversation_id=found.id, reason=reason)
