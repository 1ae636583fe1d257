"""Forks, edits and remarks on a real database: keys of their own, erasure, races, and what queries tell."""

from __future__ import annotations

import contextlib
import threading
from collections.abc import Callable, Iterator
from datetime import timedelta
from typing import Any
from uuid import UUID

import pytest

from application import commands as c
from application.handlers import Commands
from domain.errors import ConflictError, ContentErasedError, InvalidInputError
from infrastructure.postgres.database import Database
from projections.usage.queries import UsageQueries
from tests.integration.test_erasure import ORIGIN, WHO, WORD, Process
from tests.unit.domain.test_conversation import OUTCOME


@pytest.fixture
def one(database: Database) -> Iterator[Process]:
    made = Process(database)
    with contextlib.closing(made.live):
        yield made


@pytest.fixture
def two(database: Database) -> Iterator[Process]:
    made = Process(database)
    with contextlib.closing(made.live):
        yield made


def talk(process: Process, word: str = WORD) -> tuple[UUID, UUID, UUID]:
    """Record a conversation of one prompt and its answer; return it and them."""
    made = process.write(word)
    prompt_id, answer_id = made.messages
    made.complete_answer(answer_id, **{**OUTCOME, "text": f"{word} answer", "thinking": f"{word} thought"})
    process.log.save([made], ORIGIN)
    return made.id, prompt_id, answer_id


def give(process: Process, command: c.Command) -> c.Done:
    return Commands(process.services).handle(command)


def fork(conversation_id: UUID, message_id: UUID) -> c.ForkConversation:
    return c.ForkConversation(conversation_id=conversation_id, message_id=message_id, **WHO)


def test_a_fork_shows_what_its_origin_shows_and_names_it(one: Process) -> None:
    origin, prompt_id, answer_id = talk(one)
    done = give(one, fork(origin, answer_id))

    before, after = one.transcript.branch(origin), one.transcript.branch(done.id)
    assert [m.origin_message_id for m in after] == [prompt_id, answer_id]
    for old, new in zip(before, after, strict=True):
        same: Callable[[Any], Any] = lambda m: (  # noqa: E731
            m.kind,
            m.status,
            m.text,
            m.thinking,
            m.at,
            m.instructions,
            m.model,
            m.usage,
            m.timings,
            m.reason,
        )
        assert same(old) == same(new)
        assert (new.sibling_index, new.sibling_count) == (1, 1)
    assert after[1].provenance is not None
    assert before[1].provenance is not None
    assert after[1].provenance.sent_message_ids == (after[0].id,)
    assert after[1].provenance.options == before[1].provenance.options
    assert after[1].ended_at == before[1].ended_at
    found = one.conversations.get(done.id)
    assert found is not None
    assert (found.origin_conversation_id, found.origin_message_id) == (origin, answer_id)
    assert (found.title, found.message_count, found.current_id) == (f"{WORD}title", 2, after[1].id)
    assert {hit.conversation_id for hit in one.search.search("answer").hits} == {origin, done.id}
    assert one.conversations.latest_of_actor("ada").id == done.id  # type: ignore[union-attr]


def test_a_fork_outlives_its_origin_and_goes_with_it_where_that_is_asked_for(one: Process) -> None:
    origin, _, answer_id = talk(one)
    kept = give(one, fork(origin, answer_id)).id
    give(one, c.EraseConversation(conversation_id=origin, **WHO))
    assert f"{WORD} answer" in one.transcript.branch(kept)[1].text
    with pytest.raises(ContentErasedError):
        give(one, fork(origin, answer_id))

    again = give(one, fork(kept, one.transcript.branch(kept)[1].id)).id
    give(one, c.EraseConversation(conversation_id=kept, with_derived=True, **WHO))
    assert [message.text for message in one.transcript.branch(again)] == ["", ""]


def test_an_erasure_takes_the_words_of_ratings_and_notes(one: Process) -> None:
    origin, prompt_id, answer_id = talk(one)
    rate = c.RateAnswer(conversation_id=origin, answer_id=answer_id, rating="up", words=f"{WORD}!", **WHO)
    give(one, rate)
    write = c.WriteNote(conversation_id=origin, message_id=prompt_id, text=f"{WORD}?", **WHO)
    give(one, write)
    give(one, c.EraseConversation(conversation_id=origin, **WHO))

    prompt, answer = one.transcript.branch(origin)
    assert (answer.rating, answer.rating_words) == ("up", None)
    assert [note.text for note in prompt.notes] == [""]
    with one.database.connection() as connection:
        schema = connection.execute(
            "select schema_name from daybook.read_models where name = 'transcript'"
        ).fetchone()
        assert schema is not None
        rows = connection.execute(f"select text from {schema[0]}.notes".encode()).fetchall()
    assert rows == [(None,)]


