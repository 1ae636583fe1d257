"""Who read or exported what, written down on a write side in memory."""

from __future__ import annotations

import pytest

from application.disclosing import Disclosures, Recorded
from application.ports.log import Origin
from domain.disclosure import events as e
from domain.errors import DaybookError
from domain.event import Event
from domain.ids import new_id
from tests.support.house import House

HERE, PROJECT = new_id(), new_id()


@pytest.fixture
def house() -> House:
    return House()


def disclosures(house: House, recorded: Recorded = Recorded.ALL) -> Disclosures:
    return Disclosures(house.log, recorded, Origin("ada", "cli"))


def told(house: House) -> list[Event]:
    return [event for event, _ in house.log.appended]


def test_what_is_shown_is_written_down_once(house: House) -> None:
    told_to = disclosures(house)
    for _ in range(2):
        told_to.shown("conversation", HERE)
        told_to.shown("search")
    shown, searched = told(house)
    assert isinstance(shown, e.ContentShown)
    assert (shown.what, shown.conversation_id, shown.about) == ("conversation", HERE, HERE)
    assert isinstance(searched, e.ContentShown)
    assert (searched.what, searched.about) == ("search", None)
    assert len({event.stream_id for event in told(house)}) == 2


def test_each_export_is_written_down_and_what_it_reads_is_part_of_it(house: House) -> None:
    told_to = disclosures(house)
    told_to.exported("conversation", "json", conversation_id=HERE)
    told_to.shown("conversation", HERE)
    told_to.exported("project", "md", project_id=PROJECT)
    told_to.exported("all", "html")
    events = told(house)
    assert [event.about for event in events] == [HERE, PROJECT, None]
    assert [(x.what, x.form) for x in events if isinstance(x, e.ContentExported)] == [
        ("conversation", "json"),
        ("project", "md"),
        ("all", "html"),
    ]


def test_it_is_written_down_as_far_as_the_settings_ask_for_it(house: House) -> None:
    for recorded in (Recorded.OFF, Recorded.EXPORTS):
        told_to = disclosures(house, recorded)
        told_to.shown("conversation", HERE)
        told_to.exported("all", "json")
        assert not told_to.of_reading
    assert [type(event) for event in told(house)] == [e.ContentExported]


def test_somebody_else_is_told_of_apart(house: House) -> None:
    ours = disclosures(house)
    ours.shown("conversation", HERE)
    theirs = ours.to("bob", "api")
    theirs.shown("conversation", HERE)
    assert [(origin.actor, origin.source) for _, origin in house.log.appended] == [
        ("ada", "cli"),
        ("bob", "api"),
    ]


def test_what_cannot_be_written_down_is_not_given_out(house: House) -> None:
    def broken() -> None:
        raise DaybookError("The disk is full.")

    house.log.before_save = broken
    with pytest.raises(DaybookError):
        disclosures(house).shown("conversation", HERE)
