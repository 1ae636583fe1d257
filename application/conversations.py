"""Handlers of the commands on conversations.

Invariant: a prompt and the start of its answer are one append, made before any model is called; what a
person typed is in the log before anything can go wrong.
"""

from __future__ import annotations

import contextlib
import json
from collections.abc import Callable, Mapping
from dataclasses import dataclass
from typing import Any
from uuid import UUID

from application import context
from application.commands import (
    AnswerAgain,
    ArchiveConversation,
    Asking,
    AskQuestion,
    Done,
    EditPrompt,
    GoOnFrom,
    RenameConversation,
    RestoreConversation,
    RunRoutine,
    StartConversation,
)
from application.deciding import TRIES, change
from application.errors import DatabaseError
from application.ports.log import Origin, Saved
from application.ports.model_server import ChatRequest
from application.services import Services
from application.text_rules import (
    checked_context_length,
    checked_name,
    checked_options,
    checked_text,
    checked_think,
)
from domain.conversation.conversation import Conversation, Kind
from domain.errors import (
    ConflictError,
    ContentDamagedError,
    InvalidInputError,
    RefusedError,
    WrongVersionError,
)
from domain.ids import new_id, short
from domain.project.project import Project


@dataclass(frozen=True)
class Manner:
    """How a prompt is to be answered: by which model (None: as it comes), with which options and thinking."""

    model: str | None
    options: Mapping[str, Any]
    think: bool | str | None


@dataclass(frozen=True)
class Asked:
    """What was recorded for a prompt. `request` is what the model is now to be asked.

    `request` is None where the command had been given before under the same idempotency key: then somebody
    else is answering, or has answered.
    """

    conversation_id: UUID
    prompt_id: UUID
    answer_id: UUID
    model: str
    log_size: int
    request: ChatRequest | None
    origin: Origin
    cut_count: int = 0


def start_conversation(services: Services, command: StartConversation) -> Done:
    """Open a conversation."""
    title = None if command.title is None else checked_name(command.title, "title")
    if command.project_id is not None:
        open_project(services, command.project_id)
    conversation = Conversation.start(new_id(), project_id=command.project_id, title=title)
    result = json.dumps({"conversation_id": str(conversation.id)}).encode()
    saved = services.log.save([conversation], command.origin, idempotency=command.idempotency, result=result)
    if saved.replayed:
        return Done(UUID(json.loads(saved.result or b"{}")["conversation_id"]), saved.log_size)
    return Done(conversation.id, saved.log_size, conversation.version)


def ask_question(services: Services, command: AskQuestion) -> Asked:
    """Record a prompt and the start of its answer.

    Raises:
        InvalidInputError: the text is empty, too large or no text.
        NotFoundError: there is no such conversation, project or message.
        ConflictError: the conversation moved on, or is being answered, and the command did not name its
        parent. RefusedError: the conversation is archived, or the project that a new one shall be in.
        LineFullError: as many answers wait for the model server as may.
    """
    text, instructions = _checked_prompt(command)
    return once(services, command, lambda: _ask(services, command, text, instructions))


def _checked_prompt(command: AskQuestion | EditPrompt) -> tuple[str, str | None]:
    """Return a prompt's text and its own instructions, where it has any."""
    text = checked_text(command.text, "prompt")
    if not text.strip():
        raise InvalidInputError(
            "The prompt is empty. Nothing was recorded.", hint='daybook ask "your question"'
        )
    if command.instructions is None:
        return text, None
    return text, checked_text(command.instructions, "instructions")


def _ask(services: Services, command: AskQuestion, text: str, instructions: str | None) -> Asked:
    # A prompt means the same on a newer tree as long as it follows the same message; without its parent
    # named, that is the current one, which its sender saw.
    attempt = 0
    seen: UUID | None = None
    while True:
        attempt += 1
        conversation, project = _conversation_for(services, command)
        prompt_id = new_id()
        parent_id = command.parent_id or conversation.current_id
        if attempt > 1 and parent_id != seen:
            raise _moved_on(conversation)
        seen = parent_id
        conversation.add_prompt(prompt_id, text, parent_id=parent_id, instructions=instructions)
        try:
            return start_answer(
                services,
                command,
                conversation,
                project,
                prompt_id=prompt_id,
                text=text,
                instructions=instructions,
            )
        except WrongVersionError:
            if attempt == TRIES:
                raise _moved_on(conversation) from None


def _moved_on(conversation: Conversation) -> ConflictError:
    return ConflictError(
        f"Somebody else wrote to conversation {short(conversation.id)} at the same moment. This prompt was "
        "not "
        "recorded; look at what is new there, then ask again.",
        hint=f"daybook show {short(conversation.id)}",
    )


