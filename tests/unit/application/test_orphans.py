from __future__ import annotations

from uuid import UUID

import pytest

from application import commands as c
from application.conversations import Asked
from application.errors import DatabaseUnreachableError
from application.handlers import Commands
from application.orphans import close_orphans
from application.ports.live import Piece
from application.services import Services
from domain.conversation import events as e
from domain.conversation.conversation import Conversation, Status
from domain.errors import ContentErasedError, DaybookError
from domain.event import DamagedEventError
from tests.fakes.write_side import LogMemory, MemoryLiveAnswers, MemoryWriteLog, memory_services


class Ruin:
    """An answer whose process is gone, and another process that looks."""

    def __init__(self) -> None:
        self.services: Services = memory_services()
        assert isinstance(self.services.log, MemoryWriteLog)
        assert isinstance(self.services.live, MemoryLiveAnswers)
        self.log = self.services.log
        self.theirs = self.services.live
        self.mine = MemoryLiveAnswers(owners=self.theirs.owners)
        self.mine.pieces = self.theirs.pieces
        self.asked: Asked = Commands(self.services).ask(c.AskQuestion(text="Hi", actor="ada", source="cli"))
        self.theirs.save(
            [
                Piece(self.asked.answer_id, self.asked.conversation_id, 0, 0, 0, "Hm.", "So "),
                Piece(self.asked.answer_id, self.asked.conversation_id, 1, 3, 3, "", "far"),
            ]
        )

    def look(self) -> list[UUID]:
        closed = close_orphans(self.log, LogMemory(self.log), self.mine)
        return [answer.answer_id for answer in closed]

    @property
    def status(self) -> Status | None:
        return self.log.load(Conversation, self.asked.conversation_id).message(self.asked.answer_id).status


@pytest.fixture
def ruin() -> Ruin:
    return Ruin()


def test_an_answer_whose_process_lives_is_left_alone(ruin: Ruin) -> None:
    assert ruin.look() == []
    assert ruin.status is Status.STREAMING


def test_an_orphan_is_closed_with_the_text_that_was_saved(ruin: Ruin) -> None:
    ruin.theirs.close()

    assert ruin.look() == [ruin.asked.answer_id]

    event, origin = ruin.log.appended[-1]
    assert isinstance(event, e.AnswerInterrupted)
    assert (event.text, event.thinking, event.reason) == ("So far", "Hm.", "process-died")
    assert {getattr(event, name) for name in e.UNTOLD} == {None}
    assert (origin.actor, origin.source) == ("system", "system")
    assert ruin.mine.pieces == {}
    assert ruin.look() == []


def test_an_orphan_of_an_archived_conversation_is_closed(ruin: Ruin) -> None:
    ruin.theirs.close()
    conversation = ruin.log.load(Conversation, ruin.asked.conversation_id)
    conversation.archive()
    ruin.log.save([conversation], ruin.asked.origin)

    assert ruin.look() == [ruin.asked.answer_id]


def test_of_many_that_look_one_closes(ruin: Ruin) -> None:
    ruin.theirs.close()
    others: list[list[UUID]] = []
    ruin.log.before_save = lambda: others.append(ruin.look())

    assert ruin.look() == []
    assert others == [[ruin.asked.answer_id]]
    assert ruin.log.size() == 4


@pytest.mark.parametrize("why", [ContentErasedError("gone"), DamagedEventError("altered")])
def test_what_was_erased_or_altered_is_passed_over(ruin: Ruin, why: DaybookError) -> None:
    ruin.theirs.close()
    ruin.mine.unreadable = why

    assert ruin.look() == []


def test_a_database_that_is_away_is_no_reason_to_lose_the_text(ruin: Ruin) -> None:
    ruin.theirs.close()
    ruin.log.failures.append(DatabaseUnreachableError("away"))

    with pytest.raises(DatabaseUnreachableError):
        ruin.look()
    assert ruin.look() == [ruin.asked.answer_id]
