from __future__ import annotations

from typing import Any
from uuid import UUID

import pytest

from domain.conversation import events as e
from domain.conversation.conversation import Conversation, Kind, Message, Status
from domain.errors import ConflictError, InvalidInputError, NotFoundError, RefusedError
from domain.event import UNSET_TIME
from domain.ids import new_id
from tests.unit.domain.given import given, rebuilt

CID, PROJECT = new_id(), new_id()
PROMPT, ANSWER, OTHER = new_id(), new_id(), new_id()
OWNER = new_id()
PROVENANCE: dict[str, Any] = {
    "owner_id": OWNER,
    "model": "deepseek-r1:8b",
    "context_length": 8192,
    "sent_message_ids": (PROMPT,),
    "cut_count": 0,
    "instructions_project_id": None,
    "instructions_version": None,
    "think": None,
    "request_hash": b"#",
    "options": {"num_ctx": 8192},
}
OUTCOME: dict[str, Any] = {
    "text": "Hello.",
    "thinking": "Hm.",
    "reason": "stop",
    "model_digest": "abc",
    "prompt_tokens": 3,
    "completion_tokens": 2,
    "total_ms": 10.0,
    "load_ms": None,
    "prompt_eval_ms": 1.0,
    "eval_ms": 2.0,
    "first_token_ms": 5.0,
}
INTERRUPTION = {"text": "He", "thinking": "", "reason": "process-died"}


def started() -> Conversation:
    return Conversation.start(CID, project_id=None, title=None)


def streaming() -> Conversation:
    conversation = started()
    conversation.add_prompt(PROMPT, "Hi", parent_id=None)
    conversation.start_answer(ANSWER, prompt_id=PROMPT, **PROVENANCE)
    return conversation


def answered() -> Conversation:
    conversation = streaming()
    conversation.complete_answer(ANSWER, **OUTCOME)
    return conversation


def archived() -> Conversation:
    conversation = streaming()
    conversation.archive()
    return conversation


def test_a_conversation_starts_with_its_project_and_title() -> None:
    conversation = Conversation.start(CID, project_id=PROJECT, title="Tides")

    [event] = conversation.collect_events()
    assert isinstance(event, e.ConversationStarted)
    assert (event.stream_id, event.version, event.project_id, event.title) == (CID, 1, PROJECT, "Tides")
    assert event.timestamp == UNSET_TIME
    assert conversation.project_id == PROJECT
    assert conversation.current_id is None


def test_a_prompt_becomes_the_current_message() -> None:
    conversation = (
        given(started())
        .when(lambda c: c.add_prompt(PROMPT, "Hi", parent_id=None, instructions="Be brief."))
        .then(
            (
                e.PromptAdded,
                {"message_id": PROMPT, "parent_id": None, "text": "Hi", "instructions": "Be brief."},
            )
        )
    )
    assert conversation.current_id == PROMPT
    assert conversation.message(PROMPT) == Message(PROMPT, Kind.PROMPT, None, None)


def test_a_prompt_follows_an_answer() -> None:
    conversation = (
        given(answered())
        .when(lambda c: c.add_prompt(OTHER, "And?", parent_id=ANSWER))
        .then((e.PromptAdded, {"parent_id": ANSWER}))
    )
    assert [m.id for m in conversation.branch(OTHER)] == [OTHER, ANSWER, PROMPT]


@pytest.mark.parametrize("text", ["", "   ", "\n\t"], ids=["none", "spaces", "lines"])
def test_an_empty_prompt_is_refused(text: str) -> None:
    given(started()).when(lambda c: c.add_prompt(PROMPT, text, parent_id=None)).then_refused(
        InvalidInputError, "empty"
    )


def test_a_prompt_cannot_follow_a_prompt() -> None:
    given(streaming()).when(lambda c: c.add_prompt(OTHER, "And?", parent_id=PROMPT)).then_refused(
        InvalidInputError, "follows an answer"
    )


def test_a_prompt_cannot_follow_an_answer_that_is_still_written() -> None:
    given(streaming()).when(lambda c: c.add_prompt(OTHER, "And?", parent_id=ANSWER)).then_refused(
        ConflictError, "still being written"
    )


def test_a_prompt_cannot_follow_a_message_of_another_conversation() -> None:
    given(started()).when(lambda c: c.add_prompt(PROMPT, "Hi", parent_id=OTHER)).then_refused(
        NotFoundError, "has no message"
    )


