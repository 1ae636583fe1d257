"""Copies of branches, ratings and notes: when they may be made, and what comes of them."""

from __future__ import annotations

from datetime import UTC, datetime
from typing import Any

import pytest

from domain.conversation import events as e
from domain.conversation.conversation import Conversation, Kind, Message, Status
from domain.errors import ConflictError, ContentErasedError, InvalidInputError, NotFoundError
from domain.ids import new_id
from domain.moments import from_micros, to_micros
from tests.unit.domain.given import given
from tests.unit.domain.test_conversation import (
    ANSWER,
    OTHER,
    OUTCOME,
    PROMPT,
    PROVENANCE,
    answered,
    started,
    streaming,
)

NOTE = new_id()
COPIED_PROMPT: dict[str, Any] = {
    "origin_message_id": OTHER,
    "said_at": 1_767_323_045_678_901,
    "text": "Hi",
    "instructions": None,
}


def copied_answer(**values: Any) -> dict[str, Any]:
    told = {"origin_message_id": OTHER, "status": "complete", "said_at": 5, "ended_at": 6, "detail": None}
    return {**PROVENANCE, **OUTCOME, **told, **values}


def erased() -> Conversation:
    conversation = answered()
    conversation.erase("request")
    return conversation


def noted() -> Conversation:
    conversation = answered()
    conversation.write_note(NOTE, ANSWER, "Look this up.")
    return conversation


def test_a_copy_takes_in_prompts_and_answers_as_they_ended() -> None:
    def copy(conversation: Conversation) -> None:
        conversation.copy_prompt(PROMPT, parent_id=None, **COPIED_PROMPT)
        conversation.copy_answer(ANSWER, prompt_id=PROMPT, **copied_answer(status="failed", model="other"))

    copied = (
        given(started())
        .when(copy)
        .then(
            (e.PromptCopied, {"message_id": PROMPT, "parent_id": None, **COPIED_PROMPT}),
            (e.AnswerCopied, {"message_id": ANSWER, "prompt_id": PROMPT, "status": "failed"}),
        )
    )

    assert copied.message(ANSWER) == Message(ANSWER, Kind.ANSWER, PROMPT, Status.FAILED)
    assert (copied.current_id, copied.last_model) == (ANSWER, "other")


def test_an_answer_that_has_not_ended_is_not_taken_in_from_a_file() -> None:
    given(answered()).when(
        lambda c: c.import_answer(
            OTHER, prompt_id=PROMPT, imported_id=OTHER, **copied_answer(status="streaming")
        )
    ).then_refused(InvalidInputError, "has not ended")


def test_a_copied_prompt_does_not_follow_a_prompt() -> None:
    given(answered()).when(lambda c: c.copy_prompt(OTHER, parent_id=PROMPT, **COPIED_PROMPT)).then_refused(
        InvalidInputError, "follows an answer"
    )


def test_a_copied_answer_does_not_follow_an_answer() -> None:
    given(answered()).when(lambda c: c.copy_answer(OTHER, prompt_id=ANSWER, **copied_answer())).then_refused(
        InvalidInputError, "only prompts are answered"
    )


def test_what_was_copied_in_a_conversation_is_said_there() -> None:
    given(answered()).when(lambda c: c.give_to_fork(ANSWER, OTHER)).then(
        (e.ConversationForked, {"message_id": ANSWER, "fork_id": OTHER})
    )


def test_an_archived_conversation_may_be_forked() -> None:
    conversation = answered()
    conversation.archive()

    given(conversation).when(lambda c: c.give_to_fork(PROMPT, OTHER)).then((e.ConversationForked, {}))


def test_an_answer_that_is_being_written_is_not_forked() -> None:
    given(streaming()).when(lambda c: c.give_to_fork(ANSWER, OTHER)).then_refused(
        ConflictError, "still being written"
    )


def test_what_is_not_there_or_erased_is_not_forked() -> None:
    given(answered()).when(lambda c: c.give_to_fork(OTHER, OTHER)).then_refused(NotFoundError, "no message")
    given(erased()).when(lambda c: c.give_to_fork(ANSWER, OTHER)).then_refused(ContentErasedError, "erased")


