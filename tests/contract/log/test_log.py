"""What every log promises to the write side."""

from __future__ import annotations

import threading
from collections.abc import Callable
from concurrent.futures import ThreadPoolExecutor
from uuid import UUID

import pytest

from application.deciding import settle
from application.errors import IdempotencyMismatchError
from application.ports.log import IdempotencyKey, Log, Origin, Saved
from domain.conversation.conversation import Conversation
from domain.errors import NotFoundError, WrongVersionError
from domain.event import Root
from domain.ids import new_id
from domain.project.project import Project
from infrastructure.postgres.database import Database
from tests.fakes.write_side import MemoryWriteLog
from tests.support.write_side import log_on

ADA, BOB = Origin("ada", "cli", new_id()), Origin("bob", "web")
Opener = Callable[[], Log]


@pytest.fixture(params=["memory", "postgres"])
def opener(request: pytest.FixtureRequest) -> Opener:
    """Open the same log again and again, as several processes would."""
    if request.param == "memory":
        log = MemoryWriteLog()
        return lambda: log
    database: Database = request.getfixturevalue("database")
    return lambda: log_on(database)


@pytest.fixture
def log(opener: Opener) -> Log:
    return opener()


def started(title: str | None = None) -> Conversation:
    return Conversation.start(new_id(), project_id=None, title=title)


def renamed(log: Log, conversation_id: UUID, title: str, key: IdempotencyKey | None = None) -> Saved:
    conversation = log.load(Conversation, conversation_id)
    conversation.rename(title)
    return log.save([conversation], ADA, idempotency=key, result=title.encode())


def test_what_was_saved_is_loaded_by_everybody(opener: Opener) -> None:
    conversation = started("Tides \ud83d\U0001f600")
    conversation.add_prompt(prompt := new_id(), "Hi", parent_id=None)

    saved = opener().save([conversation], ADA)

    found = opener().load(Conversation, conversation.id)
    assert (saved.log_size, saved.replayed) == (2, False)
    assert (found.id, found.version, found.current_id) == (conversation.id, 2, prompt)
    assert found.messages == conversation.messages
    assert opener().size() == 2


def test_what_is_not_there_is_not_found(log: Log) -> None:
    project = Project.create(new_id(), name="Sailing")
    log.save([project], ADA)

    with pytest.raises(NotFoundError, match="no conversation"):
        log.load(Conversation, new_id())
    with pytest.raises(NotFoundError, match="no conversation"):
        log.load(Conversation, project.id)
    assert log.load(Project, project.id).id == project.id


def test_an_empty_log_has_no_size(log: Log) -> None:
    assert log.size() == 0
    assert log.save([], ADA) == Saved(0)


def test_nothing_to_save_is_no_append(log: Log) -> None:
    conversation = started()
    log.save([conversation], ADA)
    conversation.restore()

    assert log.save([conversation], ADA).log_size == 1
    assert log.size() == 1


def test_of_two_writers_one_is_told_that_it_was_late(opener: Opener) -> None:
    conversation = started()
    opener().save([conversation], ADA)
    first, second = (opener().load(Conversation, conversation.id) for _ in range(2))
    first.rename("One")
    second.rename("Two")
    second.archive()

    opener().save([first], ADA)
    with pytest.raises(WrongVersionError):
        opener().save([second], BOB)

    assert opener().size() == 2
    assert not opener().load(Conversation, conversation.id).archived


def test_aggregates_are_saved_together_or_not_at_all(opener: Opener) -> None:
    conversation, project = started(), Project.create(new_id(), name="Sailing")
    assert opener().save([conversation, project], ADA).log_size == 2
    late = opener().load(Conversation, conversation.id)
    late.rename("Late")
    renamed(opener(), conversation.id, "Early")
    fresh: list[Root] = [started(), late]

    with pytest.raises(WrongVersionError):
        opener().save(fresh, ADA)

    with pytest.raises(NotFoundError):
        opener().load(Conversation, fresh[0].id)
    assert opener().size() == 3


def test_a_stream_is_made_once(log: Log) -> None:
    conversation = started()
    log.save([conversation], ADA)
    twin = Conversation.start(conversation.id, project_id=None, title="Twin")

    with pytest.raises(WrongVersionError):
        log.save([twin], ADA)
    log.save([started("the log still works")], ADA)
    assert log.load(Conversation, conversation.id).version == 1