def test_a_message_is_never_written_over() -> None:
    given(answered()).when(lambda c: c.add_prompt(PROMPT, "Hi", parent_id=None)).then_refused(
        ConflictError, "already"
    )
    given(answered()).when(lambda c: c.start_answer(ANSWER, prompt_id=PROMPT, **PROVENANCE)).then_refused(
        ConflictError, "already"
    )


def test_an_answer_starts_under_its_prompt_and_becomes_current() -> None:
    conversation = started()
    conversation.add_prompt(PROMPT, "Hi", parent_id=None)
    given(conversation).when(lambda c: c.start_answer(ANSWER, prompt_id=PROMPT, **PROVENANCE)).then(
        (e.AnswerStarted, {"message_id": ANSWER, "prompt_id": PROMPT, **PROVENANCE})
    )
    assert conversation.current_id == ANSWER
    assert conversation.last_model == "deepseek-r1:8b"
    assert conversation.streaming() == [ANSWER]


def test_only_prompts_are_answered() -> None:
    given(answered()).when(lambda c: c.start_answer(OTHER, prompt_id=ANSWER, **PROVENANCE)).then_refused(
        InvalidInputError, "only prompts"
    )


def test_a_prompt_may_have_many_answers() -> None:
    conversation = (
        given(answered())
        .when(lambda c: c.start_answer(OTHER, prompt_id=PROMPT, **PROVENANCE))
        .then((e.AnswerStarted, {"message_id": OTHER, "prompt_id": PROMPT}))
    )
    assert [m.id for m in conversation.branch(OTHER)] == [OTHER, PROMPT]
    assert [m.id for m in conversation.branch(ANSWER)] == [ANSWER, PROMPT]


def test_an_answer_ends_completed() -> None:
    conversation = (
        given(streaming())
        .when(lambda c: c.complete_answer(ANSWER, **OUTCOME))
        .then((e.AnswerCompleted, {"message_id": ANSWER, **OUTCOME}))
    )
    assert conversation.message(ANSWER).status is Status.COMPLETE
    assert conversation.streaming() == []


def test_an_answer_ends_cancelled() -> None:
    conversation = (
        given(streaming())
        .when(lambda c: c.cancel_answer(ANSWER, **OUTCOME))
        .then((e.AnswerCancelled, {"text": "Hello."}))
    )
    assert conversation.message(ANSWER).status is Status.CANCELLED


def test_an_answer_ends_failed() -> None:
    conversation = (
        given(streaming())
        .when(lambda c: c.fail_answer(ANSWER, **OUTCOME, detail="It broke off."))
        .then((e.AnswerFailed, {"detail": "It broke off."}))
    )
    assert conversation.message(ANSWER).status is Status.FAILED


def test_an_answer_ends_interrupted() -> None:
    conversation = (
        given(streaming())
        .when(lambda c: c.interrupt_answer(ANSWER, **INTERRUPTION, total_ms=7.5))
        .then((e.AnswerInterrupted, {"message_id": ANSWER, **e.UNTOLD, **INTERRUPTION, "total_ms": 7.5}))
    )
    assert conversation.message(ANSWER).status is Status.INTERRUPTED


@pytest.mark.parametrize(
    "end",
    [
        pytest.param(lambda c: c.complete_answer(ANSWER, **OUTCOME), id="complete_answer"),
        pytest.param(lambda c: c.cancel_answer(ANSWER, **OUTCOME), id="cancel_answer"),
        pytest.param(lambda c: c.fail_answer(ANSWER, **OUTCOME, detail=""), id="fail_answer"),
        pytest.param(lambda c: c.interrupt_answer(ANSWER, **INTERRUPTION), id="interrupt_answer"),
    ],
)
def test_an_answer_ends_once(end: Any) -> None:
    given(answered()).when(end).then_refused(ConflictError, "already ended")


def test_a_prompt_never_ends() -> None:
    given(streaming()).when(lambda c: c.complete_answer(PROMPT, **OUTCOME)).then_refused(
        ConflictError, "it is a prompt"
    )


def test_a_completion_after_an_interruption_wins() -> None:
    conversation = streaming()
    conversation.interrupt_answer(ANSWER, **INTERRUPTION)  # type: ignore[arg-type]
    given(conversation).when(lambda c: c.complete_answer(ANSWER, **OUTCOME)).then(
        (e.AnswerCompleted, {"text": "Hello."})
    )
    assert conversation.message(ANSWER).status is Status.COMPLETE


