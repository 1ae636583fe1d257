"""`daybook delete`: does nothing, and says which of the things it could mean is which.

Invariant: no book is opened. Whoever types a word of another program must not lose anything by it.
"""

from __future__ import annotations

import shlex
from typing import Annotated

import typer

from interfaces.cli.console import clean, say
from interfaces.cli.lazy import command_app

app = command_app()


@app.command(context_settings={"ignore_unknown_options": True})
def delete(
    identifier: Annotated[
        list[str] | None, typer.Argument(metavar="[ID]", help="The conversation.", show_default=False)
    ] = None,
) -> None:
    """Say how to put a conversation out of the way, or to erase it; nothing is done."""
    from interfaces.errors import Exit

    named = [word for word in identifier or [] if not word.startswith("-")]
    which = shlex.quote(clean(named[0])) if named else "ID"
    ways = (
        (f"daybook archive {which}", f"out of the way, and back with: daybook restore {which}"),
        (f"daybook erase {which}", "for ever: its key is destroyed, and nobody reads it again"),
        (f"daybook hold add {which} --reason WHY", "the opposite: it must not be erased"),
    )
    longest = max(len(command) for command, _ in ways)
    say("daybook: Nothing was deleted, because that could mean two things. Say which:")
    for command, meaning in ways:
        say(f"  {command:<{longest}}  {meaning}")
    raise typer.Exit(Exit.INVALID)
