"""The one table from commands to handlers, and the way every interface goes through it."""

from __future__ import annotations

from collections.abc import Callable
from typing import Any

from application import commands as c
from application import conversations, erasing, projects
from application.conversations import Asked
from application.services import Services
from application.text_rules import checked_key

HANDLERS: dict[type[c.Command], Callable[[Services, Any], Any]] = {
    c.StartConversation: conversations.start_conversation,
    c.AskQuestion: conversations.ask_question,
    c.AnswerAgain: conversations.answer_again,
    c.GoOnFrom: conversations.go_on_from,
    c.RenameConversation: conversations.rename_conversation,
    c.ArchiveConversation: conversations.archive_conversation,
    c.RestoreConversation: conversations.restore_conversation,
    c.CreateProject: projects.create_project,
    c.ChangeProject: projects.change_project,
    c.RenameProject: projects.rename_project,
    c.DescribeProject: projects.describe_project,
    c.ChangeInstructions: projects.change_instructions,
    c.SetDefaultModel: projects.set_default_model,
    c.ArchiveProject: projects.archive_project,
    c.RestoreProject: projects.restore_project,
    c.HoldConversation: erasing.hold_conversation,
    c.ReleaseConversation: erasing.release_conversation,
    c.HoldProject: erasing.hold_project,
    c.ReleaseProject: erasing.release_project,
    c.EraseConversation: erasing.erase_conversation,
    c.EraseProject: erasing.erase_project,
}


class Commands:
    """Takes commands for one book."""

    def __init__(self, services: Services) -> None:
        self._services = services

    def handle(self, command: c.Command) -> c.Done:
        """Handle a command that changes something and answers nothing.

        The errors are those of its handler.
        """
        done: c.Done = self._handled(command)
        return done

    def ask(self, command: c.AskQuestion | c.AnswerAgain) -> Asked:
        """Handle a command that starts an answer; `Answering` then streams it."""
        asked: Asked = self._handled(command)
        return asked

    def _handled(self, command: c.Command) -> Any:
        if command.idempotency_key is not None:
            checked_key(command.idempotency_key)
        return HANDLERS[type(command)](self._services, command)