@pytest.mark.parametrize(
    "end",
    [
        pytest.param(lambda c: c.cancel_answer(ANSWER, **OUTCOME), id="cancel_answer"),
        pytest.param(lambda c: c.fail_answer(ANSWER, **OUTCOME, detail=""), id="fail_answer"),
        pytest.param(lambda c: c.interrupt_answer(ANSWER, **INTERRUPTION), id="interrupt_answer"),
    ],
)
def test_nothing_but_a_completion_follows_an_interruption(end: Any) -> None:
    conversation = streaming()
    conversation.interrupt_answer(ANSWER, **INTERRUPTION)  # type: ignore[arg-type]
    given(conversation).when(end).then_refused(ConflictError, "interrupted")


def test_going_on_from_an_answer_makes_its_branch_current() -> None:
    conversation = answered()
    conversation.start_answer(OTHER, prompt_id=PROMPT, **PROVENANCE)
    given(conversation).when(lambda c: c.go_on_from(ANSWER)).then(
        (e.CurrentBranchChanged, {"message_id": ANSWER})
    )
    assert conversation.current_id == ANSWER


def test_going_on_from_the_beginning_leaves_no_current_message() -> None:
    conversation = (
        given(answered())
        .when(lambda c: c.go_on_from(None))
        .then((e.CurrentBranchChanged, {"message_id": None}))
    )
    assert conversation.current_id is None
    assert list(conversation.branch(None)) == []


def test_going_on_from_where_it_stands_changes_nothing() -> None:
    given(answered()).when(lambda c: c.go_on_from(ANSWER)).then_nothing()


def test_a_conversation_does_not_go_on_from_a_prompt_or_from_elsewhere() -> None:
    given(answered()).when(lambda c: c.go_on_from(PROMPT)).then_refused(InvalidInputError, "is a prompt")
    given(answered()).when(lambda c: c.go_on_from(OTHER)).then_refused(NotFoundError, "has no message")


def test_a_title_can_be_given_but_not_an_empty_one() -> None:
    given(started()).when(lambda c: c.rename("Tides")).then((e.ConversationRenamed, {"title": "Tides"}))
    given(started()).when(lambda c: c.rename("  ")).then_refused(InvalidInputError, "cannot be empty")


@pytest.mark.parametrize(
    "command",
    [
        pytest.param(lambda c: c.add_prompt(OTHER, "Hi", parent_id=None), id="add_prompt"),
        pytest.param(lambda c: c.start_answer(OTHER, prompt_id=PROMPT, **PROVENANCE), id="start_answer"),
        pytest.param(lambda c: c.go_on_from(None), id="go_on_from"),
    ],
)
def test_an_archived_conversation_takes_nothing_new(command: Any) -> None:
    given(archived()).when(command).then_refused(RefusedError, "is archived")


def test_an_answer_under_way_may_end_in_an_archived_conversation() -> None:
    given(archived()).when(lambda c: c.complete_answer(ANSWER, **OUTCOME)).then((e.AnswerCompleted, {}))
    given(archived()).when(lambda c: c.interrupt_answer(ANSWER, **INTERRUPTION)).then(
        (e.AnswerInterrupted, {})
    )


def test_archiving_and_restoring_twice_is_doing_it_once() -> None:
    conversation = given(started()).when(Conversation.archive).then((e.ConversationArchived, {}))
    given(conversation).when(Conversation.archive).then_nothing()
    given(conversation).when(Conversation.restore).then((e.ConversationRestored, {}))
    given(conversation).when(Conversation.restore).then_nothing()


def test_loading_the_events_gives_the_same_tree() -> None:
    conversation = started()
    conversation.add_prompt(PROMPT, "Hi", parent_id=None)
    conversation.start_answer(ANSWER, prompt_id=PROMPT, **PROVENANCE)
    conversation.fail_answer(ANSWER, **OUTCOME, detail="no")
    conversation.rename("Tides")
    conversation.archive()
    events: list[Any] = list(conversation.collect_events())

    loaded = rebuilt(Conversation, events)

    assert loaded.messages == conversation.messages
    assert (loaded.current_id, loaded.archived, loaded.last_model, loaded.version) == (
        ANSWER,
        True,
        "deepseek-r1:8b",
        6,
    )


def test_ids_in_messages_are_short() -> None:
    with pytest.raises(NotFoundError, match=UUID(int=1).hex[-8:]):
        started().message(UUID(int=1))
