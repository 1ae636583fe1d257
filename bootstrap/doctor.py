"""What `daybook doctor` looks at. Every check answers for itself; one that fails never hides the next."""

from __future__ import annotations

import asyncio
import shutil
from collections.abc import Callable, Sequence
from pathlib import Path
from typing import TYPE_CHECKING

from application.arrival import is_installed
from application.errors import ModelServerUnreachableError, in_words
from bootstrap.container import given_signing_key, make_keyring, make_model_server
from bootstrap.database_admin import BookDatabase
from bootstrap.home import Home
from bootstrap.settings import DEFINITIONS, Settings
from domain.errors import DaybookError
from infrastructure.clock import SystemClock
from infrastructure.crypto import master_key
from interfaces.book import Check

if TYPE_CHECKING:
    from application.ports.model_server import ModelCard
    from infrastructure.postgres.database import Database

_LOW_DISK = 1 << 30
_SIGNERS = "select verifier from daybook.signing_keys"
_NO_BOOK_YET = "no book yet: the first command makes it"
_CLOCK_TOLERANCE_SECONDS = 5.0


def examine(settings: Settings) -> Sequence[Check]:
    """Look at everything a working book needs; never raises."""
    checks = [_guarded("settings", lambda: _settings(settings.tolerant()))]
    if not checks[0].ok:
        return checks
    unknown = _guarded("settings", lambda: _unknown(settings, checks[0]))
    settings = settings.tolerant()
    home = Home(settings.home)
    checks = [unknown, _guarded("home", lambda: _home(home)), _guarded("disk", lambda: _disk(home))]
    checks += _database(settings, home, BookDatabase(settings, home))
    checks += _model_server(settings)
    return checks


def _guarded(name: str, look: Callable[[], Check]) -> Check:
    try:
        return look()
    except DaybookError as problem:
        return Check(name, False, problem.message, problem.hint)
    except OSError as problem:
        return Check(name, False, f"{problem.filename or name}: {in_words(problem)}")


def _settings(settings: Settings) -> Check:
    changed = [value for value in settings.all() if value.origin != "default"]
    for definition in DEFINITIONS:
        settings.get(definition.key)
    return Check("settings", True, f"{len(changed)} differ from the defaults")


def _unknown(settings: Settings, found: Check) -> Check:
    settings.must_know_all()
    return found


def _home(home: Home) -> Check:
    home.make()
    return Check("home", True, str(home.root))


def _disk(home: Home) -> Check:
    free = shutil.disk_usage(_existing(home.root)).free
    enough = free > _LOW_DISK
    fix = "" if enough else f"free some space on the disk of {home.root}"
    return Check("disk", enough, f"{free / 1e9:.1f} GB free", fix)


def _database(settings: Settings, home: Home, admin: BookDatabase) -> list[Check]:
    try:
        database = admin.connect()
        number = database.check_server()
    except DaybookError as problem:
        return [Check("database", False, problem.message, problem.hint)]
    kind = "embedded" if admin.is_embedded else "server"
    checks = [Check("database", True, f"{kind}, PostgreSQL {number // 10000}.{number % 10000}")]
    try:
        checks.append(_guarded("migrations", lambda: _migrations(database)))
        checks.append(_guarded("clock", lambda: _clock(database)))
        checks.append(_guarded("server log", lambda: _server_log(database)))
        if checks[1].ok and checks[1].detail != _NO_BOOK_YET:
            checks.append(_guarded("log rights", lambda: log_rights(database)))
            checks += _keys(settings, home, database)
    finally:
        database.close()
    return checks


def _migrations(database: Database) -> Check:
    from infrastructure.postgres.migrate import status

    found = status(database)
    if found.current:
        return Check("migrations", True, f"{len(found.applied)} applied, none pending")
    if found.unknown:
        return Check(
            "migrations",
            False,
            f"made by a newer Daybook ({', '.join(found.unknown)})",
            "update Daybook",
        )
    if found.changed:
        return Check(
            "migrations",
            False,
            f"applied in another form: {', '.join(found.changed)}",
            "use the release of Daybook that made it",
        )
    if not found.applied and not found.foreign_tables:
        return Check("migrations", True, _NO_BOOK_YET)
    if not found.applied:
        return Check(
            "migrations",
            False,
            f"the database holds tables of somebody else's ({found.foreign_tables[0]}) and no book",
            "daybook db migrate --adopt",
        )
    return Check("migrations", False, f"{len(found.pending)} pending", "daybook db migrate")


def _clock(database: Database) -> Check:
    with database.connection() as connection:
        row = connection.execute("select extract(epoch from clock_timestamp())::float8").fetchone()
    theirs = float(row[0]) if row else 0.0
    apart = abs(SystemClock().now().timestamp() - theirs)
    fits = apart < _CLOCK_TOLERANCE_SECONDS
    fix = "" if fits else "synchronise both clocks (the log's times are the database's)"
    return Check("clock", fits, f"{apart:.1f} s apart from the database's", fix, required=False)


_LOGS_PARAMETERS = """
select current_setting('log_parameter_max_length') <> '0'
       and (current_setting('log_statement') in ('mod', 'all')
            or current_setting('log_min_duration_statement') <> '-1'
            or current_setting('log_min_duration_sample') <> '-1'
            or current_setting('log_transaction_sample_rate')::float8 > 0),
       quote_ident(session_user)
"""


def _server_log(database: Database) -> Check:
    """Say whether the database's server writes the parameters of our statements into its log."""
    with database.connection() as connection:
        row = connection.execute(_LOGS_PARAMETERS).fetchone()
    if row is None or not row[0]:
        return Check("server log", True, "the database's server does not log what people write")
    fix = f"as a superuser: alter role {row[1]} set log_parameter_max_length = 0"
    detail = "the database's server logs slow statements with their parameters: texts, in clear"
    return Check("server log", False, detail, fix, required=False)


