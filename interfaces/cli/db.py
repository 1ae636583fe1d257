"""`daybook db …`: the database under the book."""

from __future__ import annotations

from collections.abc import Sequence
from typing import TYPE_CHECKING, Annotated, TypeAlias

import typer

from interfaces.cli.console import out, out_json, say
from interfaces.cli.lazy import group_app
from interfaces.cli.opening import host_of

if TYPE_CHECKING:
    from interfaces.cli.host import Scrubbed

app = group_app("Look after the book's database.")

AsJson: TypeAlias = Annotated[bool, typer.Option("--json", help="Print one JSON document.")]


_PROTECTED = {
    "login": "closed to the application: its login has no right to change it",
    "role": "closed to the application, which gives up its login's right to change it",
    "none": "open to the application, which connects as its owner: daybook doctor",
}


@app.command()
def migrate(
    ctx: typer.Context,
    *,
    adopt: Annotated[
        bool, typer.Option("--adopt", help="Put the book beside tables that are not Daybook's.")
    ] = False,
    as_json: AsJson = False,
) -> None:
    """Bring the database's form up to this Daybook."""
    done = host_of(ctx).database.migrate(adopt=adopt, say=say)
    for warning in done.warnings:
        say(f"daybook: warning: {warning}")
    if as_json:
        out_json(done)
    else:
        count = len(done.applied)
        say(f"{count} migrations applied." if count else "Nothing to do: all migrations are applied.")


@app.command()
def status(ctx: typer.Context, *, as_json: AsJson = False) -> None:
    """Say what is there, without starting or changing anything."""
    found = host_of(ctx).database.status()
    if as_json:
        out_json(found)
    else:
        out(f"kind        {found.kind}{'' if found.running else ' (not running)'}")
        for label, value in (
            ("address", found.url),
            ("server", found.server_version and f"PostgreSQL {found.server_version}"),
            ("data", found.data_dir),
            ("log", found.log_file),
            ("process", found.pid),
            ("migrations", _migrations(found.applied, found.pending) if found.running else None),
            ("the log", _PROTECTED.get(found.log_protection or "")),
        ):
            if value:
                out(f"{label:<11} {value}")
    if found.problem:
        from interfaces.errors import Exit

        say(f"daybook: {found.problem}")
        raise typer.Exit(Exit.DATABASE)


@app.command()
def start(ctx: typer.Context) -> None:
    """Start the embedded database."""
    host_of(ctx).database.start()
    say("The database runs. It stops by itself when it is not used, or with: daybook db stop")


@app.command()
def stop(ctx: typer.Context) -> None:
    """Stop the embedded database."""
    say("Stopped." if host_of(ctx).database.stop() else "It was not running.")


@app.command()
def shell(ctx: typer.Context) -> None:
    """Open psql on the book."""
    import os
    import sys

    command, environment = host_of(ctx).database.shell_command()
    sys.stdout.flush()
    os.execve(command[0], list(command), environment)  # noqa: S606 - psql takes over this process and its terminal


@app.command()
def scrub(ctx: typer.Context, *, as_json: AsJson = False) -> None:
    """Write over what the server's write-ahead log still holds of the past."""
    done = host_of(ctx).database.scrub()
    if as_json:
        out_json({"segment_count": done.segment_count, "kept": list(done.kept)})
        return
    say_scrubbed(done)


def say_scrubbed(done: Scrubbed) -> None:
    """Say what of the write-ahead log was written over, and what was not."""
    if done.kept:
        say(
            f"{len(done.kept)} older segments of the write-ahead log are kept and were not written over: for "
            "a replication slot, an archive that lags, or wal_keep_size. When they may go: daybook db scrub"
        )
    else:
        say(
            "The server's write-ahead log holds nothing of the past any more. Archives of it are not touched."
        )


@app.command()
def path(ctx: typer.Context) -> None:
    """Print the embedded database's data directory."""
    out(str(host_of(ctx).database.path()))


@app.command()
def url(ctx: typer.Context) -> None:
    """Print the connection URL, which any PostgreSQL client takes."""
    out(host_of(ctx).database.url())


def _migrations(applied: Sequence[str], pending: Sequence[str]) -> str:
    return f"{len(applied)} applied, " + (f"pending: {', '.join(pending)}" if pending else "none pending")
