"""`daybook paths`: where everything is on this machine."""

from __future__ import annotations

from typing import Annotated

import typer

from interfaces.cli.console import out, out_json
from interfaces.cli.lazy import command_app
from interfaces.cli.opening import host_of

app = command_app()


@app.command()
def paths(
    ctx: typer.Context,
    *,
    as_json: Annotated[bool, typer.Option("--json", help="Print one JSON document.")] = False,
) -> None:
    """Show where data, logs, keys and configuration are."""
    found = host_of(ctx).paths()
    if as_json:
        out_json(found)
        return
    width = max(len(name) for name in found)
    for name, path in found.items():
        out(f"{name:<{width}}  {path}")