def test_remarks_are_shown_with_their_message(one: Process) -> None:
    origin, prompt_id, answer_id = talk(one)
    here: dict[str, Any] = {"conversation_id": origin, **WHO}
    first = give(one, c.WriteNote(message_id=prompt_id, text="one", **here)).id
    second = give(one, c.WriteNote(message_id=prompt_id, text="two", **here)).id
    give(one, c.ChangeNote(note_id=second, text="2", **here))
    give(one, c.RateAnswer(answer_id=answer_id, rating="down", words="long", **here))

    prompt, answer = one.transcript.branch(origin)
    assert [(note.id, note.text, note.changed_at is None) for note in prompt.notes] == [
        (first, "one", True),
        (second, "2", False),
    ]
    assert (answer.rating, answer.rating_words, answer.notes) == ("down", "long", ())
    tree = one.transcript.tree(origin, beginnings=True)
    assert [(node.note_count, node.rating) for node in tree] == [(2, None), (0, "down")]
    assert tree[1].beginning == f"{WORD} answer"
    give(one, c.RemoveNote(note_id=first, **here))
    give(one, c.RateAnswer(answer_id=answer_id, rating=None, **here))
    prompt, answer = one.transcript.branch(origin)
    assert [note.id for note in prompt.notes] == [second]
    assert (answer.rating, answer.rating_words) == (None, None)


def test_edits_of_two_processes_at_the_same_moment_land_beside_each_other(one: Process, two: Process) -> None:
    origin, prompt_id, _ = talk(one)
    start = threading.Barrier(2)
    ids: list[UUID] = []
    failed: list[Exception] = []

    def edit(process: Process) -> None:
        start.wait()
        for number in range(4):
            command = c.EditPrompt(conversation_id=origin, prompt_id=prompt_id, text=f"edit {number}", **WHO)
            try:
                ids.append(Commands(process.services).ask(command).prompt_id)
            except ConflictError as problem:  # said clearly, and nothing of it recorded
                failed.append(problem)

    threads = [threading.Thread(target=edit, args=(process,)) for process in (one, two)]
    for thread in threads:
        thread.start()
    for thread in threads:
        thread.join()

    tree = one.transcript.tree(origin)
    roots = {node.id for node in tree if node.parent_id is None}
    assert roots == {prompt_id, *ids}
    assert len(ids) + len(failed) == 8
    assert len(tree) == 2 + 2 * len(ids)
    edited = one.transcript.message(ids[0])
    assert edited is not None
    assert edited.sibling_count == len(roots)


def test_prompts_of_two_processes_at_the_same_place_are_lost_by_nobody(one: Process, two: Process) -> None:
    origin, _, answer_id = talk(one)
    start = threading.Barrier(2)
    asked: list[UUID] = []
    refused: list[Exception] = []

    def ask(process: Process) -> None:
        start.wait()
        try:
            command = c.AskQuestion(conversation_id=origin, text="And?", **WHO)
            asked.append(Commands(process.services).ask(command).prompt_id)
        except ConflictError as problem:
            refused.append(problem)

    threads = [threading.Thread(target=ask, args=(process,)) for process in (one, two)]
    for thread in threads:
        thread.start()
    for thread in threads:
        thread.join()

    assert len(asked) + len(refused) == 2
    assert asked
    assert {node.id for node in one.transcript.tree(origin) if node.parent_id == answer_id} == set(asked)


def test_a_fork_while_the_origin_is_erased_is_whole_or_not_there(one: Process, two: Process) -> None:
    origin, _, answer_id = talk(one)
    start = threading.Barrier(2)
    made: list[UUID] = []

    def copy() -> None:
        start.wait()
        with contextlib.suppress(ContentErasedError):
            made.append(give(two, fork(origin, answer_id)).id)

    thread = threading.Thread(target=copy)
    thread.start()
    start.wait()
    give(one, c.EraseConversation(conversation_id=origin, with_derived=True, **WHO))
    thread.join()

    derived = one.conversations.derived([origin])
    assert derived == ()
    assert all(one.conversations.get(fork_id).erased for fork_id in made)  # type: ignore[union-attr]


def test_usage_counts_answers_by_model_day_and_project(one: Process) -> None:
    origin, _, answer_id = talk(one)
    talk(one, "other")
    give(one, fork(origin, answer_id))  # costs nothing
    give(one, c.RateAnswer(conversation_id=origin, answer_id=answer_id, rating="up", **WHO))
    usage = UsageQueries(one.transcript._reading)

    (by_model,) = usage.figures("model")
    assert by_model.key == "m"
    figures = by_model.figures
    assert (figures.answer_count, figures.complete_count) == (2, 2)
    assert (figures.prompt_tokens, figures.completion_tokens) == (6, 4)
    assert (figures.total_ms, figures.eval_ms, figures.first_token_ms) == (20.0, 4.0, 5.0)
    assert figures.tokens_per_second == pytest.approx(1000)
    assert (figures.up_count, figures.down_count) == (1, 0)
    assert usage.total() == figures
    assert [group.key for group in usage.figures("project")] == [None]
    answer = one.transcript.message(answer_id)
    assert answer is not None
    for zone, offset in (("UTC", 0), ("+14:00", 14), ("-11:30", -11.5), ("Pacific/Kiritimati", 14)):
        (day,) = usage.figures("day", zone=zone)
        assert day.key == (answer.at + timedelta(hours=offset)).date(), zone
    assert usage.figures("day", since=answer.at + timedelta(hours=1)) == ()
    empty = usage.total(until=answer.at)
    assert (empty.answer_count, empty.first_token_ms, empty.tokens_per_second) == (0, None, None)
    for wrong in ("Europe/Nowhere", "+2", "x'y"):
        with pytest.raises(InvalidInputError, match="no time zone"):
            usage.figures("day", zone=wrong)
