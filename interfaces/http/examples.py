"""Examples for the OpenAPI document, made of the very views and bodies that are sent."""

from __future__ import annotations

from datetime import UTC, datetime
from typing import Any
from uuid import UUID

from pydantic import BaseModel

from interfaces.access_views import LinkView, NewTokenView
from interfaces.audit_views import CheckpointView, PublicKeyView
from interfaces.filing_views import InstructionsView, TagListView, TagView
from interfaces.http.api import bodies
from interfaces.http.presenting import TranscriptPageView
from interfaces.http.problems import InvalidPart, Problem
from interfaces.message_views import ProvenanceView
from interfaces.record_views import AskedView, MeView
from interfaces.views import (
    AnswerView,
    ConversationItemView,
    DoneView,
    ErasedView,
    MessageView,
    ProjectView,
    TimingsView,
    UsageView,
    to_plain,
)

_CONVERSATION = UUID("0195d1c2-7a3e-7c4b-9f10-5b1f0c3a7d21")
_PROMPT = UUID("0195d1c2-7a3e-7d02-8a44-9c2e6f1b0a55")
_ANSWER = UUID("0195d1c2-7a3e-7d9f-b3c1-0d4e8a6f2b77")
_PROJECT = UUID("0195d1b0-11aa-7e01-8c33-6a7b8c9d0e1f")
_GRANT = UUID("0195d1c3-22bb-7b01-9c44-7b8c9d0e1f2a")
_MODEL = "deepseek-r1:8b"
_ASKED_AT = datetime(2026, 3, 1, 9, 30, 12, tzinfo=UTC)
_ENDED_AT = datetime(2026, 3, 1, 9, 30, 17, tzinfo=UTC)
_TIMINGS = TimingsView(
    first_token_ms=412.0, total_ms=4210.0, load_ms=35.1, prompt_eval_ms=120.4, eval_ms=3600.0
)
_USAGE = UsageView(prompt_tokens=14, completion_tokens=92)
_TEXT = "Because air scatters blue light more than red."
_THINKING = "Rayleigh scattering."