def log_rights(database: Database) -> Check:
    """Say what keeps the application from changing the log."""
    from infrastructure.postgres.roles import protection

    with database.connection() as connection:
        found = protection(connection)
    if found == "none":
        detail = (
            "the application connects as the log's owner: a fault could change the log "
            "(checkpoints would show it)"
        )
        return Check("log rights", False, detail, "daybook db migrate", required=False)
    if found == "role":
        return Check("log rights", True, "the application gives up its login's right to change the log")
    return Check("log rights", True, "the application's login has no right to change the log")


def _keys(settings: Settings, home: Home, database: Database) -> list[Check]:
    def unlock() -> Check:
        make_keyring(settings, home, database).unlock()
        where = settings.find("master_key").origin if settings.get("master_key") else str(home.master_key)
        return Check("keys", True, f"the master key opens this book ({where})")

    checks = [_guarded("keys", unlock)]
    if checks[0].ok and not settings.get("master_key"):
        mode = home.master_key.stat().st_mode & 0o777
        if mode & 0o077:
            checks.append(
                Check(
                    "key file", False, f"others can read it (mode {mode:o})", f"chmod 600 {home.master_key}"
                )
            )
        if master_key.MasterKeyFile(home.master_key).unfinished:
            detail = "its replacement was interrupted; the former key is not destroyed"
            checks.append(Check("master key", False, detail, "daybook keys rotate --master", required=False))
        exported = home.key_exported.exists()
        detail = "exported" if exported else "never exported: if this file is lost, so is all content"
        fix = "" if exported else "daybook keys export daybook.key"
        checks.append(Check("key backup", exported, detail, fix, required=False))
    if checks[0].ok:
        checks.append(_guarded("key epochs", lambda: _epochs(database)))
        checks.append(_guarded("signing key", lambda: _signing_key(settings, home, database)))
        checks.append(_backup(home))
    return checks


def _signing_key(settings: Settings, home: Home, database: Database) -> Check:
    """Say whether checkpoints can be signed here: a restored book may lie in a home that cannot."""
    from infrastructure.proofs.kept import Kept
    from infrastructure.proofs.signing import SigningKey

    secret = given_signing_key(settings) or Kept(home.root).secret()
    with database.connection() as connection:
        known = [row[0] for row in connection.execute(_SIGNERS).fetchall()]
    if not known:
        return Check("signing key", True, "no checkpoint was signed yet")
    if secret is not None and any(
        verifier == SigningKey.from_secret(verifier.split("+")[0], secret).verifier for verifier in known
    ):
        return Check("signing key", True, "it signs this book's checkpoints")
    detail = "this book's checkpoints are signed with another key, which is not here: none can be made"
    fix = "bring keys/signing.key from the home of the book, or name it: DAYBOOK_SIGNING_KEY_FILE"
    return Check("signing key", False, detail, fix, required=False)


def _backup(home: Home) -> Check:
    """Say when the last backup was made from this home, and whether the key in force is younger than it."""
    last = home.last_backup()
    if last is None:
        return Check("backup", False, "none was made from this home", "daybook backup FILE", required=False)
    at, where = last
    went = "into a pipe" if where == "-" else f"to {where}"
    if home.master_key.exists() and home.master_key.stat().st_mtime > at.timestamp():
        detail = f"the last one, {went}, is older than the master key in force, which may not open it"
        return Check("backup", False, detail, "daybook backup FILE", required=False)
    return Check("backup", True, f"the last one was made on {at.astimezone():%Y-%m-%d %H:%M}, {went}")


def _epochs(database: Database) -> Check:
    """Say whether an erasure or a rotation was left half done."""
    from infrastructure.postgres.key_store import PostgresKeyStore

    found = PostgresKeyStore(database).status()
    if found.unfinished or found.owed:
        detail = "keys are still to be wrapped anew, after an erasure or an interrupted rotation"
        return Check("key epochs", False, detail, "daybook keys rotate", required=False)
    return Check("key epochs", True, f"{found.key_count} keys under epoch {found.epochs[-1].epoch}")


def _model_server(settings: Settings) -> list[Check]:
    model = settings.get("model")
    from infrastructure.ollama.failures import OF_THE_MACHINE

    try:
        version, cards = asyncio.run(_ask_model_server(settings))
    except ModelServerUnreachableError as problem:
        fix = "ollama serve   (or set DAYBOOK_OLLAMA_URL)"
        if OF_THE_MACHINE in settings.get("ollama_url"):
            fix = "OLLAMA_HOST=0.0.0.0 ollama serve   (on the machine itself)"
        return [Check("model server", False, problem.message, fix)]
    except DaybookError as problem:
        fix = "" if problem.hint == "daybook doctor" else problem.hint
        return [Check("model server", False, problem.message, fix)]
    checks = [Check("model server", True, f"{settings.get('ollama_url')}, version {version}")]
    names = {card.name for card in cards}
    there = is_installed(model, cards)
    others = ", ".join(sorted(names)[:4]) or "none"
    detail = f"{model} is installed" if there else f"{model} is not installed (there: {others})"
    checks.append(Check("default model", there, detail, "" if there else f"daybook models pull {model}"))
    return checks


async def _ask_model_server(settings: Settings) -> tuple[str, Sequence[ModelCard]]:
    server = make_model_server(settings)
    try:
        return await server.version(), await server.models()
    finally:
        await server.close()


def _existing(path: Path) -> Path:
    while not path.exists():
        path = path.parent
    return path
