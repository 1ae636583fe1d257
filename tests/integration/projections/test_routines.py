"""What is asked of routines, against PostgreSQL."""

from __future__ import annotations

from typing import Any
from uuid import uuid4

import pytest

from domain.conversation.conversation import Conversation
from domain.errors import ContentDamagedError, ContentErasedError
from domain.ids import short
from domain.routine.definition import Definition
from domain.routine.routine import Routine
from infrastructure.read_model_memory import ReadModelMemory
from tests.integration.projections.conftest import Book


def saved(book: Book, name: str, **values: Any) -> Routine:
    routine = Routine.save(uuid4(), Definition(name=name, **{"prompt": "Say {{a}}", **values}))
    book.history.record(routine, actor="ada")
    return routine


def ran(book: Book, routine: Routine, version: int = 1) -> Conversation:
    conversation = Conversation.start(uuid4(), project_id=None, title=None)
    prompt_id = uuid4()
    conversation.add_prompt(prompt_id, "Say 1", parent_id=None)
    conversation.note_routine(prompt_id, routine_id=routine.id, routine_version=version, variables={"a": "1"})
    book.history.record(conversation)
    return conversation


def test_a_routine_is_shown_with_the_newest_of_its_versions(book: Book) -> None:
    first = Definition(
        name="say", prompt="p", description="d", instructions="i", model="m", think="low", options={"seed": 1}
    )
    routine = Routine.save(uuid4(), first)
    routine.change(Definition(name="tell", prompt="q"))
    book.history.record(routine, actor="ada")
    (found,) = book.routines.all()
    assert (found.id, found.name, found.version, found.newest.number) == (routine.id, "tell", 2, 2)
    assert found.newest.definition == Definition(name="tell", prompt="q")
    old, new = book.routines.versions(routine.id)
    assert (old.definition, old.number, old.actor, old.erased) == (first, 1, "ada", False)
    assert new == found.newest
    assert book.routines.versions(routine.id, number=1) == (old,)
    assert book.routines.versions(routine.id, number=3) == ()


def test_routines_are_found_by_name_and_id_until_they_are_removed(book: Book) -> None:
    say, tell = saved(book, "say"), saved(book, "tell")
    assert [one.id for one in book.routines.named(" say ")] == [say.id]
    assert [one.id for one in book.routines.find(short(tell.id))] == [tell.id]
    say.remove()
    book.history.record(say)
    assert book.routines.named("say") == ()
    assert [one.id for one in book.routines.all()] == [tell.id]
    assert [one.id for one in book.routines.all(include_removed=True)] == [say.id, tell.id]
    found = book.routines.get(say.id)
    assert found is not None
    assert (found.name, found.version, found.newest.number) == ("say", 2, 1)
    assert found.removed_at == found.updated_at
    assert book.routines.get(uuid4()) is None


def test_runs_are_counted_and_their_conversations_found(book: Book) -> None:
    routine, other = saved(book, "say"), saved(book, "tell")
    runs = [ran(book, routine, version) for version in (1, 1, 2)]
    ran(book, other)
    found = book.routines.get(routine.id)
    assert found is not None
    assert found.run_count == 3
    assert found.last_run_at is not None
    page = book.conversations.newest(routine_id=routine.id, limit=2)
    assert [(one.id, one.routine_version) for one in page.conversations] == [
        (runs[2].id, 2),
        (runs[1].id, 1),
    ]
    rest = book.conversations.newest(routine_id=routine.id, limit=2, cursor=page.next_cursor)
    assert [one.id for one in rest.conversations] == [runs[0].id]
    (prompt,) = book.transcript.branch(runs[2].id)
    assert prompt.made_by is not None
    assert prompt.made_by.routine_id == routine.id
    assert (prompt.made_by.version, prompt.made_by.variables) == (2, {"a": "1"})


def test_an_erased_routine_says_nothing_any_more(book: Book) -> None:
    routine = saved(book, "say", instructions="i", options={"seed": 1})
    run = ran(book, routine)
    routine.erase("request")
    book.history.record(routine, actor="bob")
    (found,) = book.routines.all(include_removed=True)
    assert book.routines.all() == ()
    assert (found.erased_by, found.name, found.newest.prompt, found.newest.erased) == ("bob", "", "", True)
    assert found.erased_at is not None
    assert found.newest.options == {}
    (prompt,) = book.transcript.branch(run.id)
    assert (prompt.text, prompt.erased) == ("Say 1", False)


def memory(book: Book) -> ReadModelMemory:
    return ReadModelMemory(book.transcript, book.projects, book.conversations, book.routines)


def test_what_the_write_side_remembers_of_routines(book: Book) -> None:
    routine = saved(book, "say")
    routine.change(Definition(name="say", prompt="q"))
    book.history.record(routine)
    newest, first = memory(book).routine(routine.id), memory(book).routine(routine.id, 1)
    assert newest is not None
    assert first is not None
    assert (newest.version, newest.definition.prompt) == (2, "q")
    assert (first.version, first.definition.prompt) == (1, "Say {{a}}")
    assert memory(book).routine(routine.id, 3) is None
    assert memory(book).routines_named("say") == [routine.id]
    book.vault.damaged.add(routine.id)
    with pytest.raises(ContentDamagedError):
        memory(book).routine(routine.id)
    book.vault.damaged.clear()
    routine.erase("request")
    book.history.record(routine)
    with pytest.raises(ContentErasedError):
        memory(book).routine(routine.id)
