"""`daybook routine …`: saved prompts, each run as one command."""

from __future__ import annotations

from typing import TYPE_CHECKING, Annotated, TypeAlias

import typer

from interfaces.cli.console import local, one_line, out_json, say, table
from interfaces.cli.lazy import group_app
from interfaces.cli.model_options import CommandWithOptions, parse_options
from interfaces.cli.opening import SOURCE, host_of, opened

if TYPE_CHECKING:
    from application.commands import ChangeRoutine, CreateRoutine
    from interfaces.book import Book
    from projections.routines.queries import RoutineDetails

app = group_app("Save prompts with variables, and run each as one command.")

Which: TypeAlias = Annotated[str, typer.Argument(metavar="NAME", help="The routine, by its name or id.")]
AsJson: TypeAlias = Annotated[bool, typer.Option("--json", help="Print one JSON document.")]
Model: TypeAlias = Annotated[str | None, typer.Option("--model", "-m", help="The model that answers.")]
Think: TypeAlias = Annotated[
    bool | None,
    typer.Option("--think/--no-think", help="Let the model think first, or not.", show_default=False),
]
Option: TypeAlias = Annotated[
    list[str] | None,
    typer.Option(
        "--option", "-o", metavar="KEY VALUE", help="An option of the model, such as temperature 0.2."
    ),
]


@app.command(cls=CommandWithOptions)
def save(  # noqa: PLR0913 - the flags are the command
    ctx: typer.Context,
    name: Annotated[str, typer.Argument(help="Its name: a short word, such as commit-message.")],
    prompt: Annotated[
        list[str] | None,
        typer.Argument(
            help="What it asks: {{name}} is a variable, {{name=text}} one with a default, {{input}} what is "
            "piped in (else that goes to the end). - reads the prompt from a pipe.",
            show_default=False,
        ),
    ] = None,
    *,
    instructions: Annotated[
        str | None,
        typer.Option("--instructions", "-s", help="What the model is told first; variables may stand there."),
    ] = None,
    model: Model = None,
    option: Option = None,
    think: Think = None,
    description: Annotated[
        str | None, typer.Option("--description", "-d", metavar="TEXT", help="What it is for.")
    ] = None,
    as_json: AsJson = False,
) -> None:
    """Save a prompt under a name, or a new version of one.

    Of one that is there already, what is not said stays as it was.
    """
    from application.commands import ChangeRoutine, CreateRoutine

    options = parse_options(option or [])
    with opened(host_of(ctx)) as book:
        found = _living(book, name)
        told = _prompt(prompt, needed=found is None)
        command: CreateRoutine | ChangeRoutine
        if found is None:
            command = CreateRoutine(
                actor=book.actor,
                source=SOURCE,
                name=name,
                prompt=told or "",
                description=description or "",
                instructions=instructions or "",
                model=model,
                options=options,
                think=think,
            )
        else:
            command = ChangeRoutine(
                actor=book.actor,
                source=SOURCE,
                routine_id=found.id,
                prompt=told,
                description=description,
                instructions=instructions,
                model=model,
                options={**found.newest.options, **options} if options else None,
                think=think,
            )
        give_version(book, command, found, name, as_json=as_json)


def give_version(
    book: Book,
    command: CreateRoutine | ChangeRoutine,
    found: RoutineDetails | None,
    name: str,
    *,
    as_json: bool,
) -> None:
    """Save a version and say which one it is, and what became of the one before."""
    from domain.ids import short
    from interfaces.views import DoneView

    done = book.commands.handle(command)
    if as_json:
        out_json(DoneView(id=done.id, log_size=done.log_size))
    elif found is None:
        say(f"Saved: {name}, version {done.version} ({short(done.id)}). Run it: daybook routine run {name}")
    elif done.version == found.version:
        say(f"Routine {name} says that already; version {done.version} stays ({short(done.id)}).")
    else:
        say(
            f"Saved: {name}, version {done.version} ({short(done.id)}). The earlier ones stay: "
            f"daybook routine show {name} --history"
        )


