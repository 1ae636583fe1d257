"""Conversations as files say them, for tests of what takes them in."""

from __future__ import annotations

from typing import Any
from uuid import UUID

from application.ported import PortedConversation, PortedMessage
from application.ports.memory import RecordedAnswer, RecordedPrompt
from domain.ids import new_id

NOBODY = UUID(int=0)
AT = 1_767_323_045_678_901


def prompt(parent_id: UUID | None = None, text: str = "Hi", **values: Any) -> PortedMessage:
    said = RecordedPrompt(said_at=AT, text=text, instructions=values.pop("instructions", None))
    return PortedMessage(**{"id": new_id(), "parent_id": parent_id, "said": said, **values})


def recorded_answer(**values: Any) -> RecordedAnswer:
    told: dict[str, Any] = {
        "status": "complete",
        "said_at": AT,
        "ended_at": AT + 1,
        "owner_id": NOBODY,
        "model": "m",
        "context_length": 8192,
        "sent_message_ids": (),
        "cut_count": 0,
        "instructions_project_id": None,
        "instructions_version": None,
        "think": None,
        "request_hash": b"hash",
        "reason": "stop",
        "model_digest": None,
        "prompt_tokens": 3,
        "completion_tokens": 2,
        "total_ms": 1.5,
        "load_ms": None,
        "prompt_eval_ms": None,
        "eval_ms": None,
        "first_token_ms": None,
        "text": "Hello.",
        "thinking": "Hm.",
        "detail": None,
        "options": {"seed": 7},
    }
    return RecordedAnswer(**{**told, **values})


def answer(parent_id: UUID | None, **values: Any) -> PortedMessage:
    outer = {name: values.pop(name) for name in ("id", "rating", "rating_words", "notes") if name in values}
    return PortedMessage(
        **{"id": new_id(), "parent_id": parent_id, "said": recorded_answer(**values), **outer}
    )


def conversation(*messages: PortedMessage, **values: Any) -> PortedConversation:
    told: dict[str, Any] = {
        "id": new_id(),
        "recorded_by": "daybook",
        "messages": messages,
        "began_at": AT,
        "changed_at": AT + 5,
        "current_id": messages[-1].id if messages else None,
    }
    return PortedConversation(**{**told, **values})
