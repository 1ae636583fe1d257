"""Lists and searches by tag, project, model, date and pin, and what a project's instructions were."""

from __future__ import annotations

from datetime import datetime, timedelta
from random import Random
from typing import Any
from uuid import UUID, uuid4

import pytest

from domain.conversation.conversation import Conversation
from domain.errors import ContentDamagedError, InvalidInputError
from domain.moments import to_micros
from domain.project.project import Project
from domain.tags import folded
from infrastructure.read_model_memory import ReadModelMemory
from projections import projects
from projections.conversations import VERSION
from projections.conversations.wanted import Sort, Wanted
from projections.finding import to_cursor
from projections.search import queries
from projections.search.queries import SearchQueries, Within
from tests.fakes.histories import Historian
from tests.integration.projections.conftest import Book


def listed(book: Book, sort: Sort = "activity", **wanted: Any) -> list[UUID]:
    page = book.conversations.listed(Wanted(**wanted), sort=sort)
    return [one.id for one in page.conversations]


def found(book: Book, text: str, **within: Any) -> set[UUID]:
    return {hit.conversation_id for hit in book.search.search(text, Within(**within), limit=200).hits}


def tag(book: Book, conversation: Conversation, *names: str) -> None:
    for name in names:
        conversation.tag(book.history.tag_id(conversation, folded(name)), name)
    book.history.record(conversation)


def talk(book: Book, words: str, **values: Any) -> Conversation:
    conversation = book.history.conversation(**values)
    book.history.exchange(conversation, words, "aye")
    return conversation


def test_tags_filter_lists_and_searches_in_any_spelling(book: Book) -> None:
    both, one, none = (talk(book, f"tide {n}") for n in range(3))
    tag(book, both, "Work", "Straße")
    tag(book, one, "work")

    assert set(listed(book, tags=["WORK"])) == {both.id, one.id}
    assert listed(book, tags=["work", "STRASSE"]) == [both.id]
    assert listed(book, tags=["absent"]) == []
    assert found(book, "tide", tags=["Work"]) == {both.id, one.id}
    assert found(book, "tide", tags=["work", "strasse"]) == {both.id}
    assert found(book, "tide", tags=["absent"]) == set()
    summary = book.conversations.get(both.id)
    assert summary is not None
    assert summary.tags == ("Straße", "Work")
    both.untag(book.history.tag_id(both, "work"))
    book.history.record(both)
    assert listed(book, tags=["work"]) == [one.id]
    assert found(book, "tide", tags=["work"]) == {one.id}
    book.history.exchange(one, "tide again", "aye")
    assert len(book.search.search("tide", Within(tags=["work"])).hits) == 2
    assert none.id not in found(book, "tide", tags=["strasse"])
    assert [(x.conversation_count, folded(x.name)) for x in book.conversations.tags()] == [
        (1, "strasse"),
        (1, "work"),
    ]


def test_a_move_takes_everything_along_at_once(book: Book) -> None:
    first, second = Project.create(uuid4(), name="first"), Project.create(uuid4(), name="second")
    for project in (first, second):
        book.history.record(project)
    conversation = talk(book, "tide", project_id=first.id)
    assert (listed(book, project_id=first.id), found(book, "tide", project_id=first.id)) == (
        [conversation.id],
        {conversation.id},
    )
    conversation.move(second.id)
    book.history.record(conversation)
    book.history.exchange(conversation, "tide again", "aye")

    assert (listed(book, project_id=first.id), found(book, "tide", project_id=first.id)) == ([], set())
    assert listed(book, project_id=second.id) == [conversation.id]
    assert len(book.search.search("tide", Within(project_id=second.id)).hits) == 2
    assert book.conversations.of_project(first.id) == ()
    assert book.conversations.of_project(second.id) == (conversation.id,)
    costs = {group.key: group.figures.answer_count for group in book.usage.figures("project")}
    assert costs == {first.id: 1, second.id: 1}


