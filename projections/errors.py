"""What can go wrong on the read side, told so that a person can act on it."""

from domain.errors import ConflictError, DaybookError, InvalidInputError


class PositionBeyondLogError(InvalidInputError):
    """A query asks for a log size that this log has not reached."""


class ReadModelStalledError(DaybookError):
    """A read model does not move on towards what a query waits for."""


class NewerReadModelError(DaybookError):
    """A newer Daybook has built this read model in a form that this one does not know."""


class RebuildUnderWayError(ConflictError):
    """Another process is building the same read model."""


class UnknownReadModelError(InvalidInputError):
    """There is no read model of that name."""
