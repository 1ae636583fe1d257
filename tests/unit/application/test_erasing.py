"""Holds and erasures through their handlers, on a write side in memory."""

from __future__ import annotations

from uuid import UUID

import pytest

from application import commands as c
from application.deciding import TRIES
from domain.conversation import events as e
from domain.conversation.conversation import Conversation
from domain.errors import ContentErasedError, InvalidInputError, RefusedError, WrongVersionError
from domain.ids import new_id
from tests.support.house import OTHERS, WHO, House


@pytest.fixture
def house() -> House:
    return House()


def test_an_erased_conversation_takes_no_more_commands(house: House) -> None:
    asked = house.asked_and_answered()
    house.commands.handle(c.EraseConversation(conversation_id=asked.conversation_id, **WHO))

    assert house.last(e.ConversationErased).reason_kind == "request"
    with pytest.raises(ContentErasedError):
        house.ask(conversation_id=asked.conversation_id)
    with pytest.raises(ContentErasedError):
        house.commands.handle(c.EraseConversation(conversation_id=asked.conversation_id, **WHO))


def test_a_hold_forbids_it_until_it_is_released(house: House) -> None:
    project = house.project()
    asked = house.asked_and_answered(project_id=project)
    identifier = asked.conversation_id
    house.commands.handle(c.HoldConversation(conversation_id=identifier, reason="a case", **WHO))
    with pytest.raises(RefusedError):
        house.commands.handle(c.EraseConversation(conversation_id=identifier, **WHO))
    house.commands.handle(c.ReleaseConversation(conversation_id=identifier, reason="closed", **WHO))
    house.commands.handle(c.HoldProject(project_id=project, reason="a case", **WHO))
    with pytest.raises(RefusedError):
        house.commands.handle(c.EraseConversation(conversation_id=identifier, **WHO))
    house.commands.handle(c.ReleaseProject(project_id=project, reason="closed", **WHO))

    house.commands.handle(c.EraseConversation(conversation_id=identifier, **WHO))
    assert identifier in house.log.erased


def test_a_hold_needs_a_reason(house: House) -> None:
    asked = house.asked_and_answered()
    with pytest.raises(InvalidInputError, match="reason"):
        house.commands.handle(c.HoldConversation(conversation_id=asked.conversation_id, reason=" ", **WHO))


def test_a_project_takes_its_conversations_along(house: House) -> None:
    project = house.project()
    inside = house.asked_and_answered(project_id=project).conversation_id
    outside = house.asked_and_answered().conversation_id

    house.commands.handle(c.EraseProject(project_id=project, **WHO))

    assert set(house.log.erased) == {project, inside}
    assert outside not in house.log.erased


def copied(house: House, origin_id: UUID, project_id: UUID | None = None) -> UUID:
    """Record a conversation that was copied from another."""
    origin = house.log.load(Conversation, origin_id)
    copy = Conversation.start(
        new_id(),
        project_id=project_id,
        title=None,
        origin_conversation_id=origin.id,
        origin_message_id=origin.current_id,
    )
    house.log.save([copy], OTHERS)
    return copy.id


def test_copies_stay_unless_they_are_asked_for(house: House) -> None:
    origin = house.asked_and_answered().conversation_id
    copy = copied(house, origin)

    house.commands.handle(c.EraseConversation(conversation_id=origin, **WHO))

    assert set(house.log.erased) == {origin}
    assert not house.log.load(Conversation, copy).erased


def test_with_a_conversation_go_its_copies_and_their_copies(house: House) -> None:
    origin, other = (house.asked_and_answered().conversation_id for _ in range(2))
    copy = copied(house, origin)
    copy_of_copy, of_other = copied(house, copy), copied(house, other)
    before = house.log.size()

    house.commands.handle(c.EraseConversation(conversation_id=origin, with_derived=True, **WHO))

    assert set(house.log.erased) == {origin, copy, copy_of_copy}
    assert house.log.size() == before + 3
    kinds = [event.reason_kind for event, _ in house.log.appended if isinstance(event, e.ConversationErased)]
    assert kinds == ["request", "derived", "derived"]
    assert not house.log.load(Conversation, of_other).erased


def test_a_copy_of_what_was_erased_is_found_all_the_same(house: House) -> None:
    origin = house.asked_and_answered().conversation_id
    copy = copied(house, origin)
    copy_of_copy = copied(house, copy)
    house.commands.handle(c.EraseConversation(conversation_id=copy, **WHO))

    house.commands.handle(c.EraseConversation(conversation_id=origin, with_derived=True, **WHO))

    assert set(house.log.erased) == {origin, copy, copy_of_copy}