def test_writers_that_decide_again_all_get_their_turn(opener: Opener) -> None:
    conversation = started()
    opener().save([conversation], ADA)

    def work(writer: int) -> None:
        mine = opener()
        for step in range(5):
            while True:
                try:
                    settle(
                        mine,
                        Conversation,
                        conversation.id,
                        lambda x, step=step: x.rename(f"{writer}.{step}"),  # type: ignore[misc]
                        ADA,
                    )
                except WrongVersionError:
                    continue
                break

    with ThreadPoolExecutor(4) as pool:
        list(pool.map(work, range(4)))

    assert opener().size() == 21
    assert opener().load(Conversation, conversation.id).version == 21


def test_the_same_key_again_gets_the_first_answer_and_appends_nothing(opener: Opener) -> None:
    conversation = started()
    opener().save([conversation], ADA)
    key = IdempotencyKey("k", b"rename to One")
    first = renamed(opener(), conversation.id, "One", key)

    again = renamed(opener(), conversation.id, "One again", key)

    assert (first.log_size, first.replayed) == (2, False)
    assert (again.log_size, again.replayed, again.result) == (2, True, b"One")
    assert opener().answered(ADA, key) == again
    assert opener().size() == 2


def test_the_same_key_for_another_command_is_refused(log: Log) -> None:
    conversation = started()
    log.save([conversation], ADA, idempotency=IdempotencyKey("k", b"one"))

    with pytest.raises(IdempotencyMismatchError):
        renamed(log, conversation.id, "One", IdempotencyKey("k", b"two"))
    with pytest.raises(IdempotencyMismatchError):
        log.answered(ADA, IdempotencyKey("k", b"two"))
    assert log.size() == 1


def test_keys_are_each_actors_own(log: Log) -> None:
    key = IdempotencyKey("k", b"one")
    log.save([started()], ADA, idempotency=key)

    assert log.answered(BOB, key) is None
    assert log.answered(ADA, IdempotencyKey("j", b"one")) is None
    assert not log.save([started()], BOB, idempotency=key).replayed
    assert log.size() == 2


def test_a_refused_append_leaves_its_key_free(opener: Opener) -> None:
    conversation = started()
    opener().save([conversation], ADA)
    late = opener().load(Conversation, conversation.id)
    late.rename("Late")
    renamed(opener(), conversation.id, "Early")
    key = IdempotencyKey("k", b"late")

    with pytest.raises(WrongVersionError):
        opener().save([late], ADA, idempotency=key)

    assert opener().answered(ADA, key) is None
    assert not renamed(opener(), conversation.id, "Late", key).replayed


def test_a_command_that_changed_nothing_keeps_its_key(log: Log) -> None:
    log.save([started()], ADA)
    key = IdempotencyKey("k", b"restore")

    assert not log.save([], ADA, idempotency=key, result=b"done").replayed
    again = log.save([], ADA, idempotency=key)

    assert (again.replayed, again.result, again.log_size) == (True, b"done", 1)
    assert log.size() == 1


def test_of_twins_at_once_one_is_carried_out_and_all_get_its_answer(opener: Opener) -> None:
    key = IdempotencyKey("k", b"start")
    barrier = threading.Barrier(6)

    def work(number: int) -> Saved:
        log, conversation = opener(), started(str(number))
        barrier.wait(10)
        return log.save([conversation], ADA, idempotency=key, result=conversation.id.bytes)

    with ThreadPoolExecutor(6) as pool:
        answers = list(pool.map(work, range(6)))

    assert sorted(answer.replayed for answer in answers) == [False] + [True] * 5
    [result] = {answer.result for answer in answers}
    assert result is not None
    assert opener().size() == 1
    assert opener().load(Conversation, UUID(bytes=result)).version == 1


def test_a_request_has_the_same_hash_before_and_after_its_conversation_is_saved(opener: Opener) -> None:
    conversation, log = started(), opener()

    before = log.request_hash(conversation.id, b"request")
    log.save([conversation], ADA)

    assert opener().request_hash(conversation.id, b"request") == before
    assert len(before) == 32
    assert log.request_hash(conversation.id, b"another") != before
    other = started()
    assert log.request_hash(other.id, b"request") != before
