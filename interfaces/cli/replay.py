"""`daybook replay`: recorded prompts asked again, of another model or in another way."""

from __future__ import annotations

from pathlib import Path
from typing import TYPE_CHECKING, Annotated, Any

import typer
from typer.core import TyperGroup

from interfaces.cli import replay_diff
from interfaces.cli.console import local, out, out_json, say, table
from interfaces.cli.lazy import command_app
from interfaces.cli.model_options import CommandWithOptions, parse_options
from interfaces.cli.opening import host_of, opened

if TYPE_CHECKING:
    from uuid import UUID

    from interfaces.book import Book
    from interfaces.replay_views import ReplayView
    from interfaces.replaying.choosing import Selection


class _ReplayGroup(TyperGroup):
    """A group whose unknown first word belongs to `start`: `daybook replay @last -m MODEL`."""

    def parse_args(self, ctx: typer.Context, args: list[str]) -> list[str]:  # type: ignore[override]
        if args and args[0] not in self.commands and args[0] not in {"-h", "--help"}:
            args = ["start", *args]
        return super().parse_args(ctx, args)


app = command_app("Ask recorded prompts again, of another model or in another way.")


@app.callback(cls=_ReplayGroup)
def group() -> None:
    """Ask recorded prompts again, of another model or in another way.

    daybook replay CONVERSATION --model M is short for daybook replay start CONVERSATION --model M.
    """


@app.command(cls=CommandWithOptions)
def start(  # noqa: PLR0913 - the flags are the command
    ctx: typer.Context,
    conversation: Annotated[
        str | None,
        typer.Argument(metavar="[CONVERSATION]", help="The answers of its current branch; @last: your last."),
    ] = None,
    *,
    project: Annotated[
        str | None,
        typer.Option("--project", "-p", metavar="PROJECT", help="The answers of all its conversations."),
    ] = None,
    search: Annotated[
        str | None, typer.Option("--search", metavar="WORDS", help="The answers that a search finds.")
    ] = None,
    last: Annotated[
        int | None, typer.Option("--last", metavar="N", min=1, help="The last so many answers of the book.")
    ] = None,
    model: Annotated[
        str | None, typer.Option("--model", "-m", help="The model to ask; unless given, the default one.")
    ] = None,
    instructions: Annotated[
        Path | None,
        typer.Option("--instructions", metavar="FILE", help="Tell it what stands in this file, not as then."),
    ] = None,
    option: Annotated[
        list[str] | None,
        typer.Option(
            "--option", "-o", metavar="KEY VALUE", help="An option of the model, over that of then."
        ),
    ] = None,
    repeat: Annotated[int, typer.Option("--repeat", min=1, max=100, help="Ask each so often.")] = 1,
    seed: Annotated[
        int | None, typer.Option("--seed", help="The seed to ask with; it counts up with the repeats.")
    ] = None,
    dry_run: Annotated[bool, typer.Option("--dry-run", help="Only say how many prompts that is.")] = False,
    as_json: Annotated[bool, typer.Option("--json", help="Print one JSON document.")] = False,
) -> None:
    """Ask recorded prompts again, each with the messages that were sent then."""
    from interfaces.replaying.desk import Wish

    options = parse_options(option or [])
    if seed is not None:
        options["seed"] = seed
    told = None if instructions is None else _read(instructions)
    with opened(host_of(ctx)) as book:
        wanted = _selection(book, conversation, project, search, last)
        if dry_run:
            count = book.replay_desk.count(wanted)
            if as_json:
                from interfaces.replay_views import ReplaySelectionView

                out_json(ReplaySelectionView(prompt_count=count))
            else:
                out(f"{_counted(count, 'prompt')} would be asked again, {repeat * count:,} answers.")
            return
        wish = Wish(
            selection=wanted,
            model=model or host_of(ctx).default_model(),
            instructions=told,
            options=options,
            repeat=repeat,
        )
        _run(book, book.replay_desk.start(wish), as_json=as_json)


@app.command()
def resume(
    ctx: typer.Context,
    replay: Annotated[str, typer.Argument(metavar="REPLAY", help="A replay; @last: the newest.")] = "@last",
    *,
    as_json: Annotated[bool, typer.Option("--json", help="Print one JSON document.")] = False,
) -> None:
    """Go on with a replay that was stopped; nothing is asked twice."""
    with opened(host_of(ctx)) as book:
        _run(book, _found(book, replay).replay_id, as_json=as_json)


@app.command("list")
def list_replays(
    ctx: typer.Context,
    *,
    count: Annotated[int, typer.Option("-n", "--count", min=1, max=200, help="At most so many.")] = 20,
    cursor: Annotated[
        str | None, typer.Option("--cursor", metavar="CURSOR", help="Go on where another list ended.")
    ] = None,
    as_json: Annotated[bool, typer.Option("--json", help="Print one JSON document.")] = False,
) -> None:
    """List replays, the newest first."""
    from domain.ids import short

    with opened(host_of(ctx)) as book:
        page = book.replay_desk.listed(limit=count, cursor=cursor)
        if as_json:
            out_json(page)
            return
        if not page.replays:
            say("No replay yet. Begin one: daybook replay --last 20 --model MODEL")
            return
        headers = ("ID", "WHEN", "MODEL", "STATUS", "PROMPTS", "IDENTICAL", "NEAR", "DIFFERENT")
        rows = [
            (
                short(one.replay_id),
                local(one.started_at),
                one.model,
                one.status if one.erased_at is None else "erased",
                str(one.prompt_count),
                str(one.identical_count),
                str(one.near_count),
                str(one.different_count),
            )
            for one in page.replays
        ]
        table(headers, rows, stretch=(2,), optional=(1,))
        if page.next_cursor:
            say(f"More: daybook replay list --cursor {page.next_cursor}")


