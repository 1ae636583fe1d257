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
    from interfaces.cli.moments import ending

    host = host_of(ctx)
    address = host.address()
    scopes = tuple(scope or ("admin",))
    with opened(host) as book:
        now = book.clock.now()
        command = OfferSession(
            actor=book.actor,
            source=SOURCE,
            scopes=scopes,
            link_expires_at=now + timedelta(minutes=minutes),
            expires_at=ending(expires, now),
        )
        made = book.commands.make(command)
    url = f"{address}/sign-in?code={made.secret}"
    if as_json:
        from interfaces.views import LinkView

        out_json(
            LinkView(
                id=made.id,
                url=url,
                scopes=list(dict.fromkeys(scopes)),
                expires_at=command.link_expires_at,
                session_expires_at=command.expires_at,
                log_size=made.log_size,
            )
        )
        return
    out(url)
    say(f"It signs one browser in, once, until {local(command.link_expires_at)}. It needs `daybook serve`.")
