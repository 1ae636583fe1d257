"""What the lists and the transcript answer."""

from __future__ import annotations

from random import Random
from uuid import UUID, uuid4

import pytest

from domain.errors import ContentDamagedError, InvalidInputError
from domain.ids import new_id, short
from domain.project.project import Project
from infrastructure.read_model_memory import ReadModelMemory
from projections.conversations import VERSION, queries
from projections.conversations.wanted import ORDERS
from projections.errors import PositionBeyondLogError
from projections.reading import Reading
from projections.transcript.queries import TranscriptQueries
from tests.fakes.histories import Historian
from tests.integration.projections.conftest import Book


def test_conversations_are_listed_newest_first_page_after_page(book: Book) -> None:
    made = [book.history.conversation(title=f"number {n}") for n in range(7)]
    book.history.exchange(made[2], "hello", "hi")
    titles, cursor = [], None
    while True:
        page = book.conversations.newest(limit=3, cursor=cursor)
        titles += [conversation.title for conversation in page.conversations]
        cursor = page.next_cursor
        if cursor is None:
            break
    assert titles == [f"number {n}" for n in (2, 6, 5, 4, 3, 1, 0)]


def test_a_full_last_page_has_no_cursor(book: Book) -> None:
    for _ in range(4):
        book.history.conversation()
    page = book.conversations.newest(limit=2)
    assert page.next_cursor is not None
    assert book.conversations.newest(limit=2, cursor=page.next_cursor).next_cursor is None


@pytest.mark.parametrize("cursor", ["nonsense", "", "W10", "WyJhIl0", "ä", "W1tbW1tb"])
def test_a_cursor_that_is_not_ours_is_invalid(book: Book, cursor: str) -> None:
    with pytest.raises(InvalidInputError):
        book.conversations.newest(cursor=cursor)


def test_lists_leave_out_what_is_archived_unless_asked(book: Book) -> None:
    kept, archived = book.history.conversation(title="kept"), book.history.conversation(title="archived")
    archived.archive()
    book.history.record(archived)
    assert [c.id for c in book.conversations.newest().conversations] == [kept.id]
    assert [c.id for c in book.conversations.newest(archived="only").conversations] == [archived.id]
    assert len(book.conversations.newest(archived="include").conversations) == 2
    archived.restore()
    book.history.record(archived)
    assert [c.id for c in book.conversations.newest().conversations] == [archived.id, kept.id]


def test_lists_of_a_project_hold_its_conversations_only(book: Book) -> None:
    project_id = uuid4()
    inside = book.history.conversation(project_id=project_id)
    book.history.conversation()
    assert [c.id for c in book.conversations.newest(project_id=project_id).conversations] == [inside.id]


def test_without_a_title_the_first_prompt_stands_in(book: Book) -> None:
    conversation = book.history.conversation()
    book.history.exchange(conversation, "How  do\nI sharpen a chisel?" + " really" * 30, "With a stone.")
    book.history.exchange(conversation, "And a plane?", "The same.")
    found = book.conversations.get(conversation.id)
    assert found is not None
    assert found.title.startswith("How do I sharpen a chisel? really")
    assert len(found.title) <= 80
    assert found.title.endswith("…")
    assert not found.titled
    assert found.message_count == 4
    assert found.current_id == conversation.current_id
    conversation.rename("Chisels")
    book.history.record(conversation)
    renamed = book.conversations.get(conversation.id)
    assert renamed is not None
    assert (renamed.title, renamed.titled) == ("Chisels", True)


def test_erased_titles_are_empty_and_marked(book: Book) -> None:
    conversation = book.history.conversation(title="secret")
    book.vault.erased.add(conversation.id)
    found = book.conversations.get(conversation.id)
    assert found is not None
    assert (found.title, found.erased) == ("", True)


