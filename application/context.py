"""What of a branch is sent to the model: the longest run of whole turns, newest first, that fits.

Invariant: nothing is ever cut silently. What does not fit is counted in the answer's provenance, and the
model server is told not to truncate on its own. Token counts are estimated (no tokenizer is at hand before
the model is), on the safe side for Latin text: one token for three bytes of UTF-8, and a few for the frame of
a message.
"""

from __future__ import annotations

import json
from collections.abc import Mapping, Sequence
from dataclasses import dataclass
from typing import Any
from uuid import UUID

from application.ports.memory import Memory
from application.ports.model_server import ChatMessage, ChatRequest
from domain.conversation.conversation import Kind, Message

_BYTES_A_TOKEN = 3
_FRAME = 8
_ANSWER_SHARE = 4
_LOOK_AT = 200


@dataclass(frozen=True)
class Window:
    """The messages that are sent, oldest first, and how many of the branch's oldest were left out.

    Messages without a text (an answer that failed at once) are neither.
    """

    messages: tuple[ChatMessage, ...]
    sent: tuple[UUID, ...]
    cut_count: int


def estimate_tokens(text: str) -> int:
    """Return about how many tokens a message takes."""
    return len(text.encode("utf-8", "surrogatepass")) // _BYTES_A_TOKEN + _FRAME


def fit(
    branch: Sequence[Message],
    prompt: tuple[UUID, str],
    instructions: str,
    context_length: int,
    memory: Memory,
) -> Window:
    """Choose what to send.

    Args:
        branch: the messages before the prompt, root first.
        prompt: the prompt's id and text; always sent, even where it is too long alone (the server says so).
        instructions: the system message, empty for none; always sent.
        context_length: tokens the model is given for request and answer; a quarter is kept for the answer.
        memory: where the texts are.
    """
    room = context_length - context_length // _ANSWER_SHARE - estimate_tokens(prompt[1])
    if instructions:
        room -= estimate_tokens(instructions)
    turns = _turns(branch)
    kept: list[tuple[UUID, ChatMessage]] = []
    cut_turns = len(turns)
    texts: dict[UUID, str] = {}
    for place in range(len(turns) - 1, -1, -1):
        turn = turns[place]
        if turn[0].id not in texts:
            ahead = [m.id for t in turns[max(0, place - _LOOK_AT) : place + 1] for m in t]
            texts.update(dict.fromkeys(ahead, ""))
            texts.update(memory.texts(ahead))
        needed = sum(estimate_tokens(texts[m.id]) for m in turn)
        if needed > room:
            break
        room -= needed
        cut_turns = place
        kept[:0] = [
            (m.id, ChatMessage("user" if m.kind is Kind.PROMPT else "assistant", texts[m.id]))
            for m in turn
            if texts[m.id]
        ]
    messages = [message for _, message in kept]
    if instructions:
        messages.insert(0, ChatMessage("system", instructions))
    messages.append(ChatMessage("user", prompt[1]))
    return Window(
        messages=tuple(messages),
        sent=(*(identifier for identifier, _ in kept), prompt[0]),
        cut_count=sum(len(turn) for turn in turns[:cut_turns]),
    )


def rendered(request: ChatRequest) -> bytes:
    """Return the canonical form of a request.

    What its keyed hash is taken of, and what `explain` renders again.
    """
    body: Mapping[str, Any] = {
        "model": request.model,
        "messages": [{"role": m.role, "content": m.content} for m in request.messages],
        "options": dict(request.options),
        "think": request.think,
    }
    return json.dumps(body, sort_keys=True, separators=(",", ":")).encode()


def _turns(branch: Sequence[Message]) -> list[list[Message]]:
    """Group a branch into turns: a prompt and what followed it."""
    turns: list[list[Message]] = []
    for message in branch:
        if message.kind is Kind.PROMPT or not turns:
            turns.append([message])
        else:
            turns[-1].append(message)
    return turns
