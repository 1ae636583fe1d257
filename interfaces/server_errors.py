"""What can go wrong between a command and the Daybook server that its book is behind."""

from domain.errors import DaybookError


class ServerError(DaybookError):
    """What answers at a server's address does not do what a Daybook of this version does."""


class ServerUnreachableError(ServerError):
    """No connection to the server could be made, or it was lost."""


class NoDaybookError(ServerError):
    """Something answers at the address, and it is no Daybook."""


class OldServerError(ServerError):
    """The server is of another version, which cannot do what is asked."""
