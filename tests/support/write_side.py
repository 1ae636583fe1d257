"""The write side on a real database, with a master key of its own."""

from __future__ import annotations

from infrastructure.crypto.keyring import Keyring
from infrastructure.postgres.book import PostgresLog
from infrastructure.postgres.database import Database
from infrastructure.postgres.key_store import PostgresKeyStore
from infrastructure.postgres.live import PostgresLiveAnswers
from infrastructure.postgres.log import EventLog

MASTER = b"m" * 32


def keyring_of(database: Database) -> Keyring:
    """Return a keyring as another process would have it: the same master key, empty caches."""
    return Keyring(PostgresKeyStore(database), lambda: MASTER, lambda: MASTER)


def log_on(database: Database, keyring: Keyring | None = None) -> PostgresLog:
    return PostgresLog(EventLog(database), keyring or keyring_of(database))


def live_on(
    database: Database, keyring: Keyring | None = None, *, heartbeat: float = 10.0, dead_after: float = 60.0
) -> PostgresLiveAnswers:
    return PostgresLiveAnswers(
        database,
        keyring or keyring_of(database),
        heartbeat_seconds=heartbeat,
        dead_after_seconds=dead_after,
    )
