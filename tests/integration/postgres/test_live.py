"""Processes that die, hang or lose their connection while they answer, on a real database."""

from __future__ import annotations

import os
import signal
import subprocess
import sys
import time
from collections.abc import Callable, Iterator, Mapping, Sequence
from uuid import UUID

import psycopg
import pytest

from application.errors import DatabaseError
from application.orphans import close_orphans
from application.ports.live import LiveText, Piece
from application.ports.log import Origin
from application.ports.memory import Instructions, StreamingAnswer
from domain.conversation import events as e
from domain.conversation.conversation import Conversation, Status
from domain.errors import ContentErasedError
from domain.ids import new_id
from infrastructure.postgres.database import Database
from infrastructure.postgres.live import PostgresLiveAnswers
from tests.support.write_side import keyring_of, live_on, log_on


class OneStreaming:
    """A memory that knows one answer without an end."""

    def __init__(self, answer: StreamingAnswer) -> None:
        self.answer = answer

    def texts(self, message_ids: Sequence[UUID]) -> Mapping[UUID, str]:
        raise NotImplementedError

    def instructions(self, project_id: UUID) -> Instructions | None:
        raise NotImplementedError

    def prompt_instructions(self, prompt_id: UUID) -> str | None:
        raise NotImplementedError

    def streaming_answers(self) -> Sequence[StreamingAnswer]:
        return [self.answer]


@pytest.fixture
def live(database: Database) -> Iterator[PostgresLiveAnswers]:
    """Live answers whose heart beats fast."""
    live = live_on(database, heartbeat=0.05)
    yield live
    live.close()


@pytest.fixture
def looker(database: Database) -> Iterator[PostgresLiveAnswers]:
    live = live_on(database)
    yield live
    live.close()


@pytest.fixture
def answering(database_url: str) -> Iterator[tuple[subprocess.Popen[str], StreamingAnswer]]:
    """A real process that answers."""
    process = subprocess.Popen(
        [sys.executable, "-m", "tests.support.answering_process", database_url],
        stdout=subprocess.PIPE,
        text=True,
    )
    assert process.stdout is not None
    conversation, answer, owner = process.stdout.readline().split()
    yield process, StreamingAnswer(UUID(answer), UUID(conversation), UUID(owner))
    process.send_signal(signal.SIGCONT)
    process.kill()
    process.communicate(timeout=30)


def soon(condition: Callable[[], object]) -> None:
    deadline = time.monotonic() + 60
    while not condition():
        assert time.monotonic() < deadline, "it did not happen"
        time.sleep(0.01)


def sessions_of(url: str, owner_id: UUID) -> list[int]:
    """Return the backends that hold the owner's lock."""
    key = int.from_bytes(owner_id.bytes[8:], "big")
    with psycopg.connect(url) as connection:
        rows = connection.execute(
            "select pid from pg_locks where locktype = 'advisory' and classid = %s and objid = %s"
            " and objsubid = 1 and database  = "
            "(select oid from pg_database where datname = current_database())",
            [key >> 32, key & 0xFFFF_FFFF],
        ).fetchall()
    return [row[0] for row in rows]


def test_a_killed_process_leaves_an_orphan_that_the_next_look_closes(
    database: Database, answering: tuple[subprocess.Popen[str], StreamingAnswer], looker: PostgresLiveAnswers
) -> None:
    process, answer = answering
    log = log_on(database)
    assert close_orphans(log, OneStreaming(answer), looker) == []

    os.kill(process.pid, signal.SIGKILL)
    process.wait(30)
    soon(lambda: looker.dead([answer.owner_id]))

    assert close_orphans(log, OneStreaming(answer), looker) == [answer]
    last = log.read(log.size() - 1, 1)[0]
    assert isinstance(last.event, e.AnswerInterrupted)
    assert keyring_of(database).open(last.event.text) == "So far"  # type: ignore[arg-type]
    assert (last.event.reason, last.actor) == ("process-died", "system")
    conversation = log.load(Conversation, answer.conversation_id)
    assert conversation.message(answer.answer_id).status is Status.INTERRUPTED
    assert looker.read(answer.answer_id, answer.conversation_id) == LiveText()
    assert close_orphans(log, OneStreaming(answer), looker) == []
    conversation.add_prompt(new_id(), "And?", parent_id=answer.answer_id)
    log.save([conversation], Origin("ada", "cli"))


def test_a_process_that_hangs_is_dead_when_its_heart_stopped_beating(
    database: Database, answering: tuple[subprocess.Popen[str], StreamingAnswer]
) -> None:
    process, answer = answering
    impatient = live_on(database, dead_after=1.5)
    assert impatient.dead([answer.owner_id]) == set()

    os.kill(process.pid, signal.SIGSTOP)
    soon(lambda: impatient.dead([answer.owner_id]))
    os.kill(process.pid, signal.SIGCONT)

    soon(lambda: not impatient.dead([answer.owner_id]))


