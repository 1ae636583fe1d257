"""How routines, their versions and their runs are shown."""

from __future__ import annotations

from typing import TYPE_CHECKING

from domain.ids import short
from interfaces.cli.console import clean, local, one_line, out, out_json, say, table

if TYPE_CHECKING:
    from collections.abc import Sequence

    from interfaces.book import Book
    from projections.routines.queries import RoutineDetails, RoutineVersion

_MOST_RUNS = 200


def title(found: RoutineDetails) -> str:
    """Return what a routine is called, and whether it is there no more."""
    if found.erased_at is not None:
        from interfaces.cli.erase import erased_words

        return f"({erased_words(found.erased_at, found.erased_by)})"
    name = one_line(found.name) or "(altered)"
    return f"{name} (removed)" if found.removed_at is not None else name


def routine(found: RoutineDetails, *, as_json: bool) -> None:
    """Show a routine as it is now."""
    if as_json:
        from interfaces.routine_views import routine as view

        out_json(view(found))
        return
    _print(found, found.newest)
    out(
        f"runs          {found.run_count}"
        + (f", last {local(found.last_run_at)}" if found.last_run_at else "")
    )
    _print_texts(found.newest)


def one_version(
    found: RoutineDetails, versions: Sequence[RoutineVersion], number: int, *, as_json: bool
) -> None:
    """Show a routine as it was in one version.

    Raises:
        NotFoundError: it never had that.
    """
    from domain.errors import NotFoundError

    wanted = next((one for one in versions if one.number == number), None)
    if wanted is None:
        raise NotFoundError(
            f"Routine {title(found)} has no version {number}; the newest is {found.newest.number}.",
            hint=f"daybook routine show {short(found.id)} --history",
        )
    if as_json:
        from interfaces.routine_views import version as view

        out_json(view(wanted))
        return
    _print(found, wanted)
    _print_texts(wanted)


def history(found: RoutineDetails, versions: Sequence[RoutineVersion], *, as_json: bool) -> None:
    """List the versions of a routine, newest first; the document has the oldest first."""
    if as_json:
        from interfaces.routine_views import versions as view

        out_json(view(versions))
        return
    rows = [
        (
            str(one.number),
            one_line(one.name),
            one_line(one.prompt)[:200],
            one_line(one.model),
            local(one.at),
            one.actor[-8:],
        )
        for one in reversed(versions)
    ]
    table(("VERSION", "NAME", "PROMPT", "MODEL", "WHEN", "BY"), rows, stretch=(2, 1), optional=(5, 3))
    if found.newest.damage is not None:
        say(f"daybook: {found.newest.damage.message}")


def runs(book: Book, found: RoutineDetails, *, as_json: bool) -> None:
    """List the conversations that a routine was run for, newest first."""
    from projections.conversations.wanted import Wanted

    wanted = Wanted(routine_id=found.id, archived="include")
    page = book.conversations.listed(wanted, limit=_MOST_RUNS)
    if as_json:
        from interfaces.viewing import conversation_list

        out_json(conversation_list(page))
        return
    if not page.conversations:
        say_not_run(found)
        return
    from interfaces.cli.list import title_of

    rows = [
        (short(one.id), str(one.routine_version), title_of(one), local(one.updated_at))
        for one in page.conversations
    ]
    table(("ID", "VERSION", "TITLE", "WHEN"), rows, stretch=(2,))
    if page.next_cursor:
        say(f"More: daybook list --routine {short(found.id)} --cursor {page.next_cursor}")


def say_not_run(found: RoutineDetails) -> None:
    """Say that a routine has no runs, and how to run one that is there."""
    if found.removed_at is not None or found.erased_at is not None:
        say("This routine was never run.")
    else:
        say(f"This routine was not run yet. Run it: daybook routine run {one_line(found.name)}")


def _print(found: RoutineDetails, version: RoutineVersion) -> None:
    definition = version.definition
    out(title(found))
    out(f"id            {short(found.id)}  ({found.id})")
    out(f"version       {version.number}, {local(version.at)}")
    out(f"description   {clean(version.description) or '(none)'}")
    out(f"model         {one_line(version.model) or 'the default'}")
    if version.think is not None:
        words: dict[bool | str, str] = {True: "yes", False: "no"}
        out(f"think         {words.get(version.think) or version.think}")
    for key, value in version.options.items():
        out(f"option        {one_line(str(key))} {one_line(str(value))}")
    for name, default in definition.variables().items():
        out(f"variable      {name}" + (" (needed)" if default is None else f" = {one_line(default)}"))
    where = "goes where {{input}} stands" if definition.names_input else "is added at the end"
    out(f"input         what is piped in {where}")


def _print_texts(version: RoutineVersion) -> None:
    if version.instructions:
        out(f"\nInstructions\n\n{clean(version.instructions)}")
    if version.prompt:
        out(f"\nPrompt\n\n{clean(version.prompt)}")
    if version.damage is not None:
        say(f"daybook: {version.damage.message}")
