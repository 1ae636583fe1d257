"""What a model was sent for a recorded answer, rendered again from the ids that its provenance names.

Invariant: a request comes out whole or not at all, and always with a word on whether it is the one: the keyed
hash that was recorded before the model was called is taken again and compared.

Nothing is looked up in a branch and nothing is cut anew: `AnswerStarted` names the messages in the order in
which they were sent, the version of the project's instructions, the options and the way to think. The
prompt's own instructions stand over the project's.
"""

from __future__ import annotations

import hmac
from dataclasses import dataclass
from enum import StrEnum
from uuid import UUID

from application.context import rendered
from application.errors import RequestUnknownError
from application.ports.log import Log
from application.ports.memory import Memory, RecordedAnswer, RecordedPrompt
from application.ports.model_server import ChatMessage, ChatRequest
from domain.errors import ContentErasedError, InvalidInputError
from domain.ids import short


class Check(StrEnum):
    """What the recorded hash says of a request that was rendered again.

    `same`: it is the one that was sent, to the byte. `different`: it is not, so something that it is made of
    says today what it did not say then. `key-elsewhere`: the model was asked in another book, which alone has
    the key. `key-destroyed`: it was asked in a conversation that was erased since.
    """

    SAME = "same"
    DIFFERENT = "different"
    KEY_ELSEWHERE = "key-elsewhere"
    KEY_DESTROYED = "key-destroyed"


@dataclass(frozen=True, kw_only=True)
class RecordedRequest:
    """A request as it can be sent again, and where its parts come from.

    `prompt_id` is the prompt that was answered, the last of `sent_message_ids`. `instructions` is the system
    message (None: there was none); it came with the prompt where `instructions_of_prompt`, else from the
    project's stream at the version that the provenance names. `model` is that of `request`.
    """

    answer_id: UUID
    prompt_id: UUID
    request: ChatRequest
    sent_message_ids: tuple[UUID, ...]
    instructions: str | None
    instructions_of_prompt: bool
    check: Check


def render_again(log: Log, memory: Memory, answer_id: UUID) -> RecordedRequest:
    """Return the request of an answer, rendered again and checked.

    Raises:
        InvalidInputError: the message is a prompt.
        RequestUnknownError: what was sent is not recorded in this book: the answer came from a file that
        does not say it, or its instructions stayed in the book it came from.
        ContentErasedError: some of what was sent, or the answer itself, was erased, or is not in this book.
        ContentDamagedError: some of it was altered.
    """
    try:
        (known,) = memory.recorded([answer_id])
        if not isinstance(known, RecordedAnswer):
            raise InvalidInputError(f"Message {short(answer_id)} is a prompt; models are asked for answers.")
        sent = memory.recorded(known.sent_message_ids)
    except ContentErasedError:
        raise ContentErasedError(
            f"The request for answer {short(answer_id)} cannot be rendered again: what was sent was erased."
        ) from None
    prompt = sent[-1] if sent else None
    if not isinstance(prompt, RecordedPrompt):
        raise RequestUnknownError(
            f"The request for answer {short(answer_id)} cannot be rendered again: what it was taken from "
            "does not say which messages were sent."
        )
    asked_in = memory.asked_in(answer_id)
    instructions = _instructions(memory, answer_id, known, prompt, elsewhere=asked_in is None)
    messages = [
        ChatMessage("user" if isinstance(one, RecordedPrompt) else "assistant", one.text) for one in sent
    ]
    if instructions:
        messages.insert(0, ChatMessage("system", instructions))
    request = ChatRequest(
        model=known.model, messages=tuple(messages), options=dict(known.options), think=known.think
    )
    return RecordedRequest(
        answer_id=answer_id,
        prompt_id=known.sent_message_ids[-1],
        request=request,
        sent_message_ids=tuple(known.sent_message_ids),
        instructions=instructions or None,
        instructions_of_prompt=prompt.instructions is not None,
        check=_checked(log, asked_in, request, known.request_hash),
    )


def _instructions(
    memory: Memory, answer_id: UUID, known: RecordedAnswer, prompt: RecordedPrompt, *, elsewhere: bool
) -> str | None:
    if prompt.instructions is not None:
        return prompt.instructions
    if known.instructions_project_id is None or known.instructions_version is None:
        return None
    # Versions count the events of a stream: a project that was taken in has others than in its own book.
    if elsewhere:
        raise RequestUnknownError(
            f"The request for answer {short(answer_id)} cannot be rendered again: it had instructions of a "
            "project in the book that it was taken from, and what they said then is recorded only there."
        )
    standing = memory.instructions_at(known.instructions_project_id, known.instructions_version)
    if standing is None or not standing.text:
        raise ContentErasedError(
            f"The request for answer {short(answer_id)} cannot be rendered again: the project whose "
            "instructions were sent was erased."
        )
    return standing.text


def _checked(log: Log, asked_in: UUID | None, request: ChatRequest, recorded: bytes) -> Check:
    if asked_in is None:
        return Check.KEY_ELSEWHERE
    try:
        found = log.request_hash(asked_in, rendered(request))
    except ContentErasedError:
        return Check.KEY_DESTROYED
    return Check.SAME if hmac.compare_digest(found, recorded) else Check.DIFFERENT
