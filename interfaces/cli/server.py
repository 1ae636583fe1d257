"""`daybook server …`: the servers that commands can go to, and which one they do.

Invariant: a token comes from a file, from standard input or from what is typed unseen; never from an
argument, which others see in process lists and shells keep.
"""

from __future__ import annotations

import sys
from pathlib import Path
from typing import Annotated, TypeAlias

import typer

from interfaces.cli.console import can_ask, one_line, out_json, say, table
from interfaces.cli.lazy import group_app
from interfaces.cli.opening import host_of

app = group_app("Choose the server that commands go to.")

AsJson: TypeAlias = Annotated[bool, typer.Option("--json", help="Print one JSON document.")]
Name: TypeAlias = Annotated[str, typer.Argument(help="The name it was saved under.")]
_LONGEST_TOKEN = 10_000


@app.command()
def add(
    ctx: typer.Context,
    name: Annotated[str, typer.Argument(help="What you will call it.")],
    url: Annotated[str, typer.Argument(help="Its address, such as https://book.example.org.")],
    *,
    token_file: Annotated[
        Path | None,
        typer.Option("--token-file", metavar="FILE", help="Read the token from a file; -: standard input."),
    ] = None,
    no_token: Annotated[
        bool, typer.Option("--no-token", help="It lets your programs in without one.")
    ] = False,
    use_it: Annotated[bool, typer.Option("--use", help="Let commands go to it from now on.")] = False,
    as_json: AsJson = False,
) -> None:
    """Save a server and its token, once it has let you in."""
    servers = host_of(ctx).servers
    added = servers.add(name, url, None if no_token else _token(token_file))
    if use_it:
        servers.use(name)
    if added.warning:
        say(f"daybook: {added.warning}")
    if as_json:
        out_json(
            {
                "name": added.name,
                "url": added.url,
                "version": added.version,
                "scopes": added.scopes,
                "in_use": use_it,
            }
        )
        return
    may = " ".join(added.scopes) or "nothing"
    say(f"Saved: {name} ({added.url}, Daybook {one_line(added.version)}). You may: {may}.")
    say(
        "Commands go to it from now on. Back to this machine: daybook server use local"
        if use_it
        else f"Use it: daybook server use {name}   (or once: daybook --server {name} list)"
    )


@app.command("list")
def list_servers(ctx: typer.Context, *, as_json: AsJson = False) -> None:
    """List the saved servers; tokens are not shown."""
    found = host_of(ctx).servers.all()
    if as_json:
        out_json({"servers": [vars(one) for one in found]})
        return
    if not found:
        say("No server is saved. Save one: daybook server add NAME URL")
        return
    rows = [
        (
            one_line(one.name) + (" *" if one.in_use else ""),
            one_line(one.url),
            "yes" if one.has_token else "no",
        )
        for one in found
    ]
    table(("SERVER", "URL", "TOKEN"), rows, stretch=(1,), wrap=True)
    if not any(one.in_use for one in found):
        say("None of them is in use: commands go to the book of this machine, or where --server says.")


@app.command()
def use(ctx: typer.Context, name: Name) -> None:
    """Let commands go to a saved server; local: to the book of this machine."""
    host = host_of(ctx)
    host.servers.use(name)
    said = next(setting for setting in host.settings() if setting.key == "server")
    say("Commands go to the book of this machine." if name == "local" else f"Commands go to {name}.")
    if said.value != ("" if name == "local" else name):
        say(f"But {said.origin} says {said.value!r}, and it goes first.")


@app.command("rm")
def remove(ctx: typer.Context, name: Name) -> None:
    """Forget a saved server and its token; the token itself stays valid."""
    host_of(ctx).servers.remove(name)
    say(f"Forgotten: {name}. Its token is valid until it is revoked there: daybook token revoke NAME")


def _token(file: Path | None) -> str | None:
    """Return the token; None where an empty one is typed."""
    from application.errors import in_words
    from domain.errors import InvalidInputError

    if file is not None and str(file) != "-":
        try:
            return _checked(file.read_text(encoding="utf-8"))
        except (OSError, UnicodeDecodeError) as problem:
            raise InvalidInputError(
                f"The token in {file} cannot be read: {in_words(problem)}. Nothing was saved."
            ) from None
    if file is None and can_ask():
        import getpass

        return _checked(getpass.getpass("Token (it is not shown; Enter: none): "))
    return _checked(sys.stdin.read(_LONGEST_TOKEN))


def _checked(text: str) -> str | None:
    from domain.errors import InvalidInputError

    token = text.strip()
    if not token.isascii() or not token.isprintable() or " " in token:
        raise InvalidInputError("This is no token: those are one word. Nothing was saved.")
    return token or None