def test_the_last_conversation_is_each_actors_own(book: Book) -> None:
    hers, his = book.history.conversation(actor="ada"), book.history.conversation(actor="bob")
    book.history.exchange(hers, "hello", "hi", actor="ada")
    book.history.exchange(his, "hello", "hi", actor="bob")
    hers.rename("renamed by somebody else")
    book.history.record(hers, actor="bob")
    latest = {actor: book.conversations.latest_of_actor(actor) for actor in ("ada", "bob", "eve")}
    assert {actor: found and found.id for actor, found in latest.items()} == {
        "ada": hers.id,
        "bob": his.id,
        "eve": None,
    }


def test_things_are_found_by_the_beginning_and_the_end_of_their_ids(book: Book) -> None:
    random = Random(1)
    conversations = [book.history.conversation() for _ in range(50)]
    _, answer_id = book.history.exchange(conversations[0], "hello", "hi")
    for conversation in random.sample(conversations, 10):
        for fragment in (conversation.id.hex[:10], conversation.id.hex[-8:], conversation.id.hex):
            assert [c.id for c in book.conversations.find(fragment)] == [conversation.id]
    assert [m.id for m in book.transcript.find(short(answer_id))] == [answer_id]
    assert book.conversations.find("0" * 32) == ()


def test_an_ambiguous_fragment_finds_all_it_may_mean(book: Book) -> None:
    from domain.conversation.conversation import Conversation

    ids = [UUID(hex="01990000" + f"{n:016x}" + "deadbeef") for n in range(8)]
    for identifier in ids:
        book.history.record(Conversation.start(identifier, project_id=None, title=None))
    assert {c.id for c in book.conversations.find("deadbeef", limit=20)} == set(ids)
    assert len(book.conversations.find("01990000")) == 5


def test_a_branch_is_walked_from_its_end(book: Book) -> None:
    conversation = book.history.conversation()
    first = book.history.exchange(conversation, "one", "1")
    second = book.history.exchange(conversation, "two", "2")
    conversation.go_on_from(first[1])
    third = book.history.exchange(conversation, "three", "3")

    current = book.transcript.branch(conversation.id)
    assert [m.text for m in current] == ["one", "1", "three", "3"]
    assert [m.parent_id for m in current] == [None, first[0], first[1], third[0]]
    other = book.transcript.branch(conversation.id, second[1])
    assert [m.text for m in other] == ["one", "1", "two", "2"]
    assert [m.text for m in book.transcript.branch(conversation.id, limit=3)] == ["1", "three", "3"]
    assert [m.id for m in book.transcript.children(first[1])] == [second[0], third[0]]
    assert [node.id for node in book.transcript.tree(conversation.id)] == [*first, *second, *third]
    assert book.transcript.current(conversation.id) == third[1]


def test_a_message_of_another_conversation_is_no_leaf(book: Book) -> None:
    here, there = book.history.conversation(), book.history.conversation()
    _, answer_id = book.history.exchange(there, "one", "1")
    assert book.transcript.branch(here.id, answer_id) == ()
    assert book.transcript.branch(here.id) == ()
    assert book.transcript.branch(new_id()) == ()


def test_an_answer_carries_its_provenance(book: Book) -> None:
    conversation = book.history.conversation()
    prompt_id, answer_id = book.history.exchange(conversation, "one", "1", actor="bob")
    answer = book.transcript.message(answer_id)
    assert answer is not None
    assert (answer.kind, answer.status, answer.model, answer.reason) == (
        "answer",
        "complete",
        "small",
        "stop",
    )
    assert (answer.actor, answer.source, answer.erased) == ("bob", "cli", False)
    assert (answer.usage.prompt_tokens, answer.usage.completion_tokens) == (3, 5)
    assert (answer.timings.total_ms, answer.timings.load_ms) == (12.5, None)
    assert answer.provenance is not None
    assert answer.provenance.sent_message_ids == (prompt_id,)
    assert answer.provenance.model_digest == "sha256:1"
    assert answer.provenance.think is None
    prompt = book.transcript.message(prompt_id)
    assert prompt is not None
    assert prompt.provenance is None
    assert prompt.status is None