def test_pinned_ones_come_first_and_filing_is_no_activity(book: Book) -> None:
    old, middle, new = (talk(book, f"number {n}") for n in range(3))
    before = book.conversations.get(old.id)
    old.take_title("Old", model="small")
    tag(book, old, "work")
    old.move(uuid4())
    book.history.record(old)
    assert listed(book) == [new.id, middle.id, old.id]
    old.pin()
    book.history.record(old)
    assert listed(book) == [old.id, new.id, middle.id]
    assert listed(book, pinned=True) == [old.id]
    assert listed(book, pinned=False) == [new.id, middle.id]
    after = book.conversations.get(old.id)
    assert before is not None
    assert after is not None
    assert (after.updated_at, after.last_actor) == (before.updated_at, before.last_actor)
    assert (after.version, after.last_index) == (old.version, book.log.size() - 1)
    old.unpin()
    book.history.record(old)
    assert listed(book) == [new.id, middle.id, old.id]


@pytest.mark.parametrize("sort", ["activity", "created", "title", "messages"])
def test_each_order_is_gone_through_page_by_page(book: Book, sort: Sort) -> None:
    random = Random(2)
    made = [talk(book, random.choice(["Älter", "alpha", "Beta", "gamma"])) for _ in range(9)]
    for conversation in random.sample(made, 4):
        book.history.exchange(conversation, "more", "yes")
    for conversation in random.sample(made, 3):
        conversation.pin()
        book.history.record(conversation)
    everything = listed(book, sort)
    assert sorted(everything) == sorted(one.id for one in made)
    paged: list[UUID] = []
    cursor = None
    while True:
        page = book.conversations.listed(sort=sort, limit=2, cursor=cursor)
        paged += [one.id for one in page.conversations]
        cursor = page.next_cursor
        if cursor is None:
            break
    assert paged == everything
    summaries = book.conversations.listed(sort=sort).conversations
    keys: dict[str, list[Any]] = {
        "activity": [(not one.pinned, -one.updated_at.timestamp()) for one in summaries],
        "created": [-one.created_at.timestamp() for one in summaries],
        "title": [one.title.casefold() for one in summaries],
        "messages": [-one.message_count for one in summaries],
    }
    assert keys[sort] == sorted(keys[sort])


def test_an_imported_one_stands_where_its_file_says_until_somebody_goes_on_in_it(book: Book) -> None:
    history = book.history
    here = history.conversation()
    taken = [history.bring(at, 9_000_000 - at) for at in (3_000_000, 1_000_000, 2_000_000)]
    late, early, middle = (one.id for one in taken)
    assert listed(book) == [here.id, early, middle, late]
    assert listed(book, "created") == [here.id, late, middle, early]
    assert book.conversations.walk() == (early, middle, late, here.id)
    assert book.conversations.walk(early, limit=2) == (middle, late)

    history.exchange(taken[1], "And?", "So.")
    assert listed(book) == [early, here.id, middle, late]


def test_an_older_file_takes_no_conversation_back_in_time(book: Book) -> None:
    history = book.history
    history.bring(900_000, 4_000_000, history.bring(1_000_000, 5_000_000))
    [one] = book.conversations.newest().conversations
    assert (to_micros(one.created_at), to_micros(one.updated_at)) == (1_000_000, 5_000_000)


@pytest.mark.parametrize("micros", [10**30, -(10**30), 2**63])
def test_a_cursor_at_no_time_at_all_is_none(book: Book, micros: int) -> None:
    forged = to_cursor(*("activity", False, micros, 1))
    with pytest.raises(InvalidInputError, match="not one that this list gave out"):
        book.conversations.listed(cursor=forged)


def test_a_cursor_leads_on_in_its_own_order_only(book: Book) -> None:
    for _ in range(3):
        talk(book, "tide")
    cursors = {}
    for sort in ("activity", "created", "title", "messages"):
        cursors[sort] = book.conversations.listed(sort=sort, limit=1).next_cursor
    for sort in cursors:
        for other, cursor in cursors.items():
            if other == sort:
                book.conversations.listed(sort=sort, cursor=cursor)  # type: ignore[arg-type] # the words
            else:
                with pytest.raises(InvalidInputError):
                    book.conversations.listed(sort=sort, cursor=cursor)  # type: ignore[arg-type]
    strange = book.conversations.listed(sort="title", cursor="WyJ0aXRsZSIsIngiXQ")
    assert len(strange.conversations) == 3


