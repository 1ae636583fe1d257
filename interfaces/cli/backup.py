"""`daybook backup`: a whole book in one file, taken while it is in use, and files of that kind looked at."""

from __future__ import annotations

from enum import StrEnum
from pathlib import Path
from typing import TYPE_CHECKING, Annotated

import typer

from domain.errors import InvalidInputError
from interfaces.cli.console import local, out, out_is_terminal, out_json, say, size
from interfaces.cli.keys import PassphraseFile, read_passphrase
from interfaces.cli.late_progress import late_bar
from interfaces.cli.lazy import command_app
from interfaces.cli.opening import host_of

if TYPE_CHECKING:
    from application.ports.backup import BackupContents, Missing
    from interfaces.cli.host import Host

app = command_app()
STANDARD = Path("-")


class KeysIn(StrEnum):
    """Whether the book's keys are in a backup."""

    NONE = "none"
    PASSPHRASE = "passphrase"  # noqa: S105 - no password, but the word for it


@app.command()
def backup(
    ctx: typer.Context,
    file: Annotated[Path, typer.Argument(help="The file to write; -: standard output.")],
    *,
    keys: Annotated[
        KeysIn | None,
        typer.Option(
            "--keys", help="Leave the master key out, or put it in under a passphrase.", show_default="none"
        ),
    ] = None,
    passphrase_file: PassphraseFile = None,
    force: Annotated[bool, typer.Option("--force", help="Replace FILE where it is there.")] = False,
    verify: Annotated[
        bool, typer.Option("--verify", help="Make none: read FILE to its end and say what it holds.")
    ] = False,
    as_json: Annotated[bool, typer.Option("--json", help="Print one JSON document.")] = False,
) -> None:
    """Write the whole book into one file, while it is in use."""
    if verify:
        if keys is not None or passphrase_file is not None or force:
            raise InvalidInputError("--verify only reads: no other option goes with it. Nothing was done.")
        show_checked(host_of(ctx), file, None, as_json=as_json)
        return
    path = None if file == STANDARD else file
    if path is None and (as_json or out_is_terminal()):
        raise InvalidInputError(
            "A backup on standard output goes into a pipe or a file, and nothing else with it. Nothing was "
            "done.",
            hint="daybook backup - > FILE",
        )
    if keys is KeysIn.NONE and passphrase_file is not None:
        raise InvalidInputError("A passphrase is for --keys passphrase. Nothing was done.")
    host = host_of(ctx)
    backups = host.backups  # before a passphrase is asked for
    wanted = keys is KeysIn.PASSPHRASE or passphrase_file is not None
    passphrase = read_passphrase(passphrase_file, twice=True) if wanted else None
    with late_bar("backing up", "events") as progress:
        written = backups.write(path, force=force, passphrase=passphrase, progress=progress)
    if as_json:
        from interfaces.backup_views import contents

        out_json(contents(written))
        return
    where = "Written" if path is None else f"Written to {path}"
    say(f"{where}: {written.event_count:,} events, {size(written.size)}, root {written.root[:16]}…")
    if written.checkpoint is None:
        say("It is not signed: the key that signs this book's checkpoints is not in this home.")
    say(_what_opens_it(written))


def _what_opens_it(written: BackupContents) -> str:
    if written.has_keys:
        return "The master key is in it: whoever has the file and its passphrase reads everything."
    return (
        "The master key is not in it: to read what is restored on another machine, its export is needed as "
        "well (daybook keys export FILE, once), or make backups with --keys passphrase."
    )


def show_checked(host: Host, file: Path, checkpoint: Path | None, *, as_json: bool) -> None:
    """Read a backup to its end and say what it holds; no database is needed."""
    path = None if file == STANDARD else file
    with late_bar("verifying", "events") as progress:
        found = host.backups.check(path, checkpoint=checkpoint, progress=progress)
    if as_json:
        from interfaces.backup_views import checked

        out_json(checked(found))
        return
    for line in lines(found.contents):
        out(line)
    if found.missing is not None:
        say(older(found.missing, found.contents.event_count))


def lines(found: BackupContents) -> list[str]:
    """Return what a backup holds, for a person."""
    signed = {
        "known": "signed with the book's key",
        "named": "signed with a key that only the backup itself names",
        "no": "not signed",
    }[found.signed]
    return [
        f"book        {found.book_id}",
        f"made        {local(found.made_at)} by Daybook {found.version}",
        f"events      {found.event_count:,}, recomputed: root {found.root}",
        f"checkpoint  {signed}",
        f"erased      {found.row_counts['tombstones']:,}",
        f"keys        {'in it, under a passphrase' if found.has_keys else 'left out'}",
        f"size        {size(found.size)}, whole (SHA-256 {found.sha256})",
    ]


def older(missing: Missing, event_count: int) -> str:
    """Say that events which were signed are not in a backup."""
    return (
        f"It is older than what is known: {missing.where} states {missing.event_count:,} events, and it "
        f"holds {event_count:,}. The last {missing.event_count - event_count:,} are not in it."
    )
