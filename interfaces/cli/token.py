"""`daybook token …`: what lets programs, and browsers that were signed in, come in over HTTP."""

from __future__ import annotations

from typing import TYPE_CHECKING, Annotated, TypeAlias

import typer

from interfaces.cli.console import local, one_line, out, out_json, say, table
from interfaces.cli.lazy import group_app
from interfaces.cli.opening import SOURCE, host_of, opened

if TYPE_CHECKING:
    from datetime import datetime

    from interfaces.book import Book
    from projections.access.queries import Grant

app = group_app("Let programs in over HTTP, each for what it needs.")

AsJson: TypeAlias = Annotated[bool, typer.Option("--json", help="Print one JSON document.")]
SCOPES = "read, ask (and read), audit or admin (everything)"


@app.command()
def create(
    ctx: typer.Context,
    name: Annotated[str, typer.Argument(help="What or who it is for; the log shows it.")],
    *,
    scope: Annotated[
        list[str] | None,
        typer.Option(
            "--scope",
            "-s",
            metavar="SCOPE",
            help=f"{SCOPES}; may be repeated. Default: ask.",
            show_default=False,
        ),
    ] = None,
    expires: Annotated[
        str | None,
        typer.Option(
            "--expires",
            metavar="WHEN",
            help="90d, 12h, 'next friday' or a date; without it, when it is revoked.",
        ),
    ] = None,
    as_json: AsJson = False,
) -> None:
    """Make a token; it is shown once."""
    from application.commands import CreateToken
    from domain.ids import short
    from interfaces.cli.moments import ending
    from interfaces.token_names import must_be_free

    with opened(host_of(ctx)) as book:
        now = book.clock.now()
        expires_at = None if expires is None else ending(expires, now)
        must_be_free(book, name, now)
        made = book.commands.make(
            CreateToken(
                actor=book.actor,
                source=SOURCE,
                name=name,
                scopes=tuple(scope or ("ask",)),
                expires_at=expires_at,
            )
        )
        [found] = book.access.find(made.id.hex)
    if as_json:
        from interfaces.access_views import new_token

        out_json(new_token(made, found))
        return
    out(made.secret)
    until = "it is revoked" if found.expires_at is None else local(found.expires_at)
    say(f"Made: {one_line(found.name)} ({short(made.id)}), scopes {found.scopes}, until {until}.")
    say("It is not shown again. Send it as: Authorization: Bearer TOKEN")


@app.command("list")
def list_tokens(
    ctx: typer.Context,
    *,
    everything: Annotated[
        bool, typer.Option("--all", help="Also what was revoked, has expired or has ended.")
    ] = False,
    as_json: AsJson = False,
) -> None:
    """List tokens, and the links and sessions of browsers."""
    from domain.ids import short

    with opened(host_of(ctx)) as book:
        now = book.clock.now()
        found = [one for one in book.access.all() if everything or one.state(now) in {"live", "link"}]
    if as_json:
        from interfaces.access_views import GrantListView, grant

        out_json(GrantListView(tokens=[grant(one, now) for one in found]))
        return
    if not found:
        say("No token and no session. Make one: daybook token create NAME   (a browser: daybook link)")
        return
    rows = [
        (
            short(one.id),
            one_line(one.name) or f"({one.kind})",
            one.scopes,
            one.state(now),
            _moment(one.link_expires_at if one.state(now) == "link" else one.expires_at, "never"),
            _moment(one.used_at, "not yet"),
        )
        for one in found
    ]
    table(("ID", "NAME", "SCOPES", "STATE", "EXPIRES", "LAST USE"), rows, stretch=(1,), optional=(5, 2))


@app.command()
def revoke(
    ctx: typer.Context,
    which: Annotated[str, typer.Argument(metavar="NAME|ID", help="A token, a link or a session.")],
    *,
    as_json: AsJson = False,
) -> None:
    """Let it in no more, at once."""
    from application.commands import EndSession, RevokeToken
    from interfaces.cli.changes import give

    with opened(host_of(ctx)) as book:
        found = _meant(book, which)
        command = (
            RevokeToken(actor=book.actor, source=SOURCE, token_id=found.id)
            if found.kind == "token"
            else EndSession(actor=book.actor, source=SOURCE, session_id=found.id)
        )
        told = "Revoked" if found.ended_at is None else f"Had ended before ({found.end_kind})"
        give(book, command, f"{told}: {one_line(found.name) or found.kind}", as_json=as_json)


def _meant(book: Book, typed: str) -> Grant:
    from domain.errors import InvalidInputError, NotFoundError
    from domain.ids import fragment

    found = book.access.named(typed)
    if not found:
        digits = fragment(typed)
        found = () if digits is None else book.access.find(digits)
    if not found:
        raise NotFoundError(
            f"There is no token and no session {one_line(typed)!r} in this book. Nothing was changed.",
            hint="daybook token list",
        )
    if len(found) > 1:
        several = "; ".join(str(one.id) for one in found)
        raise InvalidInputError(
            f"{one_line(typed)!r} is ambiguous: {len(found)} fit ({several}). Nothing was changed.",
            hint="daybook token list",
        )
    return found[0]


def _moment(moment: datetime | None, none: str) -> str:
    return none if moment is None else local(moment)
