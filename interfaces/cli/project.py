"""`daybook project …`: group conversations; give them instructions and a model."""

from __future__ import annotations

from typing import TYPE_CHECKING, Annotated, TypeAlias

import typer

from interfaces.cli.changes import change_project, give, new_text, show_of_project
from interfaces.cli.console import clean, local, one_line, out, out_json, say, table
from interfaces.cli.lazy import group_app
from interfaces.cli.model_options import CommandWithOptions, as_text, parse_options
from interfaces.cli.opening import SOURCE, host_of, opened

if TYPE_CHECKING:
    from projections.projects.queries import ProjectDetails

app = group_app("Group conversations; give them instructions and a model.")

Which: TypeAlias = Annotated[str, typer.Argument(metavar="NAME|ID", help="The project.")]
AsJson: TypeAlias = Annotated[bool, typer.Option("--json", help="Print one JSON document.")]
Option: TypeAlias = Annotated[
    list[str] | None,
    typer.Option(
        "--option", "-o", metavar="KEY VALUE", help="An option of the model for its answers, temperature 0.2."
    ),
]
Clear: TypeAlias = Annotated[bool, typer.Option("--clear", help="Take it away.")]


@app.command(cls=CommandWithOptions)
def create(
    ctx: typer.Context,
    name: Annotated[str, typer.Argument(help="Its name.")],
    *,
    description: Annotated[str, typer.Option("--description", "-d", help="What it is for.")] = "",
    instructions: Annotated[
        str, typer.Option("--instructions", "-s", help="What every answer in it is told first.")
    ] = "",
    model: Annotated[str | None, typer.Option("--model", "-m", help="The model that answers in it.")] = None,
    option: Option = None,
    as_json: AsJson = False,
) -> None:
    """Open a project."""
    from application.commands import CreateProject
    from domain.ids import short

    with opened(host_of(ctx)) as book:
        command = CreateProject(
            actor=book.actor,
            source=SOURCE,
            name=name,
            description=description,
            instructions=instructions,
            default_model=model,
            default_options=parse_options(option or []),
        )
        namesakes = [one for one in book.projects.all(include_archived=True) if one.name == name.strip()]
        give(book, command, f"Created: {one_line(name)}", as_json=as_json)
        if namesakes:
            other = short(namesakes[0].id)
            say("Another project has this name, too: name both by their ids,")
            say(f"or give that one another: daybook project rename {other} NAME")


@app.command("list")
def list_projects(
    ctx: typer.Context,
    *,
    archived: Annotated[bool, typer.Option("--archived", help="Archived ones, too.")] = False,
    as_json: AsJson = False,
) -> None:
    """List projects."""
    from domain.ids import short

    with opened(host_of(ctx)) as book:
        found = book.projects.all(include_archived=archived)
        if as_json:
            from interfaces.viewing import project
            from interfaces.views import ProjectListView

            out_json(ProjectListView(projects=[project(one) for one in found]))
            return
        if not found:
            say("No project yet. Open one: daybook project create NAME")
            return
        rows = [
            (
                short(one.id),
                _name(one),
                one_line(one.default_model),
                local(one.updated_at),
            )
            for one in found
        ]
        table(("ID", "NAME", "MODEL", "WHEN"), rows, stretch=(1,), optional=(2,))


@app.command()
def show(ctx: typer.Context, project: Which, *, as_json: AsJson = False) -> None:
    """Show a project."""
    from interfaces.cli import finding

    with opened(host_of(ctx)) as book:
        found = finding.project(book, project)
        if as_json:
            from interfaces.viewing import project as view

            out_json(view(found))
            return
        from domain.ids import short

        out(_name(found))
        out(f"id            {short(found.id)}  ({found.id})")
        out(f"model         {one_line(found.default_model) or 'the default'}")
        if found.default_options:
            out(f"options       {as_text(found.default_options)}")
        out(f"description   {clean(found.description) or '(none)'}")
        out(f"instructions  {clean(found.instructions) or '(none)'}")
        out(f"since         {local(found.created_at)}")
        if found.damage is not None:
            say(f"daybook: {found.damage.message}")


def _name(found: ProjectDetails) -> str:
    if found.erased_at is not None:
        from interfaces.cli.erase import erased_words

        return f"({erased_words(found.erased_at, found.erased_by)})"
    return (one_line(found.name) or "(altered)") + (" (archived)" if found.archived else "")


@app.command()
def rename(
    ctx: typer.Context,
    project: Which,
    name: Annotated[list[str], typer.Argument(help="Its new name.")],
    *,
    as_json: AsJson = False,
) -> None:
    """Give a project another name."""
    from application.commands import RenameProject

    change_project(
        ctx,
        project,
        lambda book, found: RenameProject(
            actor=book.actor, source=SOURCE, project_id=found.id, name=" ".join(name)
        ),
        "Renamed",
        now=" ".join(name),
        as_json=as_json,
    )


