"""`daybook restore`: bring an archived conversation back, or a whole book from a backup.

Which one is meant is never guessed: an id is 4 to 32 hex digits or `@last`, everything else is a file, and
where a file is called like an id, the person is asked to say it so that it can be only one of the two.
"""

from __future__ import annotations

from contextlib import AbstractContextManager
from pathlib import Path
from typing import TYPE_CHECKING, Annotated

import typer

from domain.errors import InvalidInputError
from domain.ids import fragment
from interfaces.cli.backup import STANDARD, older, show_checked
from interfaces.cli.changes import change_conversation
from interfaces.cli.console import out_json, say
from interfaces.cli.finding import LAST
from interfaces.cli.keys import PassphraseFile, read_passphrase
from interfaces.cli.late_progress import late_bar
from interfaces.cli.lazy import command_app
from interfaces.cli.opening import SOURCE, host_of

if TYPE_CHECKING:
    from application.ports.audit import Progress
    from application.ports.backup import RestoredBook

app = command_app()


@app.command()
def restore(
    ctx: typer.Context,
    what: Annotated[
        str,
        typer.Argument(
            metavar="FILE|ID",
            help="A backup (-: standard input), for an empty database; or an archived conversation "
            "(@last: your latest).",
        ),
    ],
    *,
    dry_run: Annotated[
        bool, typer.Option("--dry-run", help="Read the backup to its end and restore nothing.")
    ] = False,
    checkpoint: Annotated[
        Path | None,
        typer.Option(
            "--checkpoint", metavar="FILE", help="A checkpoint that you kept: the backup must agree."
        ),
    ] = None,
    tombstones: Annotated[
        Path | None,
        typer.Option(
            "--tombstones",
            metavar="FILE",
            help="What was erased since: a list of `daybook keys tombstones`, or a later backup.",
        ),
    ] = None,
    passphrase_file: PassphraseFile = None,
    as_json: Annotated[bool, typer.Option("--json", help="Print one JSON document.")] = False,
) -> None:
    """Load a whole book from a backup, or bring an archived conversation back."""
    options = dry_run or bool(checkpoint or tombstones or passphrase_file)
    if not _is_file(what, options=options):
        _bring_back(ctx, what, as_json=as_json)
    elif dry_run:
        show_checked(host_of(ctx), Path(what), checkpoint, as_json=as_json)
    else:
        _load(ctx, Path(what), checkpoint, tombstones, passphrase_file, as_json=as_json)


def _is_file(what: str, *, options: bool) -> bool:
    """Say whether a backup is meant; what could be both is refused."""
    if options or Path(what) == STANDARD:
        return True
    is_id = what.strip() == LAST or fragment(what) is not None
    if is_id and Path(what).exists():
        raise InvalidInputError(
            f"{what!r} may be the id of a conversation, and a file is called so. Nothing was changed.",
            hint=f"daybook restore ./{what}   (the file; more or fewer digits: the conversation)",
        )
    if not is_id and not Path(what).exists():
        raise InvalidInputError(
            f"{what!r} is neither a file nor an id (4 to 32 hex digits of its beginning or end, or {LAST}). "
            "Nothing was changed.",
            hint="daybook list --archived",
        )
    return not is_id


def _bring_back(ctx: typer.Context, identifier: str, *, as_json: bool) -> None:
    from application.commands import RestoreConversation

    change_conversation(
        ctx,
        identifier,
        lambda book, found: RestoreConversation(actor=book.actor, source=SOURCE, conversation_id=found.id),
        "Brought back",
        as_json=as_json,
    )


def _load(
    ctx: typer.Context,
    file: Path,
    checkpoint: Path | None,
    tombstones: Path | None,
    passphrase_file: Path | None,
    *,
    as_json: bool,
) -> None:
    from interfaces.cli.backup_host import Restoring

    def loading() -> AbstractContextManager[Progress | None]:
        return late_bar("restoring", "events")

    def rebuilding() -> AbstractContextManager[Progress | None]:
        say("The log is back and proved. Building the read models…")
        return late_bar("building", "events")

    done = host_of(ctx).backups.restore(
        None if file == STANDARD else file,
        checkpoint=checkpoint,
        tombstones=tombstones,
        restoring=Restoring(
            passphrase=lambda: read_passphrase(passphrase_file, twice=False),
            loading=loading,
            rebuilding=rebuilding,
        ),
    )
    if as_json:
        from interfaces.backup_views import restored

        out_json(restored(done))
    _tell(done)


def _tell(done: RestoredBook) -> None:
    found = done.contents
    proved = {
        "known": "its root is the one that the book's key signed",
        "named": "its root is the one that was signed, with a key that only the backup names: compare "
        "daybook audit key with the one you kept",
        "no": "its root is the one that was written; it was not signed",
    }[found.signed]
    say(
        f"Restored into {done.database}: {found.event_count:,} events, recomputed: {proved} "
        f"({found.root[:16]}…)."
    )
    if done.missing is not None:
        say(older(done.missing, found.event_count))
    if done.kept is not None:
        say(
            "That is what daybook audit verify will say, and no checkpoint is signed, as long as this home "
            f"keeps it. If the rest is gone for good: mv {done.kept} {done.kept}.before-restore"
        )
    if done.erased_count:
        say(
            f"{done.erased_count:,} erased after the backup was made, and erased anew: their keys were not "
            "loaded. To finish: daybook keys rotate"
        )
    if done.key == "installed":
        say("The master key came from the backup and is in this home. Check it: daybook doctor")
    elif done.key == "missing":
        say(
            "The master key is not here, and was not in the backup: nothing can be read until it is. Bring "
            "it: daybook keys import FILE   (then everything is built at the next command)"
        )
    if not done.can_sign:
        say(
            "The key that signs the book's checkpoints is not in this home: bring keys/signing.key of the "
            "home that made the backup (daybook paths)."
        )
