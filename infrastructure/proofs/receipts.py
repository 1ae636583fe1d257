"""Receipts: small files that prove an event, or that a checkpoint extends another, to anybody with the key.

Invariant: no receipt leaves that would not pass the offline check; a log whose stored hashes do not fit is
told about here, too.
"""

from __future__ import annotations

import json
from typing import TYPE_CHECKING, Any
from uuid import UUID

from application.ports.audit import MadeCheckpoint
from domain.errors import InvalidInputError, NotFoundError, RefusedError
from infrastructure.postgres.log import EventLog
from infrastructure.proofs import tree
from infrastructure.proofs.checkpoints import Checkpoints
from infrastructure.proofs.offline import (
    EXTENSION,
    RECEIPT,
    ProofError,
    check_receipt,
    parse_checkpoint,
    parse_key,
)
from infrastructure.proofs.rows import full_document

if TYPE_CHECKING:
    from collections.abc import Callable

    import psycopg

    from infrastructure.postgres.database import Database

_FIND = "select log_index from daybook.events where event_id = %s"
_BATCH = 1_000
_OF_MESSAGES = ("conversation.prompt-", "conversation.answer-")


def find_event(database: Database, event_id: UUID) -> int | None:
    """Return the log index of an event."""
    with database.connection() as connection:
        row = connection.execute(_FIND, (event_id,)).fetchone()
    return None if row is None else int(row[0])


def find_message(database: Database, conversation_id: UUID, message_id: UUID) -> int | None:
    """Return the log index of the last event that made a message what it is (an answer's end)."""
    from infrastructure.postgres.codec import to_event

    log = EventLog(database)
    before: int | None = None
    while rows := log.read_stream(conversation_id, up_to=before, newest_first=True, limit=_BATCH):
        for row in rows:
            if row.type.startswith(_OF_MESSAGES) and getattr(to_event(row), "message_id", None) == message_id:
                return row.log_index
        before = rows[-1].version - 1
    return None


def receipt(database: Database, checkpoints: Checkpoints, log_index: int) -> str:
    """Return the receipt of one event under the newest checkpoint, or under one made now."""
    found = EventLog(database).read(log_index, 1) if log_index >= 0 else []
    if not found or found[0].log_index != log_index:
        raise NotFoundError(f"There is no event {log_index} in this log.", hint="daybook audit log")
    made = _covering(database, checkpoints, log_index + 1)
    return _proved(
        database,
        checkpoints,
        {"format": RECEIPT, "event": full_document(found[0]), "checkpoint": made.note},
        lambda connection: tree.inclusion_proof(connection, log_index, made.size),
    )


def extension(database: Database, checkpoints: Checkpoints, old: str) -> str:
    """Return the proof that a checkpoint made now extends an older one."""
    try:
        size = parse_checkpoint(old).size
    except ProofError as problem:
        raise InvalidInputError(f"The older checkpoint cannot be read: {problem}.") from None
    made = checkpoints.make()
    if size > made.size:
        raise RefusedError(
            f"The checkpoint is of {size:,} events, the log has {made.size:,}: it is not extended.",
            hint="daybook audit verify --since FILE",
        )
    return _proved(
        database,
        checkpoints,
        {"format": EXTENSION, "old_checkpoint": old, "checkpoint": made.note},
        lambda connection: tree.consistency_proof(connection, size, made.size),
    )


def _covering(database: Database, checkpoints: Checkpoints, size: int) -> MadeCheckpoint:
    with database.connection() as connection:
        stored = checkpoints.stored(connection)
    if stored and stored[-1].size >= size:
        newest = stored[-1]
        return MadeCheckpoint(newest.note, newest.size, newest.root.hex(), fresh=False)
    return checkpoints.make()


def _proved(
    database: Database,
    checkpoints: Checkpoints,
    document: dict[str, Any],
    prove: Callable[[psycopg.Connection], list[bytes]],
) -> str:
    try:
        with database.connection() as connection:
            document["proof"] = [one.hex() for one in prove(connection)]
        check_receipt(document, parse_key(checkpoints.signing_key().verifier))
    except (ProofError, tree.MissingNodesError) as problem:
        raise RefusedError(
            f"No proof can be made: {problem or 'events are missing'}. Something was altered. "
            "Nothing was written.",
            hint="daybook audit verify",
        ) from None
    return json.dumps(document, ensure_ascii=False, indent=1) + "\n"