def edit_prompt(services: Services, command: EditPrompt) -> Asked:
    """Record another prompt beside one that is there, and the start of its answer.

    Where somebody else wrote at the same moment, both stay: it means the same on the newer tree.

    Raises:
        InvalidInputError: the text is empty, too large or no text, or the message is an answer.
        NotFoundError: there is no such conversation or message.
        ConflictError: others wrote too often. RefusedError: the conversation is archived.
        LineFullError: as many answers wait for the model server as may.
    """
    text, instructions = _checked_prompt(command)
    return once(services, command, lambda: _edit(services, command, text, instructions))


def _edit(services: Services, command: EditPrompt, text: str, instructions: str | None) -> Asked:
    if instructions is None:
        instructions = services.memory.prompt_instructions(command.prompt_id)
    attempt = 0
    while True:
        attempt += 1
        conversation = services.log.load(Conversation, command.conversation_id)
        project = _project_of(services, conversation)
        old = conversation.message(command.prompt_id)
        if old.kind is not Kind.PROMPT:
            raise InvalidInputError(
                f"Message {short(old.id)} is an answer; prompts are edited. Nothing was recorded.",
                hint=f"daybook retry {short(old.id)}",
            )
        prompt_id = new_id()
        conversation.add_prompt(prompt_id, text, parent_id=old.parent_id, instructions=instructions)
        try:
            return start_answer(
                services,
                command,
                conversation,
                project,
                prompt_id=prompt_id,
                text=text,
                instructions=instructions,
            )
        except WrongVersionError:
            if attempt == TRIES:
                raise _moved_on(conversation) from None


def answer_again(services: Services, command: AnswerAgain) -> Asked:
    """Start another answer to a prompt that is there; the earlier answers stay."""
    return once(services, command, lambda: _ask_again(services, command))


def _ask_again(services: Services, command: AnswerAgain) -> Asked:
    attempt = 0
    while True:
        attempt += 1
        conversation = services.log.load(Conversation, command.conversation_id)
        project = _project_of(services, conversation)
        prompt = conversation.message(command.prompt_id)
        text = services.memory.texts([prompt.id]).get(prompt.id)
        if text is None and prompt.kind is Kind.PROMPT:
            raise ContentDamagedError(
                f"The text of prompt {short(prompt.id)} cannot be read: it was erased or altered. "
                "No model was asked, and nothing was recorded.",
                hint="daybook projections status",
            )
        instructions = services.memory.prompt_instructions(command.prompt_id)
        try:
            return start_answer(
                services,
                command,
                conversation,
                project,
                prompt_id=prompt.id,
                text=text or "",
                instructions=instructions,
            )
        except WrongVersionError:
            if attempt == TRIES:
                raise


def go_on_from(services: Services, command: GoOnFrom) -> Done:
    """Choose the current branch."""
    return change(
        services.log,
        Conversation,
        command.conversation_id,
        lambda conversation: conversation.go_on_from(command.message_id, to_end=command.to_end),
        command,
    )


def rename_conversation(services: Services, command: RenameConversation) -> Done:
    """Give a conversation a title."""
    title = checked_name(command.title, "title")
    return change(
        services.log,
        Conversation,
        command.conversation_id,
        lambda conversation: conversation.rename(title),
        command,
    )


def archive_conversation(services: Services, command: ArchiveConversation) -> Done:
    """Put a conversation out of the way."""
    return change(services.log, Conversation, command.conversation_id, Conversation.archive, command)


def restore_conversation(services: Services, command: RestoreConversation) -> Done:
    """Bring a conversation back."""
    return change(services.log, Conversation, command.conversation_id, Conversation.restore, command)


