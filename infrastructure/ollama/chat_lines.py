r"""One line of Ollama's chat stream, decoded: a delta, the end, or the server's own error.

Nothing a server can put into a JSON string is lost: msgspec reads the common case fast, and what it refuses
(lone surrogates, as in a `\ud83d` without its second half) the standard library reads again more
patiently.
"""

from __future__ import annotations

import json
from typing import Any

import msgspec

from application.ports.model_server import ChatEnd, Delta

_NS_IN_MS = 1_000_000


class NotAChatLineError(ValueError):
    """The bytes are no JSON object of a chat stream."""


class ServerSaidError(Exception):
    """The server reported a failure in a line of its own; the text is the server's."""


class _Message(msgspec.Struct):
    content: str | None = None
    thinking: str | None = None


class _Line(msgspec.Struct):
    message: _Message | None = None
    done: bool = False
    error: Any = None
    done_reason: str | None = None
    prompt_eval_count: int | None = None
    eval_count: int | None = None
    total_duration: float | None = None
    load_duration: float | None = None
    prompt_eval_duration: float | None = None
    eval_duration: float | None = None


_decode = msgspec.json.Decoder(_Line).decode


def read_chat_line(line: bytes) -> tuple[Delta | None, ChatEnd | None]:
    """Return what the line holds; an answer's last line may hold both. Raise on an error line or garbage."""
    try:
        parsed = _decode(line)
    except (msgspec.DecodeError, UnicodeDecodeError):
        parsed = _read_patiently(line)
    if parsed.error is not None:
        raise ServerSaidError(error_text(parsed.error))
    message = parsed.message
    delta = None
    if message is not None and (message.content or message.thinking):
        delta = Delta(text=message.content or "", thinking=message.thinking or "")
    if not parsed.done:
        if message is None:
            raise NotAChatLineError("A line without a message")
        return delta, None
    return delta, ChatEnd(
        reason=parsed.done_reason or "stop",
        prompt_tokens=parsed.prompt_eval_count,
        completion_tokens=parsed.eval_count,
        total_ms=_ms(parsed.total_duration),
        load_ms=_ms(parsed.load_duration),
        prompt_eval_ms=_ms(parsed.prompt_eval_duration),
        eval_ms=_ms(parsed.eval_duration),
    )


def error_text(error: object) -> str:
    """Return the words of an `error` field: a string in Ollama's way, an object with a message in others'."""
    if isinstance(error, dict):
        error = error.get("message", error)
    return str(error).strip() or "no reason given"


def _read_patiently(line: bytes) -> _Line:
    try:
        return msgspec.convert(json.loads(line.decode("utf-8", "replace")), _Line)
    except (ValueError, msgspec.ValidationError, RecursionError) as why:
        raise NotAChatLineError(str(why)) from None


def _ms(nanoseconds: float | None) -> float | None:
    return None if nanoseconds is None else nanoseconds / _NS_IN_MS
