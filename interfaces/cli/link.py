"""`daybook link`: a link that signs one browser in, once."""

from __future__ import annotations

from typing import Annotated

import typer

from interfaces.cli.console import local, out, out_json, say
from interfaces.cli.lazy import command_app
from interfaces.cli.opening import SOURCE, host_of, opened
from interfaces.cli.token import SCOPES

app = command_app()

_MOST_MINUTES = 60


@app.command()
def link(
    ctx: typer.Context,
    *,
    scope: Annotated[
        list[str] | None,
        typer.Option(
            "--scope",
            "-s",
            metavar="SCOPE",
            help=f"{SCOPES}; may be repeated. Default: admin.",
            show_default=False,
        ),
    ] = None,
    minutes: Annotated[
        int, typer.Option("--minutes", min=1, max=_MOST_MINUTES, help="How long the link can be opened.")
    ] = 10,
    expires: Annotated[
        str, typer.Option("--expires", metavar="WHEN", help="When the session ends: 30d, 12h or a date.")
    ] = "30d",
    as_json: Annotated[bool, typer.Option("--json", help="Print one JSON document.")] = False,
) -> None:
    """Make a link that signs one browser in, once."""
    from datetime import timedelta

    from application.commands import OfferSession
    from interfaces import access_views
    from interfaces.cli.moments import ending

    host = host_of(ctx)
    address = host.address()
    with opened(host) as book:
        now = book.clock.now()
        command = OfferSession(
            actor=book.actor,
            source=SOURCE,
            scopes=tuple(scope or ("admin",)),
            link_expires_at=now + timedelta(minutes=minutes),
            expires_at=ending(expires, now),
        )
        made = book.commands.make(command)
    view = access_views.link(made, command, address)
    if as_json:
        out_json(view)
        return
    out(view.url)
    until = local(command.link_expires_at)
    say(f"It signs one browser in, once, until {until}. It needs `daybook serve` there;")
    say("where that was started with --listen: DAYBOOK_LISTEN=HOST:PORT daybook link")
