"""Load, decide, save; and decide again when somebody was faster.

Deciding again is safe where the command means the same on the newer state (a new title, an end of an answer);
commands that depend on what their sender saw are tried once and end in a conflict.
"""

from __future__ import annotations

from collections.abc import Callable
from typing import TypeVar
from uuid import UUID

from application.commands import Command, Done
from application.ports.log import IdempotencyKey, Log, Origin, Saved
from domain.errors import WrongVersionError
from domain.event import Root

R = TypeVar("R", bound=Root)

TRIES = 8


def change(log: Log, kind: type[R], stream_id: UUID, decide: Callable[[R], None], command: Command) -> Done:
    """Change one aggregate for a command, trying up to `TRIES` times, and return the log size reached."""
    if command.idempotency is not None:
        before = log.answered(command.origin, command.idempotency)
        if before is not None:
            return Done(stream_id, before.log_size)
    saved = _decided(log, kind, stream_id, decide, command.origin, command.idempotency)
    return Done(stream_id, saved.log_size)


def settle(log: Log, kind: type[R], stream_id: UUID, decide: Callable[[R], None], origin: Origin) -> int:
    """Record something that has happened already (an answer's end), trying again.

    Return the log size reached.
    """
    return _decided(log, kind, stream_id, decide, origin, None).log_size


def _decided(
    log: Log,
    kind: type[R],
    stream_id: UUID,
    decide: Callable[[R], None],
    origin: Origin,
    idempotency: IdempotencyKey | None,
) -> Saved:
    attempt = 0
    while True:
        attempt += 1
        aggregate = log.load(kind, stream_id)
        decide(aggregate)
        try:
            return log.save([aggregate], origin, idempotency=idempotency)
        except WrongVersionError:
            if attempt == TRIES:
                raise
