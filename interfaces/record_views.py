"""The JSON shapes of what is recorded, with nothing left out; the rules are those of `views.py`.

Erased and altered things are among them, and say so: whoever decides on a thing must see how it stands.
"""

from __future__ import annotations

from dataclasses import dataclass
from typing import TYPE_CHECKING
from uuid import UUID

from interfaces import message_views
from interfaces.message_views import OneMessageView, ProvenanceView

if TYPE_CHECKING:
    from collections.abc import Sequence

    from projections.transcript.messages import Message


@dataclass(frozen=True, kw_only=True)
class RecordedMessageView(OneMessageView):
    """One message with what made it what it is. `damage` says in words what was altered."""

    provenance: ProvenanceView | None = None
    damage: str | None = None


@dataclass(frozen=True, kw_only=True)
class RecordedMessagesView:
    """Messages of one branch, root first, or those that an id may mean. `next_cursor` leads to the root."""

    messages: list[RecordedMessageView]
    next_cursor: str | None = None


@dataclass(frozen=True, kw_only=True)
class AskedView:
    """What was recorded for a prompt; the answer is at `Location`. `replayed`: it had been asked before."""

    conversation_id: UUID
    prompt_id: UUID
    answer_id: UUID
    model: str
    cut_count: int
    log_size: int
    replayed: bool


@dataclass(frozen=True, kw_only=True)
class MeView:
    """Who asks, what they may do here, and what answers: a server of this version and default model."""

    actor: str
    source: str
    scopes: list[str]
    version: str
    model: str
    log_size: int


@dataclass(frozen=True, kw_only=True)
class EventPlaceView:
    """Where in the log an event is."""

    log_index: int


def recorded_message(found: Message) -> RecordedMessageView:
    """Show one message as it stands, erased or altered though it may be."""
    return RecordedMessageView(
        **vars(message_views.one_message(found)),
        provenance=message_views.provenance(found, found.provenance) if found.provenance else None,
        damage=found.damage.message if found.damage else None,
    )


def recorded_messages(found: Sequence[Message], *, limit: int | None = None) -> RecordedMessagesView:
    """Show the last `limit` messages of a branch, of which one more was read where there are more; or all."""
    page = found if limit is None else found[-limit:]
    more = limit is not None and len(found) > limit
    return RecordedMessagesView(
        messages=[recorded_message(one) for one in page], next_cursor=str(found[0].id) if more else None
    )