def test_streaming_answers_are_those_without_an_end(book: Book) -> None:
    conversation = book.history.conversation()
    book.history.exchange(conversation, "one", "1")
    answer_id = book.history.begin(conversation)
    book.history.record(conversation)
    (streaming,) = book.transcript.streaming_answers()
    assert (streaming.answer_id, streaming.conversation_id) == (answer_id, conversation.id)
    conversation.interrupt_answer(answer_id, text="half", thinking="", reason="owner-gone")
    book.history.record(conversation)
    assert book.transcript.streaming_answers() == ()
    last = book.transcript.last_answer_of_conversation(conversation.id)
    assert last is not None
    assert (last.id, last.status, last.text) == (answer_id, "interrupted", "half")


def test_a_completion_after_an_interruption_wins(book: Book) -> None:
    conversation = book.history.conversation()
    answer_id = book.history.exchange(conversation, "one", "1")[1]
    late = book.history.begin(conversation)
    conversation.interrupt_answer(late, text="half", thinking="", reason="owner-gone")
    book.history.record(conversation)
    assert book.transcript.message(late) is not None
    conversation.complete_answer(
        late,
        text="whole",
        thinking="",
        reason="stop",
        model_digest=None,
        prompt_tokens=None,
        completion_tokens=None,
        total_ms=None,
        load_ms=None,
        prompt_eval_ms=None,
        eval_ms=None,
        first_token_ms=None,
    )
    book.history.record(conversation)
    message = book.transcript.message(late)
    assert message is not None
    assert (message.status, message.text) == ("complete", "whole")
    assert book.transcript.texts([late, answer_id, uuid4()]) == {late: "whole", answer_id: "1"}


def test_the_last_answer_is_each_actors_own(book: Book) -> None:
    conversation = book.history.conversation()
    hers = book.history.exchange(conversation, "one", "1", actor="ada")[1]
    his = book.history.exchange(conversation, "two", "2", actor="bob")[1]
    found = [book.transcript.last_answer_of_actor(actor) for actor in ("ada", "bob", "eve")]
    assert [message and message.id for message in found] == [hers, his, None]


def test_erased_messages_stay_as_empty_places(book: Book) -> None:
    conversation = book.history.conversation()
    book.history.exchange(conversation, "one", "1")
    book.vault.erased.add(conversation.id)
    messages = book.transcript.branch(conversation.id)
    assert [(m.kind, m.text, m.erased) for m in messages] == [("prompt", "", True), ("answer", "", True)]
    assert book.transcript.texts([m.id for m in messages]) == {}


def test_altered_content_leaves_an_empty_place_and_hides_nothing_else(book: Book) -> None:
    altered, healthy = book.history.conversation(title="altered"), book.history.conversation(title="healthy")
    book.history.exchange(altered, "one", "1")
    book.vault.damaged.add(altered.id)
    page = book.conversations.newest()
    assert [(c.title, c.damaged) for c in page.conversations] == [("", True), ("healthy", False)]
    messages = book.transcript.branch(altered.id)
    assert [(m.text, m.damage is not None) for m in messages] == [("", True), ("", True)]
    assert book.conversations.get(healthy.id) is not None


def test_altered_content_is_an_error_where_it_would_be_sent_to_a_model(book: Book) -> None:
    project = Project.create(uuid4(), name="Garden")
    project.change_instructions("Be brief.")
    book.history.record(project)
    conversation = book.history.conversation()
    book.history.exchange(conversation, "one", "1")
    prompt = book.transcript.branch(conversation.id)[0]
    book.vault.damaged |= {conversation.id, project.id}
    memory = ReadModelMemory(book.transcript, book.projects, book.conversations, book.routines)
    with pytest.raises(ContentDamagedError):
        memory.texts([prompt.id])
    with pytest.raises(ContentDamagedError):
        memory.prompt_instructions(prompt.id)
    with pytest.raises(ContentDamagedError):
        memory.instructions(project.id)


