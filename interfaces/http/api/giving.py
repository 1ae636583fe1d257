"""The one way from a request to the commands that change something; prompts go through `Server.ask`."""

from __future__ import annotations

from application.commands import Command, Done
from interfaces.http.server import Server


def give(server: Server, command: Command) -> Done:
    """Give a command that changes something.

    Raises:
        AlreadyUnderWayError: the same one is being carried out.
        ForbiddenError: whoever was let in may not give it.
    """
    with server.once(command):
        return server.book.commands.handle(command)
