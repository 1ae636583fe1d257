"""The one way from a request to the commands of the book."""

from __future__ import annotations

from application.commands import AnswerAgain, AskQuestion, Command, Done
from application.conversations import Asked
from interfaces.http.server import Server


def give(server: Server, command: Command) -> Done:
    """Give a command that changes something.

    Raises:
        AlreadyUnderWayError: the same one is being carried out.
    """
    with server.once(command):
        return server.book.commands.handle(command)


def ask(server: Server, command: AskQuestion | AnswerAgain) -> Asked:
    """Give a command that starts an answer; its errors are those of `give`. Called from a thread."""
    with server.once(command):
        return server.book.commands.ask(command)