def test_projects_are_listed_and_found_by_name(book: Book) -> None:
    garden, house = Project.create(uuid4(), name="Garden"), Project.create(uuid4(), name="House")
    garden.change_instructions("Be brief.")
    garden.describe("Plants.")
    garden.set_default_model("small")
    house.archive()
    for project in (garden, house):
        book.history.record(project)
    (found,) = book.projects.all()
    assert (found.id, found.name, found.description) == (garden.id, "Garden", "Plants.")
    assert (found.instructions, found.instructions_version, found.default_model) == ("Be brief.", 2, "small")
    assert [p.id for p in book.projects.all(include_archived=True)] == [garden.id, house.id]
    assert [p.id for p in book.projects.named(" Garden ")] == [garden.id]
    assert book.projects.named("garden") == ()
    assert [p.id for p in book.projects.find(short(house.id))] == [house.id]
    house.restore()
    house.rename("Home")
    book.history.record(house)
    renamed = book.projects.get(house.id)
    assert renamed is not None
    assert (renamed.name, renamed.archived) == ("Home", False)


def test_a_query_sees_what_its_own_command_wrote(book: Book) -> None:
    conversation = book.history.conversation()
    queries = book.transcript
    for n in range(5):
        prompt_id, _ = book.history.exchange(conversation, f"question {n}", "answer")
        size = book.log.size()
        assert queries.message(prompt_id, at_least=size) is not None


def test_a_query_for_more_than_the_log_holds_fails_at_once(book: Book) -> None:
    book.history.conversation()
    with pytest.raises(PositionBeyondLogError):
        book.conversations.newest(at_least=book.log.size() + 1)


def test_the_first_query_of_all_makes_the_read_model(book: Book) -> None:
    conversation = book.history.conversation()
    answer_id = book.history.exchange(conversation, "one", "1")[1]
    queries = TranscriptQueries(Reading(book.database, lambda: book.pump), book.vault)
    assert queries.message(answer_id) is not None


def test_conversations_by_the_thousand_are_listed_through_an_index(book: Book) -> None:
    history = Historian(1)
    for _ in range(3_000):
        history.conversation()
    book.log.events[:] = history.log.events
    _ = book.conversations
    place = {"first": False, "second": history.log.events[2_000].time, "third": 2_000}
    after = {"after": history.conversations[2_000].id, "project_id": None, "limit": 200}
    activity, created = ORDERS["activity"], ORDERS["created"]
    with book.reading.open("conversations", VERSION) as connection:
        connection.execute("analyze conversations")
        plans = [
            connection.execute(
                "explain select c.id from conversations c where not c.archived"
                + activity.behind
                + activity.by
                + " limit 50",
                place,
            ).fetchall(),
            connection.execute(
                "explain select c.id from conversations c where true"
                + created.behind
                + created.by
                + " limit 50",
                {"first": place["second"], "second": 2_000},
            ).fetchall(),
            connection.execute("explain " + queries.WALK, after).fetchall(),
            connection.execute(
                "explain select id from conversations where reverse(replace(id::text, '-', '')) "
                "collate \"C\" >= 'abcdef' and reverse(replace(id::text, '-', '')) collate \"C\" < 'abcdefg'"
            ).fetchall(),
        ]
    for plan in plans:
        text = "\n".join(row[0] for row in plan)
        assert "Index" in text
        assert "Seq Scan" not in text


def test_a_summary_names_the_version_of_its_stream(book: Book) -> None:
    conversation = book.history.conversation(title="t")
    book.history.exchange(conversation, "hello", "hi")
    conversation.hold("why")
    book.history.record(conversation)
    project = Project.create(new_id(), name="Sailing")
    project.describe("Boats")
    project.change_instructions("Be brief.")
    project.hold("why")
    book.history.record(project)

    listed = book.conversations.get(conversation.id)
    assert listed is not None
    assert listed.version == conversation.version == 5
    assert listed.last_index == book.history.log.size() - 5
    found = book.projects.get(project.id)
    assert found is not None
    assert found.version == project.version == 4
