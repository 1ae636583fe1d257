"""Errors of the application layer.

What can go wrong around a command, told so that a person can act on it.
"""

from domain.errors import ConflictError, DaybookError, RefusedError


def in_words(problem: Exception) -> str:
    """Return why a file cannot be read or written, without Python's own way to say it."""
    if isinstance(problem, UnicodeDecodeError):
        return "it is not text in UTF-8"
    if isinstance(problem, FileNotFoundError):
        return "it does not exist"
    if isinstance(problem, IsADirectoryError):
        return "it is a directory"
    if isinstance(problem, PermissionError):
        return "this user may not"
    return (isinstance(problem, OSError) and problem.strerror) or str(problem)


class ModelServerError(DaybookError):
    """The model server did not do what was asked.

    `reason` is a stable word kept in the log with a failed answer.
    """

    reason = "model-server-error"


class ModelServerUnreachableError(ModelServerError):
    """Nothing answers at the model server's address."""

    reason = "unreachable"


class ModelMissingError(ModelServerError):
    """The model server does not have this model; the hint is the command that gets it."""

    reason = "model-missing"


class ModelServerOverloadedError(ModelServerError):
    """The model server refuses more work for now."""

    reason = "overloaded"


class LineFullError(ModelServerError):
    """As many answers wait for the model server already as may; nothing was recorded.

    `retry_after` is in seconds.
    """

    reason = "line-full"
    retry_after = 15


class ModelServerTimeoutError(ModelServerError):
    """Nothing came from the model server for too long."""

    reason = "timed-out"


class AnswerBrokenOffError(ModelServerError):
    """The stream ended or failed in the middle of an answer; what came before it is kept."""

    reason = "broken-off"


class ContextTooLongError(ModelServerError):
    """The messages do not fit into the model's context, even after cutting."""

    reason = "context-too-long"


class DatabaseError(DaybookError):
    """PostgreSQL is not there, too old, not ours, or failed."""


class DatabaseUnreachableError(DatabaseError):
    """No connection to PostgreSQL could be made, or it was lost."""


class KeyringError(DaybookError):
    """The master key is missing, wrong or unreadable; nothing was written."""


class IdempotencyMismatchError(RefusedError):
    """An idempotency key was used again with another command."""


class ChangedMeanwhileError(ConflictError):
    """A command named the version it was decided on, and the thing does not stand there any more."""


class AlreadyUnderWayError(ConflictError):
    """The same command, under the same idempotency key, is being carried out at this moment."""


class StoppingError(DaybookError):
    """This process takes no new work, and brings no long one to its end, because it is stopping."""


class NotProvedError(DaybookError):
    """A check ran, and what was claimed is not proved."""


class ForbiddenError(RefusedError):
    """Who asks was let in, but not for this."""


class NotAdmittedError(RefusedError):
    """Nobody is let in with what was shown.

    `guess`: it may have been guessed, so it counts against the address it came from.
    """

    guess = False


class WrongTokenError(NotAdmittedError):
    """No such token, session or link was ever made here, or it was mistyped."""

    guess = True


class ExpiredTokenError(NotAdmittedError):
    """Its time has passed."""


class RevokedTokenError(NotAdmittedError):
    """It was revoked, or its session has ended."""


class UsedLinkError(NotAdmittedError):
    """This link has signed somebody in already."""


class RequestUnknownError(RefusedError):
    """What a model was sent for an answer is not recorded in this book, so it cannot be rendered again."""