def test_models_and_times_filter_lists_and_searches(book: Book) -> None:
    conversations = [talk(book, "tide") for _ in range(3)]
    large = conversations[1]
    large.start_answer(answer := uuid4(), prompt_id=next(iter(large.messages)), **_provenance("large"))
    book.history.record(large)
    assert listed(book, model="large") == [large.id]
    assert listed(book, model="larg") == []
    assert found(book, "tide", model="large") == set()
    large.interrupt_answer(answer, text="tide", thinking="", reason="gone")
    book.history.record(large)
    assert found(book, "tide", model="large") == {large.id}
    large.complete_answer(answer, text="a whole tide", thinking="", **_OUTCOME)
    book.history.record(large)
    assert found(book, "whole", model="large") == {large.id}
    assert found(book, "tide", model="small") == set()
    assert found(book, "aye", model="small") == {one.id for one in conversations}
    assert found(book, "tide", model="small", kind="prompt") == set()

    first, second, third = (_summary(book, one).updated_at for one in conversations)
    assert listed(book, since=third) == [large.id, conversations[2].id]
    assert listed(book, until=third) == [conversations[0].id]
    assert found(book, "aye", since=third) == {conversations[2].id}
    assert found(book, "aye", until=third) == {conversations[0].id, large.id}
    assert found(book, "aye", since=first, until=third) == {conversations[0].id, large.id}
    assert found(book, "aye", until=first) == set()
    assert second > third


def test_titles_say_who_made_them(book: Book) -> None:
    untitled, named = talk(book, "How do I sharpen a chisel?"), talk(book, "tide", title="Mine")
    since = datetime.fromisoformat("2026-01-01T00:00:00Z")
    assert book.conversations.untitled(since) == (untitled.id,)
    memory = ReadModelMemory(book.transcript, book.projects, book.conversations, book.routines)
    assert memory.untitled(since) == (untitled.id,)
    untitled.take_title("Chisels", model="small")
    book.history.record(untitled)
    assert book.conversations.untitled(since) == ()
    assert (_summary(book, untitled).title, _summary(book, untitled).title_by) == ("Chisels", "model")
    assert (_summary(book, named).title, _summary(book, named).title_by) == ("Mine", "person")
    [hit] = book.search.search("sharpen").hits
    assert hit.title == "Chisels"
    untitled.rename("By a person")
    book.history.record(untitled)
    assert (_summary(book, untitled).title, _summary(book, untitled).title_by) == ("By a person", "person")


def test_only_what_was_answered_lately_waits_for_a_title(book: Book) -> None:
    silent, archived, answered = book.history.conversation(), talk(book, "a"), talk(book, "b")
    archived.archive()
    book.history.record(archived)
    assert silent.id not in book.conversations.untitled(_summary(book, silent).created_at)
    assert book.conversations.untitled(_summary(book, silent).created_at) == (answered.id,)
    later = datetime.fromisoformat("2027-01-01T00:00:00Z")
    assert book.conversations.untitled(later) == ()


def test_an_erased_conversation_leaves_no_tag_behind(book: Book) -> None:
    conversation = talk(book, "tide")
    tag(book, conversation, "work")
    assert found(book, "tide", tags=["work"]) == {conversation.id}
    conversation.erase("request")
    book.history.record(conversation)

    assert listed(book, tags=["work"]) == []
    assert book.conversations.tags() == ()
    for model, version in (("conversations", VERSION), ("search", 2)):
        with book.reading.open(model, version) as connection:
            assert connection.execute("select count(*) from tags").fetchone() == (0,)


def test_names_of_tags_that_cannot_be_opened_hide_nothing_else(book: Book) -> None:
    erased, damaged, sound = talk(book, "tide"), talk(book, "tide"), talk(book, "tide")
    for conversation in (erased, damaged, sound):
        tag(book, conversation, "work")
    book.vault.erased.add(erased.id)
    book.pump.rebuild()
    assert listed(book, tags=["work"]) == [sound.id, damaged.id]
    book.vault.damaged.add(damaged.id)
    assert len(listed(book)) == 3
    assert [(one.name, one.conversation_count) for one in book.conversations.tags()][-1:] in (
        [("work", 2)],
        [],
    )


def test_what_instructions_were_stays(book: Book) -> None:
    project = Project.create(uuid4(), name="Garden")
    project.change_instructions("Be brief.")
    project.rename("Gardens")
    project.change_instructions("")
    project.set_default_options({"seed": 1})
    book.history.record(project, actor="ada")
    versions = book.projects.instructions(project.id)
    assert [(one.version, one.text, one.actor) for one in versions] == [
        (4, "", "ada"),
        (2, "Be brief.", "ada"),
    ]
    memory = ReadModelMemory(book.transcript, book.projects, book.conversations, book.routines)
    assert memory.instructions_at(project.id, 2) is not None
    assert memory.instructions_at(project.id, 3) is None
    assert memory.default_options(project.id) == {"seed": 1}
    assert memory.default_options(uuid4()) == {}
    book.vault.damaged.add(project.id)
    assert book.projects.instructions(project.id)[1].damage is not None
    for question in (
        lambda: memory.instructions_at(project.id, 2),
        lambda: memory.default_options(project.id),
    ):
        with pytest.raises(ContentDamagedError):
            question()
    book.vault.damaged.clear()
    project.erase("request")
    book.history.record(project)
    assert book.projects.instructions(project.id) == ()