@app.command()
def describe(
    ctx: typer.Context,
    project: Which,
    description: Annotated[
        list[str] | None, typer.Argument(help="What it is for; - reads standard input; none shows it.")
    ] = None,
    *,
    clear: Clear = False,
    as_json: AsJson = False,
) -> None:
    """Show or say what a project is for."""
    from application.commands import DescribeProject

    told = new_text(description, clear=clear)
    if told is None:
        show_of_project(
            ctx, project, lambda found: found.description, "This project has no description.", as_json=as_json
        )
        return
    change_project(
        ctx,
        project,
        lambda book, found: DescribeProject(
            actor=book.actor, source=SOURCE, project_id=found.id, description=told
        ),
        "Described" if told else "Description taken away",
        as_json=as_json,
    )


@app.command()
def instructions(
    ctx: typer.Context,
    project: Which,
    text: Annotated[
        list[str] | None,
        typer.Argument(help="What every answer is told first; - reads standard input; none shows it."),
    ] = None,
    *,
    history: Annotated[bool, typer.Option("--history", help="List all versions there were.")] = False,
    version: Annotated[
        int | None,
        typer.Option("--version", metavar="N", help="Show this version; answers say which they used."),
    ] = None,
    restore: Annotated[
        int | None,
        typer.Option("--restore", metavar="N", help="Set them to what they were at this version."),
    ] = None,
    clear: Clear = False,
    as_json: AsJson = False,
) -> None:
    """Show or set what every answer in a project is told first, or look at what it was."""
    from interfaces.cli import project_instructions as versions

    if history + (version is not None) + (restore is not None) + clear + bool(text) > 1:
        raise versions.only_one()
    if history or version is not None:
        versions.show(ctx, project, version, as_json=as_json)
    elif restore is not None:
        versions.restore(ctx, project, restore, as_json=as_json)
    else:
        versions.change(ctx, project, new_text(text, clear=clear), as_json=as_json)


@app.command(cls=CommandWithOptions)
def options(
    ctx: typer.Context,
    project: Which,
    *,
    option: Option = None,
    clear: Clear = False,
    as_json: AsJson = False,
) -> None:
    """Show or choose the model's options for answers in a project that are told no others.

    Those named replace all that were set before.
    """
    from application.commands import SetDefaultOptions
    from domain.errors import InvalidInputError

    if option and clear:
        raise InvalidInputError("Either options or --clear, not both. Nothing was changed.")
    if not option and not clear:
        show_of_project(
            ctx,
            project,
            lambda found: as_text(found.default_options),
            "This project has no options of its own.",
            how="-o KEY VALUE sets them; --clear takes them away.",
            as_json=as_json,
        )
        return
    chosen = parse_options(option or [])
    change_project(
        ctx,
        project,
        lambda book, found: SetDefaultOptions(
            actor=book.actor, source=SOURCE, project_id=found.id, options=chosen
        ),
        "Options set" if chosen else "Options taken away",
        as_json=as_json,
    )


@app.command()
def model(
    ctx: typer.Context,
    project: Which,
    name: Annotated[str | None, typer.Argument(help="The model; none shows which one it is.")] = None,
    *,
    clear: Clear = False,
    as_json: AsJson = False,
) -> None:
    """Show or choose the model that answers in a project."""
    from application.commands import SetDefaultModel
    from domain.errors import InvalidInputError

    if name is None and not clear:
        none = "The default model answers in this project."
        show_of_project(ctx, project, lambda found: found.default_model, none, as_json=as_json)
        return
    if clear and name is not None:
        raise InvalidInputError("Either a model or --clear, not both. Nothing was changed.")
    if name is not None and not name.strip():
        raise InvalidInputError(
            "The name of the model is empty. Nothing was changed; for the default model say --clear."
        )
    change_project(
        ctx,
        project,
        lambda book, found: SetDefaultModel(actor=book.actor, source=SOURCE, project_id=found.id, model=name),
        f"Answered by {one_line(name)}" if name else "Answered by the default model",
        as_json=as_json,
    )


@app.command()
def archive(ctx: typer.Context, project: Which, *, as_json: AsJson = False) -> None:
    """Put a project out of the way."""
    from application.commands import ArchiveProject

    change_project(
        ctx,
        project,
        lambda book, found: ArchiveProject(actor=book.actor, source=SOURCE, project_id=found.id),
        "Archived",
        as_json=as_json,
    )


@app.command()
def restore(ctx: typer.Context, project: Which, *, as_json: AsJson = False) -> None:
    """Bring an archived project back."""
    from application.commands import RestoreProject

    change_project(
        ctx,
        project,
        lambda book, found: RestoreProject(actor=book.actor, source=SOURCE, project_id=found.id),
        "Brought back",
        as_json=as_json,
    )
