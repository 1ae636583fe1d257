"""`daybook keys …`: the master key, out of its home and back, and the epochs of the keys below it.

Without the master key no content can be read again.
"""

from __future__ import annotations

from pathlib import Path
from typing import Annotated, TypeAlias

import typer

from application.errors import in_words
from domain.errors import InvalidInputError
from interfaces.cli.console import can_ask, local, out_json, say, table
from interfaces.cli.lazy import group_app
from interfaces.cli.opening import host_of, opened, opened_as_it_is

app = group_app("Back up the master key; wrap all keys anew.")

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


@app.command()
def status(
    ctx: typer.Context,
    *,
    as_json: Annotated[bool, typer.Option("--json", help="Print one JSON document.")] = False,
) -> None:
    """Show the epochs, and whether a rotation is to be finished."""
    with opened_as_it_is(host_of(ctx)) as book:
        found = book.keys.status()
    if as_json:
        from interfaces.viewing import keys_status

        out_json(keys_status(found))
        return
    rows = [(str(one.epoch), local(one.created_at), str(one.key_count)) for one in found.epochs]
    table(("EPOCH", "SINCE", "KEYS"), rows)
    if found.unfinished or found.owed:
        say("A rotation is to be finished: daybook keys rotate")


@app.command()
def rotate(
    ctx: typer.Context,
    *,
    as_json: Annotated[bool, typer.Option("--json", help="Print one JSON document.")] = False,
) -> None:
    """Wrap all keys under a new epoch key and destroy the old one; finishes what was interrupted."""
    from interfaces.cli.finishing import finish

    with opened(host_of(ctx)) as book:
        rotated, scrubbed = finish(book)
    if as_json:
        from interfaces.views import RotatedView

        out_json(
            RotatedView(
                epoch=rotated.epoch,
                rewrapped_count=rotated.rewrapped_count,
                finished=rotated.rewritten and scrubbed,
            )
        )
    else:
        say(f"Epoch {rotated.epoch} wraps all keys ({rotated.rewrapped_count} anew); older epochs are gone.")


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
