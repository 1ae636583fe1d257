"""What an audit report says in words."""

from __future__ import annotations

from datetime import UTC, datetime

import pytest

from domain.ids import new_id
from interfaces.report_views import ActorView, NamedEventsView, about_id
from interfaces.reporting.told import after, in_zone, who
from interfaces.views import EventView

NOON = datetime(2026, 1, 2, 12, 0, tzinfo=UTC)


@pytest.mark.parametrize(
    ("zone", "told"),
    [
        ("UTC", "2026-01-02 12:00"),
        ("Europe/Berlin", "2026-01-02 13:00"),
        ("+05:30", "2026-01-02 17:30"),
        ("-12:30", "2026-01-01 23:30"),
        ("Known/Elsewhere", "2026-01-02 12:00"),
    ],
)
def test_moments_are_told_in_the_zone_of_the_days(zone: str, told: str) -> None:
    assert in_zone(NOON, zone) == told


def test_actors_are_told_by_name_or_by_the_end_of_their_id() -> None:
    def actor(actor: str, name: str | None = None) -> ActorView:
        return ActorView(actor=actor, event_count=1, first_at=NOON, last_at=NOON, sources=[], actor_name=name)

    assert who(actor("0123456789abcdef", "phone")) == "phone"
    assert who(actor("0123456789abcdef")) == "…89abcdef"
    assert who(actor("system")) == "system"


def test_what_is_not_named_is_counted() -> None:
    event = EventView(
        log_index=1,
        id=new_id(),
        type="disclosure.exported",
        stream=new_id(),
        version=1,
        at=NOON,
        actor="ada",
        source="cli",
        correlation_id=None,
    )
    assert about_id(event) == event.stream
    assert after(NamedEventsView(event_count=1_501, events=[event])) == "and 1,500 more before these"
    assert after(NamedEventsView(event_count=1, events=[event])) == ""
