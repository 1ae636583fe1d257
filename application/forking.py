"""The handler that copies a branch into a conversation of its own.

Invariants: the copy is one append with a word of it in the stream it was copied from, so nothing is copied
out of a conversation that is erased meanwhile; what is copied is sealed anew under the key of the copy.
"""

from __future__ import annotations

import json
from collections.abc import Sequence
from uuid import UUID

from application.commands import Done, ForkConversation
from application.conversations import open_project
from application.deciding import TRIES
from application.ports.log import Saved
from application.ports.memory import RecordedAnswer, RecordedPrompt
from application.services import Services
from application.text_rules import checked_name
from domain.conversation.conversation import Conversation, Message
from domain.errors import InvalidInputError, WrongVersionError
from domain.ids import new_id, short

MAX_FORK_BYTES = 64 * 1024 * 1024
_PAGE = 500


def fork_conversation(services: Services, command: ForkConversation) -> Done:
    """Copy the branch that ends in a message into a new conversation, and return that.

    Raises:
        NotFoundError: there is no such conversation, message or project.
        ConflictError: the branch ends in an answer that is still being written, or others wrote too often.
        ContentErasedError, ContentDamagedError: some of it cannot be read any more.
        RefusedError: the project is archived.
        InvalidInputError: the branch is too large to be copied in one piece.
    """
    title = None if command.title is None else checked_name(command.title, "title")
    if command.idempotency is not None:
        before = services.log.answered(command.origin, command.idempotency)
        if before is not None:
            return _forked_before(before)
    origin = services.log.load(Conversation, command.conversation_id)
    fork_id = new_id()
    origin.give_to_fork(command.message_id, fork_id)  # refused before anything is read
    project_id = command.project_id or origin.project_id
    if project_id is not None:
        open_project(services, project_id)
    branch = [*origin.branch(command.message_id)][::-1]
    recorded = _recorded(services, branch)
    title = title or services.memory.title(origin.id)
    result = json.dumps({"conversation_id": str(fork_id)}).encode()
    attempt = 0
    while True:
        attempt += 1
        fork = Conversation.start(
            fork_id,
            project_id=project_id,
            title=title,
            origin_conversation_id=origin.id,
            origin_message_id=command.message_id,
        )
        _copy(fork, branch, recorded)
        # As late as can be: copying takes its time, and people go on writing there.
        origin = services.log.load(Conversation, command.conversation_id)
        origin.give_to_fork(command.message_id, fork_id)
        try:
            saved = services.log.save(
                [origin, fork], command.origin, idempotency=command.idempotency, result=result
            )
        except WrongVersionError:
            if attempt == TRIES:
                raise
        else:
            return _forked_before(saved) if saved.replayed else Done(fork_id, saved.log_size, fork.version)


def _forked_before(saved: Saved) -> Done:
    return Done(UUID(json.loads(saved.result or b"{}")["conversation_id"]), saved.log_size)


def _recorded(services: Services, branch: Sequence[Message]) -> list[RecordedPrompt | RecordedAnswer]:
    """Return the messages of a branch whole, looked up page by page.

    Raises:
        InvalidInputError: together they are too large.
    """
    found: list[RecordedPrompt | RecordedAnswer] = []
    size = 0
    for start in range(0, len(branch), _PAGE):
        page = services.memory.recorded([message.id for message in branch[start : start + _PAGE]])
        size += sum(len(one.text) + len(getattr(one, "thinking", "")) for one in page)
        if size > MAX_FORK_BYTES:
            raise InvalidInputError(
                f"The branch that ends in message {short(branch[-1].id)} is too large to be copied in one "
                f"piece: at most {MAX_FORK_BYTES:,} characters are. Nothing was recorded.",
                hint="Fork an earlier message of it, or go on in it: daybook ask --from MESSAGE",
            )
        found += page
    return found


def _copy(
    fork: Conversation, branch: Sequence[Message], recorded: Sequence[RecordedPrompt | RecordedAnswer]
) -> None:
    copies: dict[UUID, UUID] = {}
    above: UUID | None = None
    for message, said in zip(branch, recorded, strict=True):
        copy_id = copies[message.id] = new_id()
        told = {**vars(said), "origin_message_id": message.id}
        if isinstance(said, RecordedAnswer):
            told["sent_message_ids"] = tuple(copies[one] for one in said.sent_message_ids if one in copies)
            told["options"] = dict(said.options)
            fork.copy_answer(copy_id, prompt_id=above or copy_id, **told)
        else:
            fork.copy_prompt(copy_id, parent_id=above, **told)
        above = copy_id
