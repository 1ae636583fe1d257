"""Titles, projects, tags and pins of a conversation: where it is kept, and that nothing is lost by that."""

from __future__ import annotations

from collections.abc import Callable
from typing import Any
from uuid import UUID

import pytest
from hypothesis import given as for_all
from hypothesis import strategies as st

from domain.conversation import events as e
from domain.conversation.conversation import Conversation
from domain.conversation.filing import MOST_TAGS
from domain.errors import ContentErasedError, InvalidInputError, RefusedError
from domain.ids import new_id
from domain.tags import folded
from tests.unit.domain.given import given, rebuilt

TAG, PROJECT = new_id(), new_id()


def started() -> Conversation:
    return Conversation.start(new_id(), project_id=None, title=None)


def tagged() -> Conversation:
    conversation = started()
    conversation.tag(TAG, "work")
    return conversation


def erased() -> Conversation:
    conversation = started()
    conversation.erase("request")
    return conversation


def test_a_tag_is_put_on_once_and_taken_off_once() -> None:
    given(started()).when(lambda x: x.tag(TAG, "work")).then(
        (e.ConversationTagged, {"tag_id": TAG, "name": "work"})
    )
    given(tagged()).when(lambda x: x.tag(TAG, "work")).then_nothing()
    given(tagged()).when(lambda x: x.untag(TAG)).then((e.ConversationUntagged, {"tag_id": TAG}))
    given(started()).when(lambda x: x.untag(TAG)).then_nothing()


def test_there_is_an_end_to_tags() -> None:
    conversation = started()
    for _ in range(MOST_TAGS):
        conversation.tag(new_id(), "one")
    given(conversation).when(lambda x: x.tag(TAG, "one more")).then_refused(RefusedError, "32 tags")


def test_a_pin_is_set_once_and_taken_away_once() -> None:
    pinned = given(started()).when(Conversation.pin).then((e.ConversationPinned, {}))
    given(pinned).when(Conversation.pin).then_nothing()
    given(pinned).when(Conversation.unpin).then((e.ConversationUnpinned, {}))
    given(pinned).when(Conversation.unpin).then_nothing()


def test_a_conversation_is_in_the_project_it_was_moved_to_last() -> None:
    moved = (
        given(started()).when(lambda x: x.move(PROJECT)).then((e.ConversationMoved, {"project_id": PROJECT}))
    )
    given(moved).when(lambda x: x.move(PROJECT)).then_nothing()
    assert moved.project_id == PROJECT
    given(moved).when(lambda x: x.move(None)).then((e.ConversationMoved, {"project_id": None}))


def test_a_model_names_what_nobody_has_renamed() -> None:
    given(started()).when(lambda x: x.take_title("Chisels", model="m")).then(
        (e.ConversationTitled, {"title": "Chisels", "model": "m"})
    )
    named = started()
    named.rename("My own")
    given(named).when(lambda x: x.take_title("Chisels", model="m")).then_nothing()
    given(started()).when(lambda x: x.take_title(" ", model="m")).then_refused(InvalidInputError, "empty")


@pytest.mark.parametrize(
    "command",
    [
        pytest.param(lambda x: x.tag(TAG, "work"), id="tag"),
        pytest.param(lambda x: x.untag(TAG), id="untag"),
        pytest.param(Conversation.pin, id="pin"),
        pytest.param(Conversation.unpin, id="unpin"),
        pytest.param(lambda x: x.move(PROJECT), id="move"),
        pytest.param(lambda x: x.take_title("t", model="m"), id="take_title"),
    ],
)
def test_what_was_erased_is_filed_no_more(command: Callable[[Conversation], Any]) -> None:
    given(erased()).when(command).then_refused(ContentErasedError, "was erased")


def test_spellings_of_one_tag_are_one() -> None:
    assert folded("Straße") == folded("STRASSE") == folded("strasse")
    assert folded("caf\u00e9") == folded("Cafe\u0301")
    assert folded("work") != folded("works")


_TAGS = [new_id() for _ in range(4)]
_PROJECTS = [None, *(new_id() for _ in range(3))]
_DEEDS = st.lists(
    st.one_of(
        st.tuples(st.just("tag"), st.sampled_from(_TAGS)),
        st.tuples(st.just("untag"), st.sampled_from(_TAGS)),
        st.tuples(st.just("move"), st.sampled_from(_PROJECTS)),
        st.tuples(st.sampled_from(["pin", "unpin", "archive", "restore"]), st.none()),
        st.tuples(st.just("rename"), st.none()),
        st.tuples(st.just("title"), st.none()),
    ),
    max_size=30,
)


@for_all(_DEEDS)
def test_nothing_of_how_it_is_filed_is_ever_lost(deeds: list[tuple[str, UUID | None]]) -> None:
    """However it is filed: as folded from its events, as from a picture, and its messages untouched."""
    conversation = started()
    prompt = new_id()
    conversation.add_prompt(prompt, "Hi", parent_id=None)
    tags: set[UUID] = set()
    project_id, pinned, archived, named = None, False, False, False
    for deed, what in deeds:
        match deed, what:
            case "tag", UUID():
                conversation.tag(what, "a name")
                tags.add(what)
            case "untag", UUID():
                conversation.untag(what)
                tags.discard(what)
            case "move", _:
                conversation.move(what)
                project_id = what
            case (("pin" | "unpin"), _):
                getattr(conversation, deed)()
                pinned = deed == "pin"
            case (("archive" | "restore"), _):
                getattr(conversation, deed)()
                archived = deed == "archive"
            case "rename", _:
                conversation.rename("by a person")
                named = True
            case _:
                conversation.take_title("by a model", model="m")
    events: list[Any] = list(conversation.collect_events())
    loaded = rebuilt(Conversation, events)
    pictured = Conversation.from_picture(loaded.id, loaded.picture())
    for one in (conversation, loaded, pictured):
        assert (one.tags, one.project_id, one.pinned, one.archived, one.named) == (
            tags,
            project_id,
            pinned,
            archived,
            named,
        )
        assert list(one.messages) == [prompt]
        assert one.current_id == prompt
    titled = [place for place, event in enumerate(events) if isinstance(event, e.ConversationTitled)]
    renamed = [place for place, event in enumerate(events) if isinstance(event, e.ConversationRenamed)]
    assert not renamed or all(place < renamed[0] for place in titled)