@pytest.mark.parametrize("seed", [3, 4])
def test_built_at_once_they_are_as_built_event_by_event(book: Book, seed: int) -> None:
    """Marks, tags and moves depend on the events alone, however they were gathered."""
    history = Historian(seed)
    for _ in range(40):
        history.live(10)
        book.log.events[:] = history.log.events
        book.pump.catch_up()
    live = _rows(book)
    book.pump.rebuild()
    assert _rows(book) == live
    for conversation in history.conversations:
        seen = _summary(book, conversation)
        assert (seen.project_id, seen.pinned, len(seen.tags)) == (
            conversation.project_id,
            conversation.pinned,
            len(conversation.tags),
        )
        with book.reading.open("search", 2) as connection:
            rows = connection.execute(
                "select distinct c.marks <@ tsvector_to_array(m.words), "
                "(select count(*) from unnest(tsvector_to_array(m.words)) w where w ~ E'^\\x01[pt]') "
                "= cardinality(c.marks) "
                "from messages m join conversations c on c.id = m.conversation_id where c.id = %s",
                (conversation.id,),
            ).fetchall()
        assert rows in ([], [(True, True)])


def test_what_most_conversations_have_is_found_all_the_same(
    book: Book, monkeypatch: pytest.MonkeyPatch
) -> None:
    monkeypatch.setattr(queries, "_FEW_ENOUGH", 2)
    made = [talk(book, "tide") for _ in range(3)]
    for conversation in made:
        tag(book, conversation, "work")
    assert found(book, "tide", tags=["work"]) == {one.id for one in made}


def test_a_search_by_date_reaches_what_lies_far_back(book: Book) -> None:
    old = talk(book, "tide")
    began = _summary(book, old)
    _ = book.search
    with book.reading.open("search", 2) as connection:
        connection.execute("insert into segments select n, now(), now() from generate_series(1, 500) n")
        connection.execute("update daybook.read_model_builds set position = 501 << 13 where name = 'search'")
    search = SearchQueries(book.reading_as_it_is(), book.vault)
    page = search.search("tide", Within(until=began.updated_at + timedelta(seconds=1)))
    assert {hit.conversation_id for hit in page.hits} == {old.id}
    assert {hit.conversation_id for hit in search.search("tide", Within(kind="prompt")).hits} == {old.id}


def _rows(book: Book) -> dict[str, list[Any]]:
    tables = {
        ("conversations", VERSION): ("conversations", "models", "tags"),
        ("search", 2): ("messages", "conversations", "tags", "models", "segments", "places", "model_places"),
        ("projects", projects.VERSION): ("projects", "instructions"),
        ("usage", 2): ("answers", "conversations"),
    }
    found: dict[str, list[Any]] = {}
    for (model, version), names in tables.items():
        with book.reading.open(model, version) as connection:
            for name in names:
                rows = connection.execute(f"select t::text from {name} t".encode()).fetchall()
                found[f"{model}.{name}"] = sorted(row[0] for row in rows)
    return found


def _summary(book: Book, conversation: Conversation) -> Any:
    found = book.conversations.get(conversation.id)
    assert found is not None
    return found


def _provenance(model: str) -> dict[str, Any]:
    return {
        "owner_id": uuid4(),
        "model": model,
        "context_length": 8192,
        "sent_message_ids": (),
        "cut_count": 0,
        "instructions_project_id": None,
        "instructions_version": None,
        "think": None,
        "request_hash": bytes(32),
        "options": {},
    }


_OUTCOME: dict[str, Any] = {
    "reason": "stop",
    "model_digest": None,
    "prompt_tokens": None,
    "completion_tokens": None,
    "total_ms": None,
    "load_ms": None,
    "prompt_eval_ms": None,
    "eval_ms": None,
    "first_token_ms": None,
}
