"""Load, decide, save; and decide again when somebody was faster.

Deciding again is safe where the command means the same on the newer state (a new title, an end of an answer);
commands that depend on what their sender saw are tried once and end in a conflict. Such a command names the
version it was decided on; the append expects that very version, so nothing can come between look and change.
"""

from __future__ import annotations

from collections.abc import Callable
from typing import TypeVar
from uuid import UUID

from application.commands import Done, Edit
from application.errors import ChangedMeanwhileError
from application.ports.log import IdempotencyKey, Log, Origin, Saved
from domain.errors import WrongVersionError
from domain.event import Root
from domain.ids import short

R = TypeVar("R", bound=Root)

TRIES = 8


def change(
    log: Log,
    kind: type[R],
    stream_id: UUID,
    decide: Callable[[R], None],
    command: Edit,
    makes: UUID | None = None,
) -> Done:
    """Change one aggregate for a command, trying up to `TRIES` times, and return what was reached.

    Args:
        log: where it is.
        kind: what it is.
        stream_id: which.
        decide: calls its methods.
        command: who asks.
        makes: the id of something new in it, which is returned in place of its own; the command given again
            returns that of the first time.

    Raises:
        ChangedMeanwhileError: it does not stand at the version that the command expects.
    """
    if command.idempotency is not None:
        before = log.answered(command.origin, command.idempotency)
        if before is not None:
            return _done_before(stream_id, before)
    aggregate, saved = _decided(
        log,
        kind,
        stream_id,
        decide,
        command.origin,
        command.idempotency,
        command.expected_version,
        makes.bytes if makes else b"",
    )
    if saved.replayed:
        return _done_before(stream_id, saved)
    return Done(makes or stream_id, saved.log_size, aggregate.version)


def _done_before(stream_id: UUID, saved: Saved) -> Done:
    return Done(UUID(bytes=saved.result) if saved.result else stream_id, saved.log_size)


def settle(log: Log, kind: type[R], stream_id: UUID, decide: Callable[[R], None], origin: Origin) -> int:
    """Record something that has happened already (an answer's end), trying again.

    Return the log size reached.
    """
    return _decided(log, kind, stream_id, decide, origin, None, None, b"")[1].log_size


def must_stand_at(expected: int | None, aggregate: Root) -> None:
    """Refuse a command that was decided on another version.

    Raises:
        ChangedMeanwhileError: the aggregate stands elsewhere.
    """
    if expected is not None and aggregate.version != expected:
        kind = type(aggregate).__name__
        show = "daybook show" if kind == "Conversation" else f"daybook {kind.lower()} show"
        raise ChangedMeanwhileError(
            f"{kind} {short(aggregate.id)} has changed since you read it. Nothing of this was recorded; look "
            "at it again, then decide.",
            hint=f"{show} {short(aggregate.id)}",
        )


def _decided(  # noqa: PLR0917 - what a decision is made of
    log: Log,
    kind: type[R],
    stream_id: UUID,
    decide: Callable[[R], None],
    origin: Origin,
    idempotency: IdempotencyKey | None,
    expected: int | None,
    result: bytes,
) -> tuple[R, Saved]:
    attempt = 0
    while True:
        attempt += 1
        aggregate = log.load(kind, stream_id)
        must_stand_at(expected, aggregate)
        decide(aggregate)
        try:
            return aggregate, log.save([aggregate], origin, idempotency=idempotency, result=result)
        except WrongVersionError:
            if attempt == TRIES:
                raise