_VIEWS = (
    DoneView(id=_CONVERSATION, log_size=42),
    AskedView(
        conversation_id=_CONVERSATION,
        prompt_id=_PROMPT,
        answer_id=_ANSWER,
        model=_MODEL,
        cut_count=0,
        log_size=44,
        replayed=False,
    ),
    AnswerView(
        conversation_id=_CONVERSATION,
        prompt_id=_PROMPT,
        answer_id=_ANSWER,
        model=_MODEL,
        status="complete",
        text=_TEXT,
        thinking=_THINKING,
        usage=_USAGE,
        timings=_TIMINGS,
        log_size=45,
        reason="stop",
    ),
    ConversationItemView(
        id=_CONVERSATION,
        title="Why the sky is blue",
        project_id=_PROJECT,
        message_count=2,
        updated_at=_ENDED_AT,
        created_at=_ASKED_AT,
    ),
    TranscriptPageView(
        id=_CONVERSATION,
        title="Why the sky is blue",
        project_id=None,
        messages=[
            MessageView(
                id=_PROMPT,
                parent_id=None,
                kind="prompt",
                status=None,
                text="Why is the sky blue?",
                thinking=None,
                model=None,
                at=_ASKED_AT,
            ),
            MessageView(
                id=_ANSWER,
                parent_id=_PROMPT,
                kind="answer",
                status="complete",
                text=_TEXT,
                thinking=_THINKING,
                model=_MODEL,
                at=_ASKED_AT,
                ended_at=_ENDED_AT,
                reason="stop",
                usage=_USAGE,
                timings=_TIMINGS,
            ),
        ],
        created_at=_ASKED_AT,
        updated_at=_ENDED_AT,
    ),
    ProjectView(
        id=_PROJECT,
        name="Physics",
        description="Questions about the world",
        instructions="Answer briefly.",
        default_model=_MODEL,
        archived=False,
        created_at=_ASKED_AT,
        updated_at=_ASKED_AT,
        default_options={"temperature": 0.3},
        instructions_version=3,
    ),
    TagListView(tags=[TagView(name="physics", conversation_count=4)]),
    InstructionsView(
        version=3,
        text="Answer briefly.",
        at=_ASKED_AT,
        actor="5a17b1e5a17b1e5a17b1e5a17b1e5a17",
        current=True,
    ),
    ProvenanceView(
        answer_id=_ANSWER,
        conversation_id=_CONVERSATION,
        model=_MODEL,
        model_digest="sha256:6995872bfe4c",
        context_length=8192,
        options={"num_ctx": 8192, "temperature": 0.6},
        think=None,
        owner_id=UUID("0195d1c2-0000-7000-8000-0123456789ab"),
        sent_message_ids=[_PROMPT],
        cut_count=0,
        instructions_project_id=None,
        instructions_version=None,
        request_hash="9f" * 32,
    ),
    ErasedView(id=_CONVERSATION, log_size=46, conversation_count=1, message_count=2, finished=True),
    CheckpointView(
        event_count=46,
        root="5c" * 32,
        note="daybook/0195d1b0-…\n46\nXFxc…=\n\n— daybook/0195d1b0-… abcd…=\n",
        fresh=True,
    ),
    NewTokenView(
        id=_GRANT,
        name="laptop-script",
        scopes=["ask"],
        expires_at=None,
        token="daybook_2nB…",  # noqa: S106 - an example
        log_size=47,
    ),
    LinkView(
        id=_GRANT,
        url="http://127.0.0.1:8484/sign-in?code=link_2nB…",
        scopes=["admin"],
        expires_at=_ENDED_AT,
        session_expires_at=_ENDED_AT,
        log_size=48,
    ),
    MeView(
        actor=_GRANT.hex,
        source="api",
        scopes=["ask"],
        version="0.1.0",
        model=_MODEL,
        log_size=48,
        kind="token",
        name="laptop-script",
        held_scopes=["read", "ask"],
        grant_id=_GRANT,
    ),
    PublicKeyView(key="daybook/0195d1b0-11aa-7e01-8c33-6a7b8c9d0e1f+1a2b3c4d+AZ…"),
    Problem(
        type="/problems/invalid-request",
        title="The request does not have the right form",
        status=422,
        detail="Not as it should be: #/text. Nothing was recorded.",
        correlation_id="0195d1c2-7a3e-7aaa-8bbb-0123456789ab",
        errors=[InvalidPart(detail="Field required", pointer="#/text")],
    ),
)

_BODIES: tuple[BaseModel, ...] = (
    bodies.NewConversation(title="Why the sky is blue"),
    bodies.FirstPrompt(text="Why is the sky blue?", model=_MODEL),
    bodies.NewPrompt(text="And at sunset?", options={"temperature": 0.2}),
    bodies.NewAnswer(model="deepseek-r1:14b"),
    bodies.EditedPrompt(text="Why is the sky red at sunset?"),
    bodies.NewFork(message_id=_ANSWER, title="Sunsets"),
    bodies.Rating(rating="up", words="Short and right."),
    bodies.NoteText(text="Check this with the book on optics."),
    bodies.ConversationChanges(title="Rayleigh scattering", add_tags=["physics"], pinned=True),
    bodies.NewProject(name="Physics", instructions="Answer briefly.", default_model=_MODEL),
    bodies.ProjectChanges(description="Questions about the world", default_model=""),
    bodies.Reason(reason="Needed for the audit of 2026."),
    bodies.Verification(incremental=True),
    bodies.Rebuild(read_models=["search"]),
    bodies.Pull(model=_MODEL),
    bodies.NewToken(name="laptop-script", scopes=["ask"]),
    bodies.NewLink(scopes=["read"], minutes=5),
)

EXAMPLES: dict[str, Any] = {
    **{type(view).__name__: to_plain(view) for view in _VIEWS},
    **{type(body).__name__: body.model_dump(mode="json", exclude_unset=True) for body in _BODIES},
}
"""One example a schema, by the schema's name."""
