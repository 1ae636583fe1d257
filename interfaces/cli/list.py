"""`daybook list`: conversations, newest first. Kept light: this is the command that is typed most."""

from __future__ import annotations

from typing import TYPE_CHECKING, Annotated

import typer

from interfaces.cli.console import local, one_line, out_json, say, table
from interfaces.cli.lazy import command_app
from interfaces.cli.opening import host_of, opened

if TYPE_CHECKING:
    from uuid import UUID

    from interfaces.book import Book
    from projections.conversations.queries import ConversationPage, ConversationSummary
    from projections.routines.queries import RoutineDetails

app = command_app()


@app.command("list")
def list_conversations(
    ctx: typer.Context,
    *,
    count: Annotated[int, typer.Option("-n", "--count", min=1, max=1000, help="At most so many.")] = 20,
    cursor: Annotated[
        str | None, typer.Option("--cursor", metavar="CURSOR", help="Go on where another list ended.")
    ] = None,
    project: Annotated[
        str | None, typer.Option("--project", "-p", metavar="NAME|ID", help="Only those of a project.")
    ] = None,
    routine: Annotated[
        str | None,
        typer.Option("--routine", metavar="NAME|ID", help="Only the runs of a routine."),
    ] = None,
    archived: Annotated[bool, typer.Option("--archived", help="Only archived ones.")] = False,
    as_json: Annotated[bool, typer.Option("--json", help="Print one JSON document.")] = False,
) -> None:
    """List conversations, newest first."""
    with opened(host_of(ctx)) as book:
        project_id = None
        if project is not None:
            from interfaces.cli.finding import project as find_project

            project_id = find_project(book, project).id
        made_by = None
        if routine is not None:
            from interfaces.cli.finding import routine as find_routine

            made_by = find_routine(book, routine)
        page = book.conversations.newest(
            project_id=project_id,
            routine_id=made_by.id if made_by else None,
            archived="only" if archived else "exclude",
            limit=count,
            cursor=cursor,
        )
        if as_json:
            from interfaces.viewing import conversation_list

            out_json(conversation_list(page))
        elif page.conversations:
            _print(book, page)
        else:
            _say_empty(archived=archived, in_project=project is not None, made_by=made_by)


def _print(book: Book, page: ConversationPage) -> None:
    from domain.ids import short

    names = _project_names(book, page)
    rows = [
        (
            short(found.id),
            title_of(found),
            names.get(found.project_id, "") if found.project_id else "",
            str(found.message_count),
            local(found.updated_at),
        )
        for found in page.conversations
    ]
    table(("ID", "TITLE", "PROJECT", "MESSAGES", "WHEN"), rows, stretch=(1, 2), optional=(3, 2))
    if page.next_cursor:
        say(f"More: daybook list --cursor {page.next_cursor}")


def title_of(found: ConversationSummary) -> str:
    """Return what stands for a conversation in a list."""
    if found.erased_at is not None:
        from interfaces.cli.erase import erased_words

        return f"({erased_words(found.erased_at, found.erased_by)})"
    return one_line(found.title) or ("(altered)" if found.damaged else "(no title)")


def _project_names(book: Book, page: ConversationPage) -> dict[UUID, str]:
    if not any(found.project_id for found in page.conversations):
        return {}
    return {found.id: one_line(found.name) for found in book.projects.all(include_archived=True)}


def _say_empty(*, archived: bool, in_project: bool, made_by: RoutineDetails | None) -> None:
    if archived:
        say("No conversation is archived.")
    elif made_by is not None:
        from interfaces.cli.routine_display import say_not_run

        say_not_run(made_by)
    elif in_project:
        say('This project has no conversation yet. Begin one: daybook ask --project NAME "your question"')
    else:
        say('No conversation yet. Begin one: daybook ask "your question"   (or see: daybook demo)')
