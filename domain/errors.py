"""The roots of every error Daybook raises on purpose.

Each message says what happened, what it means for the person's data, and what to do next;
`interfaces/errors.py` alone turns a class into an exit code or an HTTP status.
"""


class DaybookError(Exception):
    """Anything a person may be told about.

    `message` is the whole text; `hint` the next command, if there is one.
    """

    def __init__(self, message: str, *, hint: str = "") -> None:
        super().__init__(message)
        self.message = message
        self.hint = hint


class InvalidInputError(DaybookError):
    """What was sent cannot be accepted as it is: empty, too large, not text, of the wrong form."""


class NotFoundError(DaybookError):
    """The thing named does not exist in this book."""


class RefusedError(DaybookError):
    """A rule of the book forbids it in the present state."""


class ConflictError(RefusedError):
    """Somebody else changed the same thing first; nothing of this command was written."""


class WrongVersionError(ConflictError):
    """A stream does not stand at the version the command was decided on; deciding again may be safe."""


class ContentErasedError(DaybookError):
    """The key of this content was destroyed; it cannot be read again by anybody."""


class ContentDamagedError(DaybookError):
    """This content does not open with its own key: it was altered after it was written."""
