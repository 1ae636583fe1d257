"""The JSON shape of an explained answer; the rules are those of `views.py`."""

from __future__ import annotations

from dataclasses import dataclass
from datetime import datetime
from typing import Any
from uuid import UUID

from interfaces.message_views import ProvenanceView
from interfaces.views import TimingsView, UsageView


@dataclass(frozen=True, kw_only=True)
class SentMessageView:
    """One message as the model was sent it. `message_id` is None for instructions (`role` is `system`)."""

    message_id: UUID | None
    role: str
    content: str


@dataclass(frozen=True, kw_only=True)
class InstructionsOriginView:
    """Where an answer's instructions came from.

    `origin` is `prompt` (they came with it) or `project`; then `project_id` and `version` say which, and
    `project_name` what it is called today. `text` is None where they cannot be read any more.
    """

    origin: str
    text: str | None
    project_id: UUID | None = None
    project_name: str | None = None
    version: int | None = None


@dataclass(frozen=True, kw_only=True)
class ReceiptPlaceView:
    """Where the log proves an answer: its last event, and the newest checkpoint that has it in its tree.

    `checkpoint_event_count` is None where none was signed since. `command` writes the receipt.
    """

    log_index: int
    checkpoint_event_count: int | None
    command: str


@dataclass(frozen=True, kw_only=True)
class ExplanationView:
    """An answer, and everything that made it.

    `sent` and `request` (the body for the model server's `/api/chat`) are rendered again from what is
    recorded; `check` says what the recorded hash says of them: `same` (it is the request that was sent),
    `different`, `key-elsewhere` (asked in another book, which has the key), `key-destroyed` (asked in a
    conversation that was erased since). Where they cannot be rendered, both and `check` are None, and
    `not_rendered` says why. `actor_name` is a token's name. Of copies, `origin_message_id` is what they are a
    copy of, `imported_id` their id in the book that they were taken from.
    """

    answer_id: UUID
    prompt_id: UUID | None
    conversation_id: UUID
    status: str
    reason: str | None
    detail: str | None
    asked_at: datetime
    ended_at: datetime | None
    actor: str
    actor_name: str | None
    source: str
    erased: bool
    damaged: bool
    provenance: ProvenanceView
    instructions: InstructionsOriginView | None
    sent: list[SentMessageView] | None
    request: dict[str, Any] | None
    check: str | None
    not_rendered: str | None
    usage: UsageView
    timings: TimingsView
    tokens_per_second: float | None
    receipt: ReceiptPlaceView | None
    origin_message_id: UUID | None = None
    imported_id: UUID | None = None
