"""`daybook keys …`: the master key, out of its home and back. Without it no content can be read again."""

from __future__ import annotations

from pathlib import Path
from typing import Annotated, TypeAlias

import typer

from application.errors import in_words
from domain.errors import InvalidInputError
from interfaces.cli.console import can_ask, say
from interfaces.cli.lazy import group_app
from interfaces.cli.opening import host_of

app = group_app("Back up the master key, or bring it back.")

_SHORTEST = 8
From: TypeAlias = Annotated[
    Path | None,
    typer.Option(
        "--passphrase-file", metavar="FILE", help="Read the passphrase from the first line of a file."
    ),
]


@app.command()
def export(
    ctx: typer.Context,
    file: Annotated[Path, typer.Argument(help="The file to write; it must not exist.")],
    *,
    passphrase_file: From = None,
) -> None:
    """Write the master key into a file, encrypted under a passphrase."""
    passphrase = _passphrase(passphrase_file, twice=True)
    host_of(ctx).keys.export(file, passphrase)
    say(
        f"The master key is in {file}, encrypted. "
        "Keep it away from this machine, and its passphrase apart from it."
    )


@app.command("import")
def import_key(
    ctx: typer.Context,
    file: Annotated[Path, typer.Argument(help="A file that `daybook keys export` wrote.")],
    *,
    passphrase_file: From = None,
) -> None:
    """Install the master key from such a file."""
    if not file.exists():  # before a passphrase is asked for
        raise InvalidInputError(f"{file} does not exist. Nothing was changed.")
    host_of(ctx).keys.restore(file, _passphrase(passphrase_file, twice=False))
    say("The master key is installed. Check it: daybook doctor")


def _passphrase(file: Path | None, *, twice: bool) -> str:
    if file is not None:
        try:
            lines = file.read_text(encoding="utf-8").splitlines()
        except (OSError, UnicodeDecodeError) as problem:
            raise InvalidInputError(
                f"The passphrase in {file} cannot be read: {in_words(problem)}. Nothing was done."
            ) from None
        return _long_enough(lines[0] if lines else "", check=twice)
    if not can_ask():
        raise InvalidInputError(
            "There is no terminal to ask for a passphrase. Nothing was done.", hint="--passphrase-file FILE"
        )
    import getpass

    typed = _long_enough(getpass.getpass("Passphrase: "), check=twice)
    if twice and getpass.getpass("Once more: ") != typed:
        raise InvalidInputError("The two passphrases differ. Nothing was done.")
    return typed


def _long_enough(passphrase: str, *, check: bool) -> str:
    if not passphrase or (check and len(passphrase) < _SHORTEST):
        raise InvalidInputError(f"A passphrase needs at least {_SHORTEST} characters. Nothing was done.")
    return passphrase
