"""The front door of `daybook`: parses what comes before a command, and turns every end into an exit code.

Invariant: no stack trace ever reaches a person. What Daybook foresaw is told in a sentence with the next
step; what it did not is told in one line that names the file with the details.
"""

from __future__ import annotations

import sys
from collections.abc import Sequence
from functools import cache
from typing import Annotated, Any

import typer

from interfaces.cli.host import Host
from interfaces.cli.lazy import LazyGroup

app = typer.Typer(
    cls=LazyGroup,
    rich_markup_mode=None,
    pretty_exceptions_enable=False,
    no_args_is_help=True,
    add_completion=False,
    context_settings={"help_option_names": ["-h", "--help"]},
    epilog="""\b
Start with:        daybook demo
What is missing:   daybook doctor
The first answer:  daybook ask "your question"
Each command:      daybook COMMAND -h
""",
)


def _show_version(ctx: typer.Context, wanted: bool) -> None:  # noqa: FBT001 - Typer's signature
    if wanted and not ctx.resilient_parsing:
        host: Host = ctx.obj
        typer.echo(f"daybook {host.version}")
        raise typer.Exit


@app.callback()
def root(
    ctx: typer.Context,
    *,
    home: Annotated[
        str | None, typer.Option("--home", metavar="DIRECTORY", help="The book's home, for this call.")
    ] = None,
    database_url: Annotated[
        str | None,
        typer.Option(
            "--database-url",
            metavar="URL",
            help="The book's database, for this call; others see it in process lists.",
        ),
    ] = None,
    ollama_url: Annotated[
        str | None, typer.Option("--ollama-url", metavar="URL", help="The model server, for this call.")
    ] = None,
    server: Annotated[
        str | None,
        typer.Option(
            "--server",
            metavar="URL|NAME",
            help="The Daybook server this call goes to; local: this machine's book.",
        ),
    ] = None,
    no_pager: Annotated[
        bool, typer.Option("--no-pager", help="Write long output at once, for this call.")
    ] = False,
    version: Annotated[
        bool,
        typer.Option("--version", "-V", help="Show the version.", callback=_show_version, is_eager=True),
    ] = False,
) -> None:
    """A private assistant that keeps the book: every prompt and answer is recorded, and yours alone."""
    del version
    if home or database_url or ollama_url or server or no_pager:
        from interfaces.cli.opening import flags_before, host_of

        host_of(ctx).configure(flags_before(ctx) | ({"pager": "off"} if no_pager else {}))


def main(host: Host, argv: Sequence[str]) -> int:
    """Run one command and return its exit code."""
    try:
        try:
            for stream in (sys.stdout, sys.stderr):
                stream.reconfigure(errors="replace")  # type: ignore[union-attr] # answers may hold half a surrogate pair
            code = _run(host, argv)
            sys.stdout.flush()
        except Exception as problem:  # noqa: BLE001 - the one place where everything ends
            code = _told(host, argv, problem)
    except KeyboardInterrupt:
        code = 130
    return code


def _run(host: Host, argv: Sequence[str]) -> int:
    if argv[:1] == ["__complete"]:
        from interfaces.cli.completing import complete

        return complete(host, _command(), argv[1:])
    try:
        result = _command().main(args=list(argv), prog_name="daybook", obj=host)
    except SystemExit as leaving:
        if isinstance(leaving.__context__, BrokenPipeError):
            raise leaving.__context__ from None  # Typer makes a failure of it
        if leaving.code is None or isinstance(leaving.code, int):
            return leaving.code or 0
        typer.echo(leaving.code, err=True)
        return 1
    return int(result or 0)


@cache
def _command() -> Any:
    return typer.main.get_command(app)


def _told(host: Host, argv: Sequence[str], problem: Exception) -> int:
    from domain.errors import DaybookError

    if isinstance(problem, BrokenPipeError):
        from interfaces.cli.console import drop_output

        drop_output()
        return 0
    if isinstance(problem, DaybookError):
        from interfaces.cli.console import tell
        from interfaces.errors import verdict

        tell(problem)
        return verdict(problem).exit_code
    from interfaces.cli.crash import report

    return report(host, argv, problem)