def test_a_lost_lock_is_taken_again(
    database: Database, database_url: str, live: PostgresLiveAnswers, looker: PostgresLiveAnswers
) -> None:
    owner = live.own()
    [backend] = sessions_of(database_url, owner)

    with psycopg.connect(database_url) as connection:
        connection.execute("select pg_terminate_backend(%s)", [backend])

    soon(lambda: sessions_of(database_url, owner) not in ([], [backend]))
    assert looker.dead([owner]) == set()
    assert live.own() == owner


def test_a_lock_that_a_lost_session_still_holds_is_waited_for_without_waiting(
    database: Database, database_url: str, live: PostgresLiveAnswers, looker: PostgresLiveAnswers
) -> None:
    """A cut network: the server goes on believing in the old session for a while."""
    owner = live.own()
    key = int.from_bytes(owner.bytes[8:], "big", signed=True)
    zombie = psycopg.connect(database_url, autocommit=True)
    [backend] = sessions_of(database_url, owner)
    with psycopg.connect(database_url) as connection:
        connection.execute("select pg_terminate_backend(%s)", [backend])
    took = zombie.execute("select pg_try_advisory_lock(%s)", [key]).fetchone()

    if took == (False,):  # ours was quicker
        soon(lambda: len(sessions_of(database_url, owner)) == 1)
    soon(lambda: live._session is not None and not live._session.closed)
    assert looker.dead([owner]) == set()
    zombie.close()

    soon(lambda: live._held and sessions_of(database_url, owner))
    assert looker.dead([owner]) == set()


def test_a_missing_row_is_written_again(
    database_url: str, live: PostgresLiveAnswers, looker: PostgresLiveAnswers
) -> None:
    owner = live.own()
    with psycopg.connect(database_url) as connection:
        connection.execute("delete from daybook.owners")

    soon(lambda: not looker.dead([owner]))


def test_an_owner_that_closes_is_dead_at_once_and_leaves_no_row(
    database_url: str, live: PostgresLiveAnswers, looker: PostgresLiveAnswers
) -> None:
    owner = live.own()
    live.close()
    live.close()

    assert looker.dead([owner]) == {owner}
    with psycopg.connect(database_url) as connection:
        assert connection.execute("select count(*) from daybook.owners").fetchone() == (0,)


def test_rows_of_the_long_dead_are_cleaned_away(database_url: str, live: PostgresLiveAnswers) -> None:
    with psycopg.connect(database_url) as connection:
        connection.execute(
            "insert into daybook.owners values (%s, 1, now() - interval '31 days'), (%s, 2, now())",
            [new_id(), new_id()],
        )
    live.own()

    with psycopg.connect(database_url) as connection:
        assert connection.execute("select count(*) from daybook.owners").fetchone() == (2,)


def test_without_a_database_nobody_owns_anything(database: Database) -> None:
    gone = live_on(Database("postgresql://daybook@127.0.0.1:1/none", connect_timeout=1))
    with pytest.raises(DatabaseError):
        gone.own()
    with pytest.raises(DatabaseError):
        gone.own()
    gone.close()


def test_pieces_of_erased_conversations_are_dropped_and_others_kept(
    database: Database, live: PostgresLiveAnswers
) -> None:
    conversation = Conversation.start(new_id(), project_id=None, title=None)
    log_on(database).save([conversation], Origin("ada", "cli"))
    answer = new_id()

    live.save(
        [
            Piece(new_id(), new_id(), 0, 0, 0, "", "of nobody"),
            Piece(answer, conversation.id, 0, 0, 0, "", "kept"),
        ]
    )

    assert live.read(answer, conversation.id).text == "kept"


def test_saved_text_is_sealed_and_ends_before_what_was_altered(
    database: Database, database_url: str, live: PostgresLiveAnswers
) -> None:
    conversation = Conversation.start(new_id(), project_id=None, title=None)
    log_on(database).save([conversation], Origin("ada", "cli"))
    answer = new_id()
    live.save(
        [
            Piece(answer, conversation.id, seq, 0, 8 * seq, "", text)
            for seq, text in enumerate(["planted ", "altered ", "unread  "])
        ]
    )

    with psycopg.connect(database_url) as connection:
        for (box,) in connection.execute("select box from daybook.live_answers"):
            assert b"planted" not in box
        connection.execute(
            "update daybook.live_answers set box = set_byte(box, 30, get_byte(box, 30) # 1) where seq = 1"
        )

    assert live.read(answer, conversation.id) == LiveText("", "planted ")
    with pytest.raises(ContentErasedError):
        live.read(answer, new_id())
