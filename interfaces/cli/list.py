"""`daybook list`: conversations. Kept light: this is the command that is typed most."""

from __future__ import annotations

from enum import StrEnum
from typing import TYPE_CHECKING, Annotated

import typer

from interfaces.cli.as_of import AsOf, seen, tell
from interfaces.cli.console import local, one_line, out_json, say, table
from interfaces.cli.filters import Project, Since, Tag, Until, going_on, moments, project_id
from interfaces.cli.lazy import command_app
from interfaces.cli.opening import host_of, opened
from interfaces.cli.paging import paged

if TYPE_CHECKING:
    from collections.abc import Sequence
    from uuid import UUID

    from interfaces.book import Book
    from interfaces.past_parts import Seen
    from projections.conversations.queries import ConversationPage, ConversationSummary
    from projections.routines.queries import RoutineDetails

app = command_app()


class Sort(StrEnum):
    """What a list is sorted by."""

    ACTIVITY = "activity"
    CREATED = "created"
    TITLE = "title"
    MESSAGES = "messages"


@app.command("list")
def list_conversations(  # noqa: PLR0913 - the flags are the command
    ctx: typer.Context,
    *,
    count: Annotated[int, typer.Option("-n", "--count", min=1, max=1000, help="At most so many.")] = 20,
    cursor: Annotated[
        str | None, typer.Option("--cursor", metavar="CURSOR", help="Go on where another list ended.")
    ] = None,
    project: Project = None,
    routine: Annotated[
        str | None, typer.Option("--routine", metavar="NAME|ID", help="Only the runs of a routine.")
    ] = None,
    tag: Tag = None,
    pinned: Annotated[bool, typer.Option("--pinned", help="Only pinned ones.")] = False,
    archived: Annotated[bool, typer.Option("--archived", help="Only archived ones.")] = False,
    model: Annotated[
        str | None, typer.Option("--model", "-m", help="Only those in which it has answered.")
    ] = None,
    since: Since = None,
    until: Until = None,
    sort: Annotated[
        Sort, typer.Option("--sort", help="The order; by activity, pinned ones come first.")
    ] = Sort.ACTIVITY,
    as_of: AsOf = None,
    as_json: Annotated[bool, typer.Option("--json", help="Print one JSON document.")] = False,
) -> None:
    """List conversations: pinned ones, then the newest first."""
    from projections.conversations.wanted import Wanted

    with opened(host_of(ctx)) as book:
        first, last = moments(book, since, until)
        made_by = None
        if routine is not None:
            from interfaces.cli.finding import routine as find_routine

            made_by = find_routine(book, routine)
        wanted = Wanted(
            project_id=project_id(book, project),
            routine_id=made_by.id if made_by else None,
            archived="only" if archived else "exclude",
            pinned=True if pinned else None,
            tags=tuple(tag or ()),
            model=model,
            since=first,
            until=last,
        )
        shown, moment = seen(book, as_of)
        page = shown.conversations.listed(wanted, sort=sort.value, limit=count, cursor=cursor)
        if as_json:
            from interfaces.viewing import conversation_list

            out_json(conversation_list(page, moment))
            return
        tell(moment)
        filters = {
            "--project": project,
            "--routine": routine,
            "--tag": tag,
            "--pinned": pinned,
            "--archived": archived,
            "--model": model,
            "--since": since,
            "--until": until,
            "--as-of": as_of,
        }
        if page.conversations:
            with paged(ctx):
                _print(shown, page)
        else:
            _say_empty([name for name, value in filters.items() if value], made_by)
        if page.next_cursor:
            order = None if sort is Sort.ACTIVITY else sort.value
            say(f"More: {going_on('list', page.next_cursor, {**filters, '--sort': order})}")


def _print(book: Book | Seen, page: ConversationPage) -> None:
    from domain.ids import short

    names = _project_names(book, page)
    rows = [
        (
            short(found.id),
            title_of(found),
            one_line(", ".join(found.tags)),
            names.get(found.project_id, "") if found.project_id else "",
            str(found.message_count),
            local(found.updated_at),
        )
        for found in page.conversations
    ]
    heads = ("ID", "TITLE", "TAGS", "PROJECT", "MESSAGES", "WHEN")
    if any(row[2] for row in rows):
        table(heads, rows, stretch=(1, 2, 3), optional=(4, 3, 2))
    else:  # what nobody uses takes no room
        table(
            (*heads[:2], *heads[3:]),
            [(*row[:2], *row[3:]) for row in rows],
            stretch=(1, 2),
            optional=(3, 2),
        )


def title_of(found: ConversationSummary) -> str:
    """Return what stands for a conversation in a list."""
    if found.erased_at is not None:
        from interfaces.cli.erase import erased_words

        return f"({erased_words(found.erased_at, found.erased_by)})"
    pin = "* " if found.pinned else ""
    return pin + (one_line(found.title) or ("(altered)" if found.damaged else "(no title)"))


def _project_names(book: Book | Seen, page: ConversationPage) -> dict[UUID, str]:
    if not any(found.project_id for found in page.conversations):
        return {}
    return {found.id: one_line(found.name) for found in book.projects.all(include_archived=True)}


def _say_empty(filters: Sequence[str], made_by: RoutineDetails | None) -> None:
    if filters == ["--archived"]:
        say("No conversation is archived.")
    elif filters == ["--routine"] and made_by is not None:
        from interfaces.cli.routine_display import say_not_run

        say_not_run(made_by)
    elif filters == ["--project"]:
        say('This project has no conversation yet. Begin one: daybook ask --project NAME "your question"')
    elif filters:
        say(f"No conversation fits ({', '.join(filters)}).")
    else:
        say('No conversation yet. Begin one: daybook ask "your question"   (or see: daybook demo)')
