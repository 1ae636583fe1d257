"""The line on a real database: processes that are killed, rows that are lost, signals that do not come."""

from __future__ import annotations

import queue
import signal
import subprocess
import sys
import time
from collections.abc import Callable, Iterator
from uuid import UUID

import psycopg
import pytest

from application.errors import LineFullError
from application.ports.live import Signal
from application.ports.turns import LineLength
from domain.ids import new_id
from infrastructure.postgres.database import Database
from infrastructure.postgres.live import PostgresLiveAnswers
from infrastructure.postgres.signals import CHANNEL, payloads
from infrastructure.postgres.turns import PostgresTurns
from tests.support.write_side import live_on

SERVER = "http://model"


@pytest.fixture
def live(database: Database) -> Iterator[PostgresLiveAnswers]:
    live = live_on(database, heartbeat=0.1)
    yield live
    live.close()


@pytest.fixture
def turns(database: Database, live: PostgresLiveAnswers) -> PostgresTurns:
    return PostgresTurns(database, live, SERVER, most=1, longest=2)


@pytest.fixture
def holder(database_url: str) -> Iterator[tuple[subprocess.Popen[str], UUID]]:
    """A real process that has its turn."""
    process = subprocess.Popen(
        [sys.executable, "-m", "tests.support.answering_process", database_url],
        stdout=subprocess.PIPE,
        text=True,
    )
    assert process.stdout is not None
    yield process, UUID(process.stdout.readline().split()[1])
    process.send_signal(signal.SIGCONT)
    process.kill()
    process.communicate(timeout=30)


def soon(condition: Callable[[], object]) -> None:
    deadline = time.monotonic() + 60
    while not condition():
        assert time.monotonic() < deadline, "it did not happen"
        time.sleep(0.01)


def test_a_killed_process_frees_its_place(
    holder: tuple[subprocess.Popen[str], UUID], turns: PostgresTurns
) -> None:
    process, theirs = holder
    mine = new_id()
    turns.enter(mine, background=False)
    assert turns.standing(mine) == 1
    assert turns.standing_anywhere(theirs) == 0

    process.kill()

    soon(lambda: turns.length() == LineLength(running=1, waiting=0))
    soon(lambda: turns.look() == {mine: 0})
    assert turns.standing_anywhere(theirs) is None


def test_a_process_that_only_hangs_keeps_its_place_until_its_heart_stopped(
    holder: tuple[subprocess.Popen[str], UUID], database: Database, live: PostgresLiveAnswers
) -> None:
    impatient = PostgresTurns(database, live, SERVER, most=1, longest=2, dead_after_seconds=2)
    mine = new_id()
    impatient.enter(mine, background=False)
    assert impatient.look() == {mine: 1}

    holder[0].send_signal(signal.SIGSTOP)

    soon(lambda: impatient.look() == {mine: 0})


def test_the_dead_do_not_fill_the_line(
    database_url: str, turns: PostgresTurns, live: PostgresLiveAnswers
) -> None:
    with psycopg.connect(database_url) as connection:
        for number in range(5):
            connection.execute(
                "insert into daybook.turns values (%s, %s, %s, false, %s)",
                [new_id(), new_id(), SERVER, number],
            )
    mine = new_id()
    turns.enter(mine, background=False)
    assert turns.standing(mine) == 0
    for _ in range(2):
        turns.enter(new_id(), background=False)
    with pytest.raises(LineFullError, match="Nothing was recorded"):
        turns.enter(new_id(), background=False)


def test_what_a_crash_of_the_database_took_is_claimed_again_in_its_old_order(
    database_url: str, turns: PostgresTurns
) -> None:
    answers = [new_id() for _ in range(3)]
    for answer in answers:
        turns.enter(answer, background=False)
    with psycopg.connect(database_url) as connection:
        connection.execute("truncate daybook.turns")
        connection.execute(
            "insert into daybook.turns values (%s, %s, 'else', false, 0)", [new_id(), new_id()]
        )

    assert turns.look() == dict(zip(answers, range(3), strict=True))


def test_a_turn_that_could_not_be_given_up_goes_with_the_next_look(
    database_url: str, turns: PostgresTurns
) -> None:
    one, two = new_id(), new_id()
    turns.enter(one, background=False)
    turns.enter(two, background=False)
    turns._places.pop(one)

    assert turns.look() == {two: 0}


def test_another_model_server_has_another_line(database: Database, live: PostgresLiveAnswers) -> None:
    here = PostgresTurns(database, live, "http://here", most=1, longest=1)
    there = PostgresTurns(database, live, "http://there", most=1, longest=1)
    one, two = new_id(), new_id()
    here.enter(one, background=False)
    there.enter(two, background=False)

    assert (here.look(), there.look()) == ({one: 0}, {two: 0})


def test_whoever_listens_is_told_that_signals_were_missed_when_the_session_was_lost(
    database: Database, database_url: str
) -> None:
    live, looker = live_on(database, heartbeat=3600), live_on(database)
    heard: queue.Queue[Signal] = queue.Queue()
    owner = live.own()
    live.listen(heard.put)
    live.listen(lambda _: 1 / 0)
    assert heard.get(timeout=20) == Signal("missed")

    with psycopg.connect(database_url, autocommit=True) as connection:
        connection.execute(
            "select pg_terminate_backend(pid) from pg_stat_activity"
            " where datname = current_database() and pid <> pg_backend_pid()"
        )
        assert heard.get(timeout=20) == Signal("missed")
        # Its lock was free for a moment, and is taken again without waiting for the next heartbeat.
        soon(lambda: looker.dead([owner]) == set())
        connection.execute("select pg_notify(%s, 'of a newer Daybook')", [CHANNEL])
        connection.execute("select pg_notify(%s, 'stop no-id')", [CHANNEL])
        connection.execute("select pg_notify(%s, 'turns')", [CHANNEL])

    assert heard.get(timeout=20) == Signal("turns")
    live.close()


def test_signals_wait_for_a_database_that_is_away() -> None:
    live = live_on(Database("postgresql://daybook@127.0.0.1:1/none", connect_timeout=1))
    live.listen(lambda _: None)
    time.sleep(0.05)
    live.close()
    live.close()


def test_a_signal_for_many_answers_fits_into_notifications() -> None:
    ids = [new_id() for _ in range(450)]

    said = payloads("saved", ids)

    assert len(said) == 3
    assert max(map(len, said)) < 8000
    assert [UUID(one) for text in said for one in text.split()[1:]] == ids
