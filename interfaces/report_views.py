"""The JSON shapes of `daybook audit report`; the rules are those of `views.py`."""

from __future__ import annotations

from dataclasses import dataclass, field
from datetime import datetime
from uuid import UUID

from interfaces.audit_views import CheckpointView
from interfaces.usage_views import GroupView
from interfaces.views import EventView


@dataclass(frozen=True, kw_only=True)
class CountView:
    """How many events there were of a kind, or through a source."""

    name: str
    event_count: int


@dataclass(frozen=True, kw_only=True)
class SpanView:
    """How many events there were on a day (`2026-11-26`) or in a month (`2026-11`)."""

    span: str
    event_count: int


@dataclass(frozen=True, kw_only=True)
class ActorView:
    """What one actor did; `actor_name` is a token's name, null for others."""

    actor: str
    event_count: int
    first_at: datetime
    last_at: datetime
    sources: list[str]
    actor_name: str | None = None


@dataclass(frozen=True, kw_only=True)
class NamedEventsView:
    """The events of one group, oldest first: `events` names the newest 500 of `event_count`."""

    event_count: int
    events: list[EventView] = field(default_factory=list)


@dataclass(frozen=True, kw_only=True)
class SignedView:
    """The checkpoints that were signed: how many, the first and the last.

    `unsigned_count`: so many of the period's events no checkpoint covers yet.
    """

    checkpoint_count: int
    unsigned_count: int
    first: CheckpointView | None = None
    last: CheckpointView | None = None


@dataclass(frozen=True, kw_only=True)
class AuditReportView:
    """What happened from `since` on and before `until`, in days of the time `zone`.

    `spans` are days, or months where there are more than 92 of them. `actors` has the busiest 500 of
    `actor_count`. `models` has what was asked of each. Events are named by envelope, never by content.
    """

    since: datetime
    until: datetime
    zone: str
    made_at: datetime
    log_size: int
    event_count: int
    first_index: int | None
    last_index: int | None
    spans: list[SpanView]
    kinds: list[CountView]
    sources: list[CountView]
    actor_count: int
    actors: list[ActorView]
    models: list[GroupView]
    erasures: NamedEventsView
    holds: NamedEventsView
    letting_in: NamedEventsView
    exports: NamedEventsView
    shown_count: int
    signed: SignedView


def about_id(event: EventView) -> UUID:
    """Return what an event is about."""
    return event.about or event.stream
