"""The server's clock is set back while the log is written: no event's time runs backwards, none is refused.

The clock of a machine cannot be turned for a test. PostgreSQL's can, in one database: `append` calls
pg_catalog.clock_timestamp(), and a superuser may put a function of that name in its place that adds an offset
to the real one. `daybook.append` itself is untouched.
"""

from __future__ import annotations

import random
from datetime import timedelta
from pathlib import Path

import psycopg
import pytest

from domain.conversation.conversation import Conversation
from domain.ids import new_id
from infrastructure.postgres.database import Database
from infrastructure.postgres.live import PostgresLiveAnswers
from infrastructure.postgres.log import EventLog
from tests.support.events import request
from tests.support.faults.books import ORIGIN, auditor_of
from tests.support.write_side import keyring_of, live_on, log_on

_TURNABLE = """
set allow_system_table_mods = on;
create table public.turned (seconds double precision not null);
insert into public.turned values (0);
alter function pg_catalog.clock_timestamp() rename to true_clock_timestamp;
create function pg_catalog.clock_timestamp() returns timestamptz language plpgsql volatile security definer
as $$ begin return true_clock_timestamp() + make_interval(secs => (select seconds from public.turned)); end $$
"""


class Clock:
    """The turnable clock of one database."""

    def __init__(self, url: str) -> None:
        self._url = url
        with psycopg.connect(url, autocommit=True) as connection:
            try:
                connection.execute(_TURNABLE)
            except psycopg.errors.InsufficientPrivilege:
                pytest.skip("only a superuser can put another clock into a database")

    def turn(self, seconds: float) -> None:
        with psycopg.connect(self._url, autocommit=True) as connection:
            connection.execute("update public.turned set seconds = seconds + %s", (seconds,))


@pytest.fixture
def clock(database_url: str) -> Clock:
    return Clock(database_url)


def test_a_clock_that_is_set_back_leaves_times_and_indexes_in_order(
    clock: Clock, database: Database, tmp_path: Path
) -> None:
    log, chance = EventLog(database), random.Random(3)
    keyring_of(database).unlock()
    auditor = auditor_of(database, tmp_path)
    for _ in range(30):
        log.append(request(count=chance.randint(1, 4)))
        clock.turn(chance.choice((-86_400, -3_600, -1, -0.001, 0.5, 7_200)))
        if chance.random() < 0.2:
            auditor.checkpoint()

    rows = log.read(0, 1_000)
    times = [row.time for row in rows]
    assert [row.log_index for row in rows] == list(range(len(rows)))
    assert times == sorted(times)
    assert max(times) - min(times) > timedelta(hours=1)  # the clock did turn
    assert auditor.verify().ok


def test_after_a_step_back_the_time_stands_still_until_the_clock_has_caught_up(
    clock: Clock, database: Database
) -> None:
    log = EventLog(database)
    clock.turn(3_600)
    log.append(request())
    clock.turn(-3_600)
    log.append(request())
    log.append(request(count=2))
    clock.turn(7_200)
    log.append(request())

    first, *still, last = [row.time for row in log.read(0, 10)]

    assert still == [first] * 3
    assert timedelta(minutes=59) < last - first < timedelta(minutes=61)


def test_a_clock_that_is_set_back_makes_no_living_process_look_dead(clock: Clock, database: Database) -> None:
    keyring = keyring_of(database)
    owner: PostgresLiveAnswers = live_on(database, keyring)
    other = live_on(database, keyring)
    log = log_on(database, keyring)
    conversation = Conversation.start(new_id(), project_id=None, title="t")
    log.save([conversation], ORIGIN)
    mine = owner.own()

    clock.turn(-86_400)

    assert other.dead([mine]) == set()
    owner.close()
    other.close()
