"""`daybook serve`: the book over HTTP."""

from __future__ import annotations

from typing import Annotated

import typer

from interfaces.cli.console import say
from interfaces.cli.lazy import command_app
from interfaces.cli.opening import flags_before, host_of

app = command_app()


@app.command()
def serve(
    ctx: typer.Context,
    *,
    listen: Annotated[
        str | None, typer.Option("--listen", metavar="ADDRESS:PORT", help="Where to listen, for this call.")
    ] = None,
) -> None:
    """Serve the book over HTTP."""
    host = host_of(ctx)
    if listen:
        host.configure({**flags_before(ctx), "listen": listen})
    host.serve(ready=say)