@pytest.mark.parametrize(("rating", "words"), [("up", "Clear."), ("down", None), (None, None)])
def test_an_answer_is_rated(rating: str | None, words: str | None) -> None:
    given(answered()).when(lambda c: c.rate_answer(ANSWER, rating, words)).then(
        (e.AnswerRated, {"message_id": ANSWER, "rating": rating, "words": words})
    )


def test_only_ended_answers_are_rated_and_only_up_or_down() -> None:
    given(streaming()).when(lambda c: c.rate_answer(ANSWER, "up", None)).then_refused(
        ConflictError, "still being written"
    )
    given(answered()).when(lambda c: c.rate_answer(PROMPT, "up", None)).then_refused(
        InvalidInputError, "answers are rated"
    )
    given(answered()).when(lambda c: c.rate_answer(ANSWER, "5", None)).then_refused(
        InvalidInputError, "up or down"
    )
    given(erased()).when(lambda c: c.rate_answer(ANSWER, "up", None)).then_refused(
        ContentErasedError, "erased"
    )


def test_a_note_is_written_changed_and_removed() -> None:
    conversation = (
        given(answered())
        .when(lambda c: c.write_note(NOTE, PROMPT, "Why?"))
        .then((e.NoteWritten, {"note_id": NOTE, "message_id": PROMPT, "text": "Why?"}))
    )
    assert conversation.notes == {NOTE: PROMPT}
    given(conversation).when(lambda c: c.change_note(NOTE, "Because.")).then(
        (e.NoteChanged, {"note_id": NOTE, "text": "Because."})
    )
    given(conversation).when(lambda c: c.remove_note(NOTE)).then((e.NoteRemoved, {"note_id": NOTE}))
    assert conversation.notes == {}
    given(conversation).when(lambda c: c.remove_note(NOTE)).then_refused(NotFoundError, "no note")
    given(conversation).when(lambda c: c.change_note(NOTE, "x")).then_refused(NotFoundError, "no note")


def test_a_note_says_something_and_is_on_something() -> None:
    given(answered()).when(lambda c: c.write_note(NOTE, ANSWER, " ")).then_refused(InvalidInputError, "empty")
    given(noted()).when(lambda c: c.change_note(NOTE, "\n")).then_refused(InvalidInputError, "empty")
    given(answered()).when(lambda c: c.write_note(NOTE, OTHER, "x")).then_refused(NotFoundError, "no message")
    given(noted()).when(lambda c: c.write_note(NOTE, ANSWER, "x")).then_refused(ConflictError, "already")
    given(erased()).when(lambda c: c.write_note(NOTE, ANSWER, "x")).then_refused(ContentErasedError, "erased")


def test_a_picture_keeps_the_notes() -> None:
    conversation = noted()
    conversation.write_note(new_id(), PROMPT, "And this.")

    assert Conversation.from_picture(conversation.id, conversation.picture()).notes == conversation.notes


def test_going_on_at_an_end_follows_what_was_added_last() -> None:
    conversation = answered()
    first, second, third = new_id(), new_id(), new_id()
    conversation.add_prompt(first, "One", parent_id=ANSWER)
    conversation.start_answer(second, prompt_id=first, **PROVENANCE)
    conversation.add_prompt(third, "Two", parent_id=None)
    conversation.start_answer(OTHER, prompt_id=third, **PROVENANCE)

    given(conversation).when(lambda c: c.go_on_from(PROMPT, to_end=True)).then(
        (e.CurrentBranchChanged, {"message_id": second})
    )
    given(conversation).when(lambda c: c.go_on_from(second, to_end=True)).then_nothing()


def test_an_unanswered_prompt_is_no_end_to_go_on_from() -> None:
    conversation = answered()
    conversation.add_prompt(OTHER, "Hm?", parent_id=ANSWER)

    given(conversation).when(lambda c: c.go_on_from(ANSWER, to_end=True)).then_refused(
        InvalidInputError, "is a prompt"
    )


def test_moments_are_kept_to_the_microsecond() -> None:
    moment = datetime(2026, 1, 2, 3, 4, 5, 678901, tzinfo=UTC)

    assert to_micros(moment) == 1_767_323_045_678_901
    assert from_micros(to_micros(moment)) == moment