def _living(book: Book, name: str) -> RoutineDetails | None:
    from interfaces.cli import finding

    return finding.one_routine(name, book.routines.named(name))


def _prompt(words: list[str] | None, *, needed: bool) -> str | None:
    """Return the prompt that was typed or, where it is asked for or cannot be missing, piped in."""
    from domain.errors import InvalidInputError
    from interfaces.cli.prompt_input import decoded, is_piped, read_piped

    told = " ".join(words or [])
    if told == "-" or (not words and needed and is_piped(0)):
        told = decoded(read_piped(0))
        if not told.strip():
            raise InvalidInputError("No prompt was piped in. Nothing was recorded.")
        return told
    if words and not told.strip():
        raise InvalidInputError("The prompt is empty. Nothing was recorded.")
    return told or None


@app.command("list")
def list_routines(
    ctx: typer.Context,
    *,
    removed: Annotated[bool, typer.Option("--removed", help="Removed and erased ones, too.")] = False,
    as_json: AsJson = False,
) -> None:
    """List routines."""
    from domain.ids import short
    from interfaces.cli.routine_display import title

    with opened(host_of(ctx)) as book:
        found = book.routines.all(include_removed=removed)
    if as_json:
        from interfaces.routine_views import RoutineListView, routine

        out_json(RoutineListView(routines=[routine(one) for one in found]))
        return
    if not found:
        say(
            "No routine yet. Save one:\n"
            '  daybook routine save commit-message "Write a commit message for this change."\n'
            "  git diff | daybook routine run commit-message"
        )
        return
    rows = [
        (
            title(one),
            one_line(one.newest.description) or one_line(one.newest.prompt)[:200],
            one_line(one.newest.model),
            str(one.newest.number),
            str(one.run_count),
            local(one.last_run_at) if one.last_run_at else "",
            short(one.id),
        )
        for one in found
    ]
    headers = ("NAME", "WHAT", "MODEL", "VERSION", "RUNS", "LAST RUN", "ID")
    table(headers, rows, stretch=(1, 0), optional=(5, 2, 6, 3))


@app.command()
def show(
    ctx: typer.Context,
    routine: Which,
    *,
    version: Annotated[
        int | None, typer.Option("--version", metavar="N", min=1, help="As it was in this version.")
    ] = None,
    history: Annotated[bool, typer.Option("--history", help="List its versions.")] = False,
    runs: Annotated[bool, typer.Option("--runs", help="List what it was run for, newest first.")] = False,
    as_json: AsJson = False,
) -> None:
    """Show a routine, its versions, or its runs."""
    from domain.errors import InvalidInputError
    from interfaces.cli import finding
    from interfaces.cli import routine_display as display

    if (version is not None) + history + runs > 1:
        raise InvalidInputError("Either --version, --history or --runs, not several.")
    with opened(host_of(ctx)) as book:
        found = finding.routine(book, routine)
        if history:
            display.history(found, book.routines.versions(found.id), as_json=as_json)
        elif runs:
            display.runs(book, found, as_json=as_json)
        elif version is None or version == found.newest.number:
            display.routine(found, as_json=as_json)
        else:
            display.one_version(found, book.routines.versions(found.id), version, as_json=as_json)


