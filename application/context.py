"""What of a branch is sent to the model: the longest run of whole turns, newest first, that fits.

Invariant: nothing is ever cut silently. What does not fit is counted in the answer's provenance, and the
model server is told not to truncate on its own. Token counts are estimated (no tokenizer is at hand before
the model is), on the safe side for Latin text: one token for three bytes of UTF-8, and a few for the frame of
a message.
"""

from __future__ import annotations

import json
from collections.abc import Iterable, Iterator, Mapping
from dataclasses import dataclass
from itertools import islice
from typing import Any
from uuid import UUID

from application.ports.memory import Memory
from application.ports.model_server import ChatMessage, ChatRequest
from domain.conversation.conversation import Kind, Message

_BYTES_A_TOKEN = 3
_FRAME = 8
_ANSWER_SHARE = 4
_LOOK_AT_FIRST = 8
_LOOK_AT_MOST = 256


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
    branch: Iterable[Message],
    depth: int,
    prompt: tuple[UUID, str],
    instructions: str,
    context_length: int,
    memory: Memory,
) -> Window:
    """Choose what to send. Of the branch, no more is looked at than fits (and some that is fetched ahead).

    Args:
        branch: the messages before the prompt, newest first.
        depth: how many they are.
        prompt: the prompt's id and text; always sent, even where it is too long alone (the server says so).
        instructions: the system message, empty for none; always sent.
        context_length: tokens the model is given for request and answer; a quarter is kept for the answer.
        memory: where the texts are.
    """
    room = context_length - context_length // _ANSWER_SHARE - estimate_tokens(prompt[1])
    if instructions:
        room -= estimate_tokens(instructions)
    kept: list[tuple[UUID, ChatMessage]] = []
    cut_count = depth
    for turn, texts in _with_texts(_turns(branch), room, memory):
        needed = _tokens_of(turn, texts)
        if needed > room:
            break
        room -= needed
        cut_count -= len(turn)
        kept += [
            (m.id, ChatMessage("user" if m.kind is Kind.PROMPT else "assistant", texts[m.id]))
            for m in turn
            if texts.get(m.id)
        ]
    kept.reverse()
    messages = [message for _, message in kept]
    if instructions:
        messages.insert(0, ChatMessage("system", instructions))
    messages.append(ChatMessage("user", prompt[1]))
    return Window(
        messages=tuple(messages),
        sent=(*(identifier for identifier, _ in kept), prompt[0]),
        cut_count=cut_count,
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


def _turns(branch: Iterable[Message]) -> Iterator[list[Message]]:
    """Group a branch into turns (a prompt and what followed it); turns and messages come newest first."""
    turn: list[Message] = []
    for message in branch:
        turn.append(message)
        if message.kind is Kind.PROMPT:
            yield turn
            turn = []
    if turn:
        yield turn


def _with_texts(
    turns: Iterator[list[Message]], room: int, memory: Memory
) -> Iterator[tuple[list[Message], Mapping[UUID, str]]]:
    """Yield each turn with texts among which its own are, where it has any.

    Texts are fetched for a few turns, then for as many as will fit if they go on being as long.
    """
    ahead, seen, used = _LOOK_AT_FIRST, 0, 0
    while page := list(islice(turns, ahead)):
        texts = memory.texts([message.id for turn in page for message in turn])
        for turn in page:
            yield turn, texts
        seen += len(page)
        used += sum(_tokens_of(turn, texts) for turn in page)
        ahead = min(max((room - used) * seen // used + 1, _LOOK_AT_FIRST), _LOOK_AT_MOST)


def _tokens_of(turn: list[Message], texts: Mapping[UUID, str]) -> int:
    return sum(estimate_tokens(texts.get(message.id, "")) for message in turn)