@app.command()
def show(
    ctx: typer.Context,
    replay: Annotated[str, typer.Argument(metavar="REPLAY", help="A replay; @last: the newest.")] = "@last",
    *,
    as_json: Annotated[bool, typer.Option("--json", help="Print one JSON document.")] = False,
) -> None:
    """Show how far a replay has come, and what came of it."""
    with opened(host_of(ctx)) as book:
        found = _found(book, replay)
        if as_json:
            out_json(found)
        else:
            _print(found)


app.command("diff")(replay_diff.diff)


@app.command()
def cancel(
    ctx: typer.Context,
    replay: Annotated[str, typer.Argument(metavar="REPLAY", help="A replay; @last: the newest.")] = "@last",
) -> None:
    """Want no more of a replay, whichever process runs it; what was answered stays."""
    with opened(host_of(ctx)) as book:
        found = _found(book, replay)
        book.replay_desk.cancel(found.replay_id)
        _print(book.replay_desk.get(found.replay_id))


@app.command()
def erase(
    ctx: typer.Context,
    replay: Annotated[str, typer.Argument(metavar="REPLAY", help="A replay.")],
    *,
    yes: Annotated[bool, typer.Option("--yes", "-y", help="Do not ask.")] = False,
) -> None:
    """Destroy what a replay's answers say, for ever. The recorded answers stay."""
    from domain.ids import short

    with opened(host_of(ctx)) as book:
        found = _found(book, replay)
        if not yes:
            answers = _counted(found.run_count, "answer")
            _ask(f"Erase replay {short(found.replay_id)}, {answers}, for ever? [y/N] ")
        book.replay_desk.erase(found.replay_id)
        out(f"Erased: replay {short(found.replay_id)}")


def _ask(question: str) -> None:
    from domain.errors import InvalidInputError, RefusedError
    from interfaces.cli.console import can_ask, confirm_choice

    if not can_ask():
        raise InvalidInputError("There is no terminal to ask. Nothing was erased.", hint="--yes")
    choice = confirm_choice(question, lambda typed: typed.lower() in {"y", "n", "yes", "no"}, "n")
    if choice.lower() not in {"y", "yes"}:
        raise RefusedError("Nothing was erased.")


def _run(book: Book, replay_id: UUID, *, as_json: bool) -> None:
    from domain.errors import DaybookError, RefusedError
    from domain.ids import short
    from interfaces.cli.projections import progress_bar

    here = short(replay_id)
    try:
        with progress_bar(f"replay {here}", "answers") as bar:
            book.replay_desk.run(replay_id, bar or (lambda _done, _of: None))
    except KeyboardInterrupt:
        say(f"Stopped; what was answered is kept. Go on: daybook replay resume {here}")
        raise
    except DaybookError as problem:
        if not isinstance(problem, RefusedError):
            say(f"Replay {here} was stopped; what was answered is kept. Go on: daybook replay resume {here}")
        raise
    found = book.replay_desk.get(replay_id)
    if as_json:
        out_json(found)
    else:
        _print(found)


def _print(found: ReplayView) -> None:
    from domain.ids import short

    if found.erased_at is not None:
        out(f"Replay {short(found.replay_id)} was erased on {local(found.erased_at)}.")
        return
    times = f", {found.repeat} times each" if found.repeat > 1 else ""
    out(f"Replay {short(found.replay_id)}: {_counted(found.prompt_count, 'prompt')} to {found.model}{times}")
    done = f"{found.run_count:,} of {found.prompt_count * found.repeat:,} answers"
    out(f"{found.status}, {done}, begun {local(found.started_at)}")
    figures = [
        f"{found.identical_count:,} identical",
        f"{found.near_count:,} near",
        f"{found.different_count:,} different",
    ]
    if found.failed_count:
        figures.append(f"{found.failed_count:,} failed")
    if found.skipped_count:
        figures.append(f"{found.skipped_count:,} skipped: erased, altered, or not recorded here")
    out(", ".join(figures))
    if found.status == "stopped":
        say(f"Go on: daybook replay resume {short(found.replay_id)}")


def _counted(count: int, what: str) -> str:
    return f"{count:,} {what}" + ("" if count == 1 else "s")


def _read(path: Path) -> str:
    from domain.errors import InvalidInputError

    try:
        return path.read_text(encoding="utf-8")
    except (OSError, UnicodeDecodeError) as problem:
        why = problem.strerror if isinstance(problem, OSError) else "it is not in UTF-8"
        raise InvalidInputError(f"{path} cannot be read: {why}. Nothing was recorded.") from None


def _selection(
    book: Book, conversation: str | None, project: str | None, search: str | None, last: int | None
) -> Selection:
    from interfaces.cli import finding
    from interfaces.replaying.choosing import Selection

    wanted: dict[str, Any] = {"search": search, "last": last}
    if conversation is not None:
        wanted["conversation_id"] = finding.conversation(book, conversation).id
    if project is not None:
        wanted["project_id"] = finding.project(book, project).id
    made = Selection(**wanted)
    _ = made.chosen_by  # whether it is one
    return made


def _found(book: Book, typed: str) -> ReplayView:
    from interfaces.cli import finding

    return finding.replay(book, typed)
