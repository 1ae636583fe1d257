"""The one table from our errors to what the world is told: an exit code, an HTTP status, a title and a slug.

Invariant: every `DaybookError` has a verdict. A class without a row of its own takes that of its nearest
parent, so that an error only an adapter knows is told like the kind it belongs to.
"""

from __future__ import annotations

from dataclasses import dataclass
from enum import IntEnum

from application import errors as a
from domain import errors as d
from domain.event import DamagedEventError, UnknownEventTypeError
from interfaces import server_errors as s
from projections import errors as p


class Exit(IntEnum):
    """What a process of ours ends with."""

    DONE = 0
    FAILED = 1
    INVALID = 2
    NOT_FOUND = 3
    REFUSED = 4
    MODEL_SERVER = 5
    DATABASE = 6
    NO = 7
    INTERRUPTED = 130


@dataclass(frozen=True)
class Verdict:
    """What one kind of error is to the outside. `slug` is stable; `title` is for people."""

    exit_code: Exit
    status: int
    slug: str
    title: str


VERDICTS: dict[type[d.DaybookError], Verdict] = {
    d.DaybookError: Verdict(Exit.FAILED, 500, "failed", "Daybook could not do this"),
    d.InvalidInputError: Verdict(Exit.INVALID, 422, "invalid-input", "The input is not valid"),
    d.NotFoundError: Verdict(Exit.NOT_FOUND, 404, "not-found", "There is no such thing"),
    d.RefusedError: Verdict(Exit.REFUSED, 409, "refused", "A rule of the book forbids this"),
    d.ConflictError: Verdict(Exit.REFUSED, 409, "conflict", "Somebody else was faster"),
    d.WrongVersionError: Verdict(Exit.REFUSED, 409, "wrong-version", "This has changed meanwhile"),
    d.ContentErasedError: Verdict(Exit.NOT_FOUND, 410, "content-erased", "This content was erased"),
    d.ContentDamagedError: Verdict(Exit.FAILED, 500, "content-damaged", "This content was altered"),
    DamagedEventError: Verdict(Exit.FAILED, 500, "event-damaged", "An event was altered"),
    UnknownEventTypeError: Verdict(Exit.FAILED, 500, "unknown-event-type", "A newer Daybook wrote this log"),
    a.ModelServerError: Verdict(Exit.MODEL_SERVER, 502, "model-server-error", "The model server failed"),
    a.ModelServerUnreachableError: Verdict(
        Exit.MODEL_SERVER, 503, "model-server-unreachable", "The model server cannot be reached"
    ),
    a.ModelMissingError: Verdict(
        Exit.MODEL_SERVER, 424, "model-missing", "The model server does not have this model"
    ),
    a.ModelServerOverloadedError: Verdict(
        Exit.MODEL_SERVER, 503, "model-server-overloaded", "The model server is busy"
    ),
    a.LineFullError: Verdict(Exit.MODEL_SERVER, 503, "line-full", "Too many wait for the model server"),
    a.ModelServerTimeoutError: Verdict(
        Exit.MODEL_SERVER, 504, "model-server-timed-out", "The model server went silent"
    ),
    a.AnswerBrokenOffError: Verdict(Exit.MODEL_SERVER, 502, "answer-broken-off", "The answer broke off"),
    a.ContextTooLongError: Verdict(
        Exit.MODEL_SERVER, 413, "context-too-long", "This is too long for the model's context"
    ),
    a.DatabaseError: Verdict(Exit.DATABASE, 503, "database-error", "The database failed"),
    a.DatabaseUnreachableError: Verdict(
        Exit.DATABASE, 503, "database-unreachable", "The database cannot be reached"
    ),
    a.KeyringError: Verdict(Exit.DATABASE, 503, "keyring-error", "The book's keys do not fit"),
    a.IdempotencyMismatchError: Verdict(
        Exit.REFUSED, 422, "idempotency-mismatch", "This idempotency key belongs to another command"
    ),
    a.ChangedMeanwhileError: Verdict(
        Exit.REFUSED, 412, "changed-meanwhile", "This has changed since you read it"
    ),
    a.AlreadyUnderWayError: Verdict(
        Exit.REFUSED, 409, "already-under-way", "This very command is being carried out"
    ),
    a.StoppingError: Verdict(Exit.FAILED, 503, "stopping", "The server is stopping"),
    a.ForbiddenError: Verdict(Exit.REFUSED, 403, "scope-needed", "This needs another scope"),
    a.NotAdmittedError: Verdict(Exit.REFUSED, 401, "token-needed", "A token is needed"),
    a.WrongTokenError: Verdict(Exit.REFUSED, 401, "token-wrong", "This lets nobody in"),
    a.ExpiredTokenError: Verdict(Exit.REFUSED, 401, "token-expired", "Its time has passed"),
    a.RevokedTokenError: Verdict(Exit.REFUSED, 401, "token-revoked", "This was revoked"),
    a.UsedLinkError: Verdict(Exit.REFUSED, 401, "link-used", "This link was used before"),
    a.RequestUnknownError: Verdict(
        Exit.REFUSED, 409, "request-unknown", "What the model was sent is not known"
    ),
    a.NotProvedError: Verdict(Exit.NO, 409, "not-proved", "This is not proved"),
    # These are told by the command line alone. Its book is behind the server, as it is behind a database.
    s.ServerError: Verdict(Exit.DATABASE, 502, "server-error", "The Daybook server cannot do this"),
    s.ServerUnreachableError: Verdict(
        Exit.DATABASE, 503, "server-unreachable", "The Daybook server cannot be reached"
    ),
    s.NoDaybookError: Verdict(Exit.DATABASE, 502, "no-daybook", "There is no Daybook at this address"),
    s.OldServerError: Verdict(Exit.FAILED, 501, "server-too-old", "The server is of another version"),
    p.PositionBeyondLogError: Verdict(
        Exit.INVALID, 422, "position-unknown", "The log has not reached this size"
    ),
    p.ReadModelStalledError: Verdict(Exit.FAILED, 503, "read-model-stalled", "A read model does not move on"),
    p.NewerReadModelError: Verdict(
        Exit.FAILED, 500, "read-model-newer", "A newer Daybook made this read model"
    ),
    p.RebuildUnderWayError: Verdict(Exit.REFUSED, 409, "rebuild-under-way", "Somebody else is rebuilding it"),
    p.UnknownReadModelError: Verdict(
        Exit.NOT_FOUND, 404, "unknown-read-model", "There is no such read model"
    ),
}


def verdict(error: d.DaybookError) -> Verdict:
    """Return what to tell the world of an error."""
    return next(VERDICTS[kind] for kind in type(error).__mro__ if kind in VERDICTS)
