"""What a person means by an id."""

from __future__ import annotations

from dataclasses import dataclass, field
from typing import Any
from uuid import UUID

import pytest

from domain.errors import InvalidInputError, NotFoundError
from interfaces.cli import finding
from projections.conversations.queries import ConversationPage
from projections.conversations.wanted import Wanted


@dataclass
class Thing:
    id: UUID
    title: str = ""
    name: str = ""


@dataclass
class Things:
    """Stands in for the queries: finds by the beginning and end of ids."""

    things: list[Thing] = field(default_factory=list)

    def get(self, identifier: UUID) -> Thing | None:
        return next((one for one in self.things if one.id == identifier), None)

    def find(self, digits: str) -> tuple[Thing, ...]:
        return tuple(
            one for one in self.things if one.id.hex.startswith(digits) or one.id.hex.endswith(digits)
        )

    def listed(self, wanted: Wanted, *, limit: int) -> ConversationPage:
        assert (wanted.archived, limit) == ("include", 1)
        return ConversationPage(tuple(self.things[:1]), None)  # type: ignore[arg-type]

    def latest_of_actor(self, actor: str) -> Thing | None:
        return self.things[-1] if self.things and actor == "me" else None

    def named(self, name: str) -> tuple[Thing, ...]:
        return tuple(one for one in self.things if one.name == name)


@dataclass
class Shelf:
    conversations: Things
    projects: Things
    actor: str = "me"


FIRST = Thing(UUID("0190aaaa-0000-7000-8000-00000000beef"), "One", "cafe")
SECOND = Thing(UUID("0190aaaa-0000-7000-8000-0000cafe0001"), "Two\nlines", "garden")


@pytest.fixture
def shelf() -> Any:
    return Shelf(Things([FIRST, SECOND]), Things([FIRST, SECOND]))


@pytest.mark.parametrize(
    "typed", [str(FIRST.id), FIRST.id.hex.upper(), "beef", " 0000BEEF ", "00000000-beef"]
)
def test_an_id_is_known_by_its_whole_its_beginning_or_its_end(shelf: Any, typed: str) -> None:
    assert finding.conversation(shelf, typed).id == FIRST.id


def test_last_is_the_latest_of_this_actor(shelf: Any) -> None:
    assert finding.conversation(shelf, "@last").id == SECOND.id
    shelf.actor = "somebody else"
    with pytest.raises(NotFoundError, match="others have"):
        finding.conversation(shelf, "@last")
    shelf.conversations.things.clear()
    with pytest.raises(NotFoundError, match="no conversation yet"):
        finding.conversation(shelf, "@last")


def test_several_are_named_and_none_is_chosen(shelf: Any) -> None:
    with pytest.raises(InvalidInputError, match="Two lines") as caught:
        finding.conversation(shelf, "0190")
    assert str(FIRST.id) in caught.value.message


@pytest.mark.parametrize("typed", ["", "abc", "xyzw", "last", "0" * 33])
def test_what_is_no_id_is_said_to_be_none(shelf: Any, typed: str) -> None:
    with pytest.raises(InvalidInputError):
        finding.conversation(shelf, typed)


def test_an_id_that_nothing_has_is_not_found(shelf: Any) -> None:
    with pytest.raises(NotFoundError):
        finding.conversation(shelf, "ffff")
    with pytest.raises(NotFoundError):
        finding.conversation(shelf, "f" * 32)


def test_a_project_is_known_by_its_name_before_its_id(shelf: Any) -> None:
    assert finding.project(shelf, "cafe").id == FIRST.id
    assert finding.project(shelf, "cafe0001").id == SECOND.id
    with pytest.raises(NotFoundError):
        finding.project(shelf, "no such name")