@app.command(cls=CommandWithOptions)
def run(  # noqa: PLR0913 - the flags are the command
    ctx: typer.Context,
    routine: Which,
    text: Annotated[
        list[str] | None,
        typer.Argument(help="Its input; what is piped in is, too.", show_default=False),
    ] = None,
    *,
    variable: Annotated[
        list[str] | None,
        typer.Option("--var", "-v", metavar="NAME=VALUE", help="A value for a variable of the routine."),
    ] = None,
    version: Annotated[
        int | None, typer.Option("--version", metavar="N", min=1, help="Run this version, not the newest.")
    ] = None,
    project: Annotated[
        str | None,
        typer.Option("--project", "-p", metavar="NAME|ID", help="Open the conversation in a project."),
    ] = None,
    model: Model = None,
    option: Option = None,
    extract: Annotated[
        bool, typer.Option("--extract", "-x", help="Print the first code block of the answer only.")
    ] = False,
    no_stream: Annotated[
        bool, typer.Option("--no-stream", help="Print the answer when it is complete.")
    ] = False,
    think: Think = None,
    hide_thinking: Annotated[
        bool, typer.Option("--hide-thinking", help="Let it think, and do not show it.")
    ] = False,
    as_json: AsJson = False,
    idempotency_key: Annotated[
        str | None,
        typer.Option("--idempotency-key", metavar="KEY", help="Again with this key asks nothing new."),
    ] = None,
) -> None:
    """Run a routine on what is piped in; print the answer.

    Prompt and answer are recorded as a conversation of its own.
    """
    import asyncio

    from application.commands import RunRoutine
    from domain.errors import InvalidInputError
    from interfaces.cli import finding
    from interfaces.cli.ask import Manner, converse
    from interfaces.cli.prompt_input import read_input

    host = host_of(ctx)
    if extract and as_json:
        raise InvalidInputError("Either --extract or --json, not both. Nothing was recorded.")
    options = parse_options(option or [])
    variables = _variables(variable or [])
    material = read_input(text or [])
    with opened(host) as book:
        command = RunRoutine(
            actor=book.actor,
            source=SOURCE,
            idempotency_key=idempotency_key,
            routine_id=finding.routine(book, routine).id,
            version=version,
            input=material,
            variables=variables,
            project_id=finding.project(book, project).id if project is not None else None,
            model=model,
            options=options,
            think=think,
        )
        manner = Manner(json=as_json, extract=extract, stream=not no_stream, hide_thinking=hide_thinking)
        code = asyncio.run(converse(host, book, command, manner))
    raise typer.Exit(code)


def _variables(pairs: list[str]) -> dict[str, str]:
    """Return the values of variables; of one given twice the last counts."""
    from domain.errors import InvalidInputError

    found: dict[str, str] = {}
    for pair in pairs:
        name, equals, value = pair.partition("=")
        if not equals or not name.strip():
            raise InvalidInputError(
                f"A variable is given its value with an equals sign, not as {pair!r}. Nothing was recorded.",
                hint="-v lang=English",
            )
        found[name.strip()] = value
    return found


@app.command()
def edit(
    ctx: typer.Context,
    routine: Which,
    document: Annotated[
        str | None,
        typer.Argument(metavar="-", help="Read the whole of it from a pipe; without it $EDITOR opens."),
    ] = None,
    *,
    as_json: AsJson = False,
) -> None:
    """Write in a routine with $EDITOR: another version of it."""
    from interfaces.cli import finding
    from interfaces.cli.routine_editing import edited

    with opened(host_of(ctx)) as book:
        found = finding.routine(book, routine)
        edited(book, found, document, as_json=as_json)


@app.command()
def rename(
    ctx: typer.Context,
    routine: Which,
    name: Annotated[str, typer.Argument(metavar="NEW", help="Its new name.")],
    *,
    as_json: AsJson = False,
) -> None:
    """Give a routine another name: another version of it."""
    from application.commands import ChangeRoutine
    from interfaces.cli import finding

    with opened(host_of(ctx)) as book:
        found = finding.routine(book, routine)
        command = ChangeRoutine(actor=book.actor, source=SOURCE, routine_id=found.id, name=name)
        give_version(book, command, found, name, as_json=as_json)


@app.command("rm")
def remove(ctx: typer.Context, routine: Which, *, as_json: AsJson = False) -> None:
    """Remove a routine; its versions and runs stay in the log."""
    from application.commands import RemoveRoutine
    from interfaces.cli import finding
    from interfaces.cli.changes import give
    from interfaces.cli.routine_display import title

    with opened(host_of(ctx)) as book:
        found = finding.routine(book, routine)
        command = RemoveRoutine(actor=book.actor, source=SOURCE, routine_id=found.id)
        give(book, command, f"Removed: {title(found)}", as_json=as_json)
        if not as_json:
            say(f"What it says stays in the log. To destroy that, too: daybook erase --routine {routine}")