def test_one_copy_that_is_held_keeps_all_of_it(house: House) -> None:
    origin = house.asked_and_answered().conversation_id
    project = house.project()
    copied(house, origin)
    held, inside = copied(house, origin), copied(house, origin, project)
    erasure = c.EraseConversation(conversation_id=origin, with_derived=True, **WHO)
    house.commands.handle(c.HoldConversation(conversation_id=held, reason="a case", **WHO))
    with pytest.raises(RefusedError, match="is held"):
        house.commands.handle(erasure)
    house.commands.handle(c.ReleaseConversation(conversation_id=held, reason="closed", **WHO))
    house.commands.handle(c.HoldProject(project_id=project, reason="a case", **WHO))
    with pytest.raises(RefusedError, match="is held"):
        house.commands.handle(erasure)
    assert house.log.erased == {}
    house.commands.handle(c.ReleaseProject(project_id=project, reason="closed", **WHO))

    house.commands.handle(erasure)

    assert len(house.log.erased) == 4
    assert inside in house.log.erased


def test_with_a_project_go_copies_that_are_outside_of_it(house: House) -> None:
    project = house.project()
    inside = house.asked_and_answered(project_id=project).conversation_id
    twin, outside = copied(house, inside, project), copied(house, inside)

    house.commands.handle(c.EraseProject(project_id=project, **WHO))
    assert set(house.log.erased) == {project, inside, twin}

    again = house.project()
    inside = house.asked_and_answered(project_id=again).conversation_id
    outside = copied(house, inside)
    house.commands.handle(c.EraseProject(project_id=again, with_derived=True, **WHO))
    assert {again, inside, outside} <= set(house.log.erased)


def test_a_copy_made_at_that_very_moment_goes_too(house: House) -> None:
    origin = house.asked_and_answered().conversation_id
    house.log.before_save = lambda: copied(house, origin) and None

    house.commands.handle(c.EraseConversation(conversation_id=origin, with_derived=True, **WHO))

    assert len(house.log.erased) == 2


def test_a_conversation_opened_at_that_very_moment_is_erased_too(house: House) -> None:
    project = house.project()
    house.log.before_save = lambda: house.ask(project_id=project) and None

    house.commands.handle(c.EraseProject(project_id=project, **WHO))

    assert len(house.log.erased) == 2


def test_latecomers_are_tried_again_but_not_for_ever(house: House) -> None:
    project = house.project()

    def arrive() -> None:
        house.ask(project_id=project)
        house.log.before_save = lambda: house.log.failures.append(WrongVersionError("x"))

    house.log.before_save = arrive
    house.commands.handle(c.EraseProject(project_id=project, **WHO))
    assert len(house.log.erased) == 2

    other = house.project()

    def arrive_for_ever() -> None:
        house.ask(project_id=other)
        house.log.before_save = lambda: house.log.failures.extend(
            WrongVersionError("x") for _ in range(TRIES)
        )

    house.log.before_save = arrive_for_ever
    with pytest.raises(WrongVersionError):
        house.commands.handle(c.EraseProject(project_id=other, **WHO))


def test_a_latecomer_that_somebody_else_erased_is_passed_over(house: House) -> None:
    project = house.project()

    def erased_meanwhile(late: Conversation) -> None:
        late.erase("request")
        house.log.erase([late], OTHERS)

    def arrive() -> None:
        asked = house.ask(project_id=project)
        late = house.log.load(Conversation, asked.conversation_id)
        house.log.before_save = lambda: erased_meanwhile(late)

    house.log.before_save = arrive
    house.commands.handle(c.EraseProject(project_id=project, **WHO))
    assert len(house.log.erased) == 2


@pytest.mark.parametrize("times", [1, TRIES])
def test_somebody_faster_is_no_reason_to_give_up_at_once(house: House, times: int) -> None:
    project = house.project()
    asked = house.asked_and_answered()
    for command in (
        c.EraseConversation(conversation_id=asked.conversation_id, **WHO),
        c.EraseProject(project_id=project, **WHO),
    ):
        house.log.failures.extend(WrongVersionError("x") for _ in range(times))
        if times == TRIES:
            with pytest.raises(WrongVersionError):
                house.commands.handle(command)
        else:
            house.commands.handle(command)
    assert len(house.log.erased) == (0 if times == TRIES else 2)


def test_under_a_key_it_is_done_once(house: House) -> None:
    project = house.project()
    asked = house.asked_and_answered()
    for command in (
        c.EraseConversation(conversation_id=asked.conversation_id, idempotency_key="k", **WHO),
        c.EraseProject(project_id=project, idempotency_key="l", **WHO),
    ):
        assert house.commands.handle(command) == house.commands.handle(command)
