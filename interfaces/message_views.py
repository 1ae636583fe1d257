"""The JSON shapes of single messages, their provenance and their tree; the rules are those of `views.py`."""

from __future__ import annotations

from dataclasses import dataclass
from datetime import datetime
from typing import TYPE_CHECKING, Any
from uuid import UUID

from interfaces import viewing
from interfaces.outline import Outline
from interfaces.views import MessageView
from projections.transcript.messages import Node

if TYPE_CHECKING:
    from projections.transcript.messages import Message, Provenance


@dataclass(frozen=True, kw_only=True)
class OneMessageView(MessageView):
    """One message by itself: where it is, and who brought it there."""

    conversation_id: UUID
    log_index: int
    actor: str
    source: str


@dataclass(frozen=True, kw_only=True)
class MessageListView:
    """Some messages, the oldest first."""

    messages: list[MessageView]


@dataclass(frozen=True, kw_only=True)
class ProvenanceView:
    """What made an answer what it is.

    `sent_message_ids` are the messages that the model was given, in order; `cut_count` older ones did not
    fit. `request_hash` (hex) is the keyed hash of the rendered request. `instructions_version` is the version
    of the project's stream that set the instructions in force.
    """

    answer_id: UUID
    conversation_id: UUID
    model: str
    model_digest: str | None
    context_length: int
    options: dict[str, Any]
    think: bool | str | None
    owner_id: UUID
    sent_message_ids: list[UUID]
    cut_count: int
    instructions_project_id: UUID | None
    instructions_version: int | None
    request_hash: str


@dataclass(frozen=True, kw_only=True)
class NodeView:
    """A message's place in its conversation's tree, without its text.

    It is number `sibling_index`, from 1, of the `sibling_count` messages that follow the same one; `current`
    says that it is on the current branch. `beginning` is the first words of its text, where asked for.
    """

    id: UUID
    parent_id: UUID | None
    kind: str
    status: str | None
    model: str | None
    at: datetime
    sibling_index: int
    sibling_count: int
    current: bool
    rating: str | None = None
    note_count: int = 0
    beginning: str | None = None


@dataclass(frozen=True, kw_only=True)
class TreeView:
    """All messages of a conversation, the oldest first; `current_id` ends the current branch."""

    id: UUID
    current_id: UUID | None
    messages: list[NodeView]


@dataclass(frozen=True, kw_only=True)
class NamedView:
    """Something that an id belongs to. `title` is what people know it by, or how its text begins."""

    id: UUID
    kind: str
    title: str | None
    conversation_id: UUID | None = None


@dataclass(frozen=True, kw_only=True)
class FoundIdsView:
    """Everything whose id begins or ends like this; of each kind the latest few."""

    found: list[NamedView]


@dataclass(frozen=True, kw_only=True)
class LatestView:
    """Where this actor was last: their latest conversation, and the last answer they asked for."""

    conversation_id: UUID | None
    answer_id: UUID | None


def one_message(found: Message) -> OneMessageView:
    """Show one message by itself."""
    return OneMessageView(
        **vars(viewing.message(found)),
        conversation_id=found.conversation_id,
        log_index=found.log_index,
        actor=found.actor,
        source=found.source,
    )


def provenance(found: Message, known: Provenance) -> ProvenanceView:
    """Show what made an answer what it is."""
    return ProvenanceView(
        answer_id=found.id,
        conversation_id=found.conversation_id,
        model=known.model,
        model_digest=known.model_digest,
        context_length=known.context_length,
        options=known.options,
        think=known.think,
        owner_id=known.owner_id,
        sent_message_ids=list(known.sent_message_ids),
        cut_count=known.cut_count,
        instructions_project_id=known.instructions_project_id,
        instructions_version=known.instructions_version,
        request_hash=known.request_hash.hex(),
    )


def tree(conversation_id: UUID, outline: Outline) -> TreeView:
    """Show the tree of a conversation."""
    shown = [
        NodeView(
            **{name: getattr(node, name) for name in Node.__slots__},
            sibling_index=outline.place(node)[0],
            sibling_count=outline.place(node)[1],
            current=node.id in outline.path,
        )
        for node in outline.nodes
    ]
    return TreeView(id=conversation_id, current_id=outline.current_id, messages=shown)
