"""`daybook keys …`: the master key, out of its home and back, and the epochs of the keys below it.

Without the master key no content can be read again.
"""

from __future__ import annotations

from pathlib import Path
from typing import TYPE_CHECKING, Annotated, TypeAlias

import typer

from application.errors import in_words
from domain.errors import InvalidInputError, RefusedError
from interfaces.cli.console import can_ask, local, out, out_json, say, table
from interfaces.cli.lazy import group_app
from interfaces.cli.opening import host_of, opened, opened_as_it_is

if TYPE_CHECKING:
    from interfaces.cli.host import Host

app = group_app("Back up and replace the master key; wrap all keys anew.")

_SHORTEST = 8
PassphraseFile: TypeAlias = Annotated[
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
    passphrase_file: PassphraseFile = None,
) -> None:
    """Write the master key into a file, encrypted under a passphrase."""
    keys = host_of(ctx).keys  # before a passphrase is asked for
    keys.export(file, read_passphrase(passphrase_file, twice=True))
    say(
        f"The master key is in {file}, encrypted. "
        "Keep it away from this machine, and its passphrase apart from it."
    )


@app.command("import")
def import_key(
    ctx: typer.Context,
    file: Annotated[Path, typer.Argument(help="A file that `daybook keys export` wrote.")],
    *,
    passphrase_file: PassphraseFile = None,
) -> None:
    """Install the master key from such a file."""
    keys = host_of(ctx).keys  # before a passphrase is asked for
    if not file.exists():
        raise InvalidInputError(f"{file} does not exist. Nothing was changed.")
    keys.restore(file, read_passphrase(passphrase_file, twice=False))
    say("The master key is installed. Check it: daybook doctor")


@app.command()
def tombstones(ctx: typer.Context) -> None:
    """Print what was erased, for a restore of an older backup: keep it beside the exported key."""
    for line in host_of(ctx).keys.tombstones():
        out(line)


@app.command()
def status(
    ctx: typer.Context,
    *,
    as_json: Annotated[bool, typer.Option("--json", help="Print one JSON document.")] = False,
) -> None:
    """Show the epochs, the master key's age, and whether something is to be finished."""
    host = host_of(ctx)
    with opened_as_it_is(host) as book:
        found = book.keys.status()
    begun = host.master_replacement_begun
    if as_json:
        from interfaces.viewing import keys_status

        out_json(keys_status(found, master_unfinished=begun))
        return
    rows = [(str(one.epoch), local(one.created_at), str(one.key_count)) for one in found.epochs]
    table(("EPOCH", "SINCE", "KEYS"), rows)
    if found.master_since is not None:
        out(f"The master key is in force since {local(found.master_since)}.")
    if found.erased_since_count:
        out(
            f"{found.erased_since_count} erased since then: with this master key, backups from before "
            "still show them. Replace it: daybook keys rotate --master"
        )
    if begun:
        say("The replacement of the master key is to be finished: daybook keys rotate --master")
    if found.unfinished or found.owed:
        say("A rotation is to be finished: daybook keys rotate")


@app.command()
def rotate(
    ctx: typer.Context,
    *,
    master: Annotated[
        bool, typer.Option("--master", help="Replace the master key, and destroy the former one.")
    ] = False,
    to: Annotated[
        Path | None,
        typer.Option(
            "--to", metavar="FILE", help="Write the new master key there; for one that is given as a secret."
        ),
    ] = None,
    yes: Annotated[bool, typer.Option("--yes", "-y", help="Do not ask.")] = False,
    as_json: Annotated[bool, typer.Option("--json", help="Print one JSON document.")] = False,
) -> None:
    """Wrap all keys under a new epoch key and destroy the old one; finishes what was interrupted."""
    if master:
        _replace_master(host_of(ctx), to, ask=not yes, as_json=as_json)
        return
    if to is not None:
        raise InvalidInputError("--to goes with --master. Nothing was changed.")
    from interfaces.cli.finishing import say_unfinished, telling

    with opened(host_of(ctx)) as book:
        rotated = book.erasing.rotate(telling())
    say_unfinished(finished=rotated.finished)
    if as_json:
        out_json(rotated)
    else:
        say(f"Epoch {rotated.epoch} wraps all keys ({rotated.rewrapped_count} anew); older epochs are gone.")


def _replace_master(host: Host, to: Path | None, *, ask: bool, as_json: bool) -> None:
    from interfaces.cli.finishing import IN_USE, percentages

    keys = host.keys
    if ask:
        _ask_for_the_end_of_backups()
    done = keys.replace_master(to, percentages())
    scrubbed = host.database.scrub() if host.database.is_embedded else None
    if as_json:
        from dataclasses import asdict

        from interfaces.upkeep_views import MasterReplacedView

        out_json(MasterReplacedView(**{**asdict(done), "file": str(done.file)}))
        return
    say(
        "A replacement that had been interrupted is finished."
        if done.resumed
        else "The master key is replaced."
    )
    if done.setting is None:
        say(f"The new one is in {done.file}; the former is destroyed. Restart daybook serve.")
    else:
        say(
            f"The new one is in {done.file}; the book opens with no other. Set {done.setting}={done.file} "
            "(or put it where the former was), restart daybook serve, and destroy the former."
        )
    if not done.finished:
        say(IN_USE)
    if scrubbed is None:
        say("The server's write-ahead log still holds words of the search from before: daybook db scrub")
    else:
        from interfaces.cli.db import say_scrubbed

        say_scrubbed(scrubbed)
    say(
        "Backups from before open with the former key only, which those made with --keys passphrase bring "
        "along; dumps of pg_dump hold the words of the search in clear. Make a new one: daybook backup FILE. "
        "Destroy the old ones and old exports of the key. Export the new key: daybook keys export FILE"
    )


def _ask_for_the_end_of_backups() -> None:
    from interfaces.cli.console import confirm_choice

    say("This makes a new master key and destroys the one in force. No backup made so far will open with it;")
    say("an exported key opens those of its time. Other homes of this book will need the new key too.")
    if not can_ask():
        raise InvalidInputError("There is no terminal to ask. Nothing was changed.", hint="--yes")
    choice = confirm_choice(
        "Replace the master key? [y/N] ", lambda typed: typed.lower() in {"y", "n", "yes", "no"}, "n"
    )
    if choice.lower() not in {"y", "yes"}:
        raise RefusedError("Nothing was changed.")


def read_passphrase(file: Path | None, *, twice: bool) -> str:
    """Return a passphrase from a file's first line, or ask for it unseen.

    Raises:
        InvalidInputError: the file cannot be read, nobody can be asked, or it is too short for a new one.
    """
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
