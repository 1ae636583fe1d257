"""The one table from commands to handlers, and the way every interface goes through it."""

from __future__ import annotations

from collections.abc import Callable
from typing import Any

from application import commands as c
from application import (
    conversations,
    erasing,
    filing,
    forking,
    granting,
    importing,
    projects,
    remarks,
    replays,
    routines,
    scopes,
)
from application.access import Principal
from application.conversations import Asked
from application.import_commands import ImportConversations, ImportProject
from application.ported import Imported
from application.replay_commands import CancelReplay, EraseReplay, StartReplay
from application.services import Services
from application.text_rules import checked_key

HANDLERS: dict[type[c.Command], Callable[[Services, Any], Any]] = {
    c.StartConversation: conversations.start_conversation,
    c.AskQuestion: conversations.ask_question,
    c.EditPrompt: conversations.edit_prompt,
    c.AnswerAgain: conversations.answer_again,
    c.ForkConversation: forking.fork_conversation,
    ImportConversations: importing.import_conversations,
    ImportProject: importing.import_project,
    c.RateAnswer: remarks.rate_answer,
    c.WriteNote: remarks.write_note,
    c.ChangeNote: remarks.change_note,
    c.RemoveNote: remarks.remove_note,
    c.GoOnFrom: conversations.go_on_from,
    c.RenameConversation: conversations.rename_conversation,
    c.ChangeConversation: filing.change_conversation,
    c.ArchiveConversation: conversations.archive_conversation,
    c.RestoreConversation: conversations.restore_conversation,
    c.CreateProject: projects.create_project,
    c.ChangeProject: projects.change_project,
    c.RenameProject: projects.rename_project,
    c.DescribeProject: projects.describe_project,
    c.ChangeInstructions: projects.change_instructions,
    c.SetDefaultModel: projects.set_default_model,
    c.SetDefaultOptions: projects.set_default_options,
    c.RestoreInstructions: projects.restore_instructions,
    c.ArchiveProject: projects.archive_project,
    c.RestoreProject: projects.restore_project,
    c.CreateRoutine: routines.create_routine,
    c.ChangeRoutine: routines.change_routine,
    c.RemoveRoutine: routines.remove_routine,
    c.RunRoutine: routines.run_routine,
    c.HoldConversation: erasing.hold_conversation,
    c.ReleaseConversation: erasing.release_conversation,
    c.HoldProject: erasing.hold_project,
    c.ReleaseProject: erasing.release_project,
    c.EraseConversation: erasing.erase_conversation,
    c.EraseProject: erasing.erase_project,
    c.EraseRoutine: erasing.erase_routine,
    StartReplay: replays.start_replay,
    CancelReplay: replays.cancel_replay,
    EraseReplay: replays.erase_replay,
    c.CreateToken: granting.create_token,
    c.RevokeToken: granting.revoke_token,
    c.OfferSession: granting.offer_session,
    c.EndSession: granting.end_session,
}


class Commands:
    """Takes commands for one book: of this process, which may everything, or of a principal."""

    def __init__(self, services: Services, principal: Principal | None = None) -> None:
        self._services = services
        self._principal = principal

    def acting_for(self, principal: Principal) -> Commands:
        """Return what takes the commands of somebody who was let in.

        What their scopes do not allow raises `ForbiddenError`.
        """
        return Commands(self._services, principal)

    def handle(self, command: c.Command) -> c.Done:
        """Handle a command that changes something and answers nothing.

        The errors are those of its handler.
        """
        done: c.Done = self._handled(command)
        return done

    def ask(self, command: c.Asking) -> Asked:
        """Handle a command that starts an answer; `Answering` then streams it."""
        asked: Asked = self._handled(command)
        return asked

    def make(self, command: c.CreateToken | c.OfferSession) -> c.Made:
        """Handle a command that makes a secret, and return it."""
        made: c.Made = self._handled(command)
        return made

    def take_in(self, command: ImportConversations | ImportProject) -> Imported:
        """Handle a command that takes in what a file says, and return what became of it."""
        imported: Imported = self._handled(command)
        return imported

    def made_before(self, command: c.CreateToken | c.OfferSession) -> c.Made | None:
        """Return what a command under an idempotency key has made before; None: it has not been given."""
        self._must_be_allowed(command)
        return granting.made_before(self._services, command)

    def _handled(self, command: c.Command) -> Any:
        self._must_be_allowed(command)
        if command.idempotency_key is not None:
            checked_key(command.idempotency_key)
        return HANDLERS[type(command)](self._services, command)

    def _must_be_allowed(self, command: c.Command) -> None:
        if self._principal is not None:
            need = scopes.COMMANDS.get(type(command), scopes.PROCESS)
            self._principal.must(need, type(command).__name__)
            if (command.actor, command.source) != (self._principal.actor, self._principal.source):
                raise ValueError("a command must carry the actor and source of whoever was let in")
