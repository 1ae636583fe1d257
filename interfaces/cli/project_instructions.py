"""`daybook project instructions`: what they are, what they were, and setting them to what they were."""

from __future__ import annotations

from typing import TYPE_CHECKING

from interfaces.cli.changes import change_project, show_of_project
from interfaces.cli.console import clean, local, one_line, out, out_is_terminal, out_json, say, table
from interfaces.cli.opening import SOURCE, host_of, opened

if TYPE_CHECKING:
    import typer

    from domain.errors import DaybookError


def only_one() -> DaybookError:
    """Return what is said where several things are wanted at once."""
    from domain.errors import InvalidInputError

    return InvalidInputError(
        "One of a new text, --history, --version, --restore and --clear. Nothing was changed."
    )


def change(ctx: typer.Context, project: str, told: str | None, *, as_json: bool) -> None:
    """Set a project's instructions; None shows them."""
    from application.commands import ChangeInstructions

    if told is None:
        show_of_project(
            ctx,
            project,
            lambda found: found.instructions,
            "This project has no instructions.",
            as_json=as_json,
        )
        return
    change_project(
        ctx,
        project,
        lambda book, found: ChangeInstructions(
            actor=book.actor, source=SOURCE, project_id=found.id, instructions=told
        ),
        "Instructions set" if told else "Instructions taken away",
        as_json=as_json,
    )


def restore(ctx: typer.Context, project: str, version: int, *, as_json: bool) -> None:
    """Set a project's instructions to what they were at a version."""
    from application.commands import RestoreInstructions

    change_project(
        ctx,
        project,
        lambda book, found: RestoreInstructions(
            actor=book.actor, source=SOURCE, project_id=found.id, version=version
        ),
        f"Instructions set to those of version {version}",
        as_json=as_json,
    )


def show(ctx: typer.Context, project: str, version: int | None, *, as_json: bool) -> None:
    """Show one version of a project's instructions; None lists all there were."""
    from interfaces.cli import finding
    from interfaces.filing_views import instructions, instructions_at

    with opened(host_of(ctx)) as book:
        found = finding.project(book, project)
        versions = book.projects.instructions(found.id)
        if version is not None:
            one = instructions_at(found, versions, version)
            if as_json:
                out_json(one)
            elif one.damaged:
                say(f"daybook: The instructions of version {version} were altered and cannot be shown.")
            elif one.text:
                out(clean(one.text) if out_is_terminal() else one.text)
            else:
                say("These instructions were taken away then.")
            return
        listed = instructions(versions)
        if as_json:
            out_json(listed)
        elif not listed.instructions:
            say("This project never had instructions.")
        else:
            rows = [
                (
                    f"{one.version}{' *' if one.current else ''}",
                    local(one.at),
                    one_line(one.text) or ("(altered)" if one.damaged else "(taken away)"),
                )
                for one in listed.instructions
            ]
            table(("VERSION", "WHEN", "INSTRUCTIONS"), rows, stretch=(2,), optional=(1,))
            say("Set them to one of these: daybook project instructions PROJECT --restore VERSION")