def start_answer(
    services: Services,
    command: Asking,
    conversation: Conversation,
    project: Project | None,
    *,
    prompt_id: UUID,
    text: str,
    instructions: str | None,
    manner: Manner | None = None,
) -> Asked:
    """Record a conversation with the start of an answer to its prompt, in one append.

    Without a `manner` it is answered as the command says.
    """
    manner = manner or Manner(command.model, command.options, command.think)
    model = _model_for(services, manner.model, conversation, project)
    given = _options(services, command, project, manner.options)
    context_length = _context_length(services, given, model)
    standing = None
    if instructions is None and project is not None:
        standing = services.memory.instructions(project.id)
        instructions = standing.text if standing else None
    parent_id = conversation.message(prompt_id).parent_id
    window = context.fit(
        conversation.branch(parent_id),
        conversation.depth(parent_id),
        (prompt_id, text),
        instructions or "",
        context_length,
        services.memory,
    )
    options = {**given, "num_ctx": context_length}
    request = ChatRequest(
        model=model, messages=window.messages, options=options, think=checked_think(manner.think)
    )
    answer_id = new_id()
    conversation.start_answer(
        answer_id,
        prompt_id=prompt_id,
        owner_id=services.live.own(),
        model=model,
        context_length=context_length,
        sent_message_ids=window.sent,
        cut_count=window.cut_count,
        instructions_project_id=project.id if project and standing else None,
        instructions_version=standing.version if standing else None,
        think=manner.think,
        request_hash=services.log.request_hash(conversation.id, context.rendered(request)),
        options=options,
    )
    ids = {"conversation_id": conversation.id, "prompt_id": prompt_id, "answer_id": answer_id, "model": model}
    # The place in the line comes first: a prompt that no model could answer for now is refused before
    # anything is recorded.
    services.turns.enter(answer_id, background=command.background)
    try:
        saved = services.log.save(
            [conversation],
            command.origin,
            idempotency=command.idempotency,
            result=json.dumps(ids, default=str).encode(),
        )
    except BaseException:
        _leave(services, answer_id)
        raise
    if saved.replayed:
        _leave(services, answer_id)
        return _asked_before(saved, command.origin)
    return Asked(
        conversation.id,
        prompt_id,
        answer_id,
        model,
        saved.log_size,
        request,
        command.origin,
        cut_count=window.cut_count,
    )


def _leave(services: Services, answer_id: UUID) -> None:
    with contextlib.suppress(DatabaseError):  # what was left is noticed at the next look
        services.turns.leave(answer_id)


def _conversation_for(services: Services, command: AskQuestion) -> tuple[Conversation, Project | None]:
    if command.conversation_id is not None:
        conversation = services.log.load(Conversation, command.conversation_id)
        if command.project_id not in {None, conversation.project_id}:
            raise InvalidInputError(
                f"Conversation {short(conversation.id)} is not in project {short(command.project_id)}. "
                "Nothing was "
                "recorded.",
                hint=f"daybook show {short(conversation.id)}",
            )
        return conversation, _project_of(services, conversation)
    project = open_project(services, command.project_id) if command.project_id is not None else None
    return Conversation.start(new_id(), project_id=command.project_id, title=None), project


def _project_of(services: Services, conversation: Conversation) -> Project | None:
    if conversation.project_id is None:
        return None
    return services.log.load(Project, conversation.project_id)


def open_project(services: Services, project_id: UUID) -> Project:
    """Return a project that a conversation may be opened in.

    Raises:
        RefusedError: it is archived. ContentErasedError: it was erased.
    """
    project = services.log.load(Project, project_id)
    project.must_not_be_erased()
    if project.archived:
        raise RefusedError(
            f"Project {short(project_id)} is archived. Nothing was recorded.",
            hint=f"daybook project restore {short(project_id)}",
        )
    return project


def _model_for(
    services: Services, chosen: str | None, conversation: Conversation, project: Project | None
) -> str:
    """The one asked for; else the conversation's last, the project's, the book's."""
    model = chosen or conversation.last_model or (project.default_model if project else None)
    return checked_name(model or services.default_model, "model name")


def _options(
    services: Services, command: Asking, project: Project | None, options: Mapping[str, Any]
) -> dict[str, Any]:
    """Those asked for, over the project's.

    Options that come from an earlier answer are whole, its context length among them: what is answered again
    is answered as it was.
    """
    given = checked_options(options)
    if project is None or (not isinstance(command, AskQuestion | RunRoutine) and "num_ctx" in given):
        return given
    return {**services.memory.default_options(project.id), **given}


def _context_length(services: Services, options: Mapping[str, Any], model: str) -> int:
    chosen = checked_context_length(options.get("num_ctx", services.context_length))
    card = services.models.recall(model)
    if card is not None and card.context_length:
        return min(chosen, card.context_length)
    return chosen


def once(services: Services, command: Asking, ask: Callable[[], Asked]) -> Asked:
    """Ask, unless the same command was carried out before.

    A twin under way at the same moment may be done between our look and our try; then what it changed stands
    in our way, and a second look finds its answer.
    """
    if (before := _answered(services, command)) is not None:
        return before
    try:
        return ask()
    except ConflictError:
        if (before := _answered(services, command)) is not None:
            return before
        raise


def _answered(services: Services, command: Asking) -> Asked | None:
    if command.idempotency is None:
        return None
    saved = services.log.answered(command.origin, command.idempotency)
    return None if saved is None else _asked_before(saved, command.origin)


def _asked_before(saved: Saved, origin: Origin) -> Asked:
    ids = json.loads(saved.result or b"{}")
    return Asked(
        UUID(ids["conversation_id"]),
        UUID(ids["prompt_id"]),
        UUID(ids["answer_id"]),
        ids["model"],
        saved.log_size,
        None,
        origin,
    )
