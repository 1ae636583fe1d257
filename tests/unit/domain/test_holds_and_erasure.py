"""What is held is not erased, and what is erased refuses everything (adr/0006)."""

from __future__ import annotations

from collections.abc import Callable
from typing import Any

import pytest

from domain.conversation import events as e
from domain.conversation.conversation import Conversation
from domain.errors import ContentErasedError, RefusedError
from domain.ids import new_id
from domain.project import events as p
from domain.project.project import Project
from tests.unit.domain.given import given

PROMPT, ANSWER = new_id(), new_id()


def conversation() -> Conversation:
    made = Conversation.start(new_id(), project_id=None, title="Sea")
    made.add_prompt(PROMPT, "Why salty?", parent_id=None)
    made.start_answer(
        ANSWER,
        prompt_id=PROMPT,
        owner_id=new_id(),
        model="m",
        context_length=1,
        sent_message_ids=(),
        cut_count=0,
        instructions_project_id=None,
        instructions_version=None,
        think=None,
        request_hash=b"",
        options={},
    )
    return made


def project() -> Project:
    return Project.create(new_id(), name="Sailing")


def erased(made: Any) -> Any:
    made.erase("request")
    return made


@pytest.mark.parametrize(
    ("make", "event"), [(conversation, e.ConversationErased), (project, p.ProjectErased)]
)
def test_what_is_not_held_is_erased_and_the_event_has_no_content(
    make: Callable[[], Any], event: type[Any]
) -> None:
    given(make()).when(lambda one: one.erase("request")).then((event, {"reason_kind": "request"}))
    assert event.plain == {"reason_kind"}


@pytest.mark.parametrize("make", [conversation, project])
def test_a_hold_forbids_erasure_until_it_is_released(make: Callable[[], Any]) -> None:
    held = make()
    held.hold("a trial")
    given(held).when(lambda one: one.erase("request")).then_refused(RefusedError, "is held")
    given(held).when(lambda one: one.hold("again")).then_refused(RefusedError, "held already")
    held.release("it is over")
    given(held).when(lambda one: one.release("again")).then_refused(RefusedError, "is not held")
    held.erase("request")
    assert held.erased


@pytest.mark.parametrize(
    "command",
    [
        lambda c: c.add_prompt(new_id(), "More", parent_id=None),
        lambda c: c.start_answer(new_id(), prompt_id=PROMPT),
        lambda c: c.complete_answer(ANSWER),
        lambda c: c.cancel_answer(ANSWER),
        lambda c: c.fail_answer(ANSWER),
        lambda c: c.interrupt_answer(ANSWER, text="", thinking="", reason=""),
        lambda c: c.go_on_from(None),
        lambda c: c.rename("Lake"),
        lambda c: c.archive(),
        lambda c: c.restore(),
        lambda c: c.hold("late"),
        lambda c: c.release("late"),
        lambda c: c.erase("request"),
    ],
    ids=map(str, range(13)),
)
def test_an_erased_conversation_refuses_every_command(command: Callable[[Conversation], None]) -> None:
    given(erased(conversation())).when(command).then_refused(ContentErasedError, "was erased")


@pytest.mark.parametrize(
    "command",
    [
        lambda c: c.rename("Boats"),
        lambda c: c.describe("x"),
        lambda c: c.change_instructions("x"),
        lambda c: c.set_default_model("m"),
        lambda c: c.archive(),
        lambda c: c.restore(),
        lambda c: c.hold("late"),
        lambda c: c.release("late"),
        lambda c: c.erase("request"),
    ],
    ids=map(str, range(9)),
)
def test_an_erased_project_refuses_every_command(command: Callable[[Project], None]) -> None:
    given(erased(project())).when(command).then_refused(ContentErasedError, "was erased")
