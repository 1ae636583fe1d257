"""Load, decide, save; and decide again when somebody was faster.

Deciding again is safe where the command means the same on the newer state (a new title, an end of an answer); commands
that depend on what their sender saw are tried once and end in a conflict.
"""

from __future__ import annotations

from collections.abc import Callable
from typing import TypeVar
from uuid import UUID

from application.commands import Command, Done
from application.ports.log import Log, Origin
from domain.errors import WrongVersionError
from domain.event import Root

R = TypeVar("R", bound=Root)

TRIES = 8


def change(log: Log, kind: type[R], stream_id: UUID, decide: Callable[[R], None], command: Command) -> Done:
    """Change one aggregate for a command, trying again up to `TRIES` times, and return the log size reached."""
    if command.idempotency is not None:
        before = log.answered(command.origin, command.idempotency)
        if before is not None:
            return Done(stream_id, before.log_size)
    for attempt in range(1, TRIES + 1):
        aggregate = log.load(kind, stream_id)
        decide(aggregate)
        try:
            saved = log.save([aggregate], command.origin, idempotency=command.idempotency)
        except WrongVersionError:
            if attempt == TRIES:
                raise
        else:
            return Done(stream_id, saved.log_size)
    raise AssertionError("unreachable")


def settle(log: Log, kind: type[R], stream_id: UUID, decide: Callable[[R], None], origin: Origin) -> int:
    """Record something that has happened already (an answer's end), trying again; return the log size reached."""
    for attempt in range(1, TRIES + 1):
        aggregate = log.load(kind, stream_id)
        decide(aggregate)
        try:
            return log.save([aggregate], origin).log_size
        except WrongVersionError:
            if attempt == TRIES:
                raise
    raise AssertionError("unreachable")
