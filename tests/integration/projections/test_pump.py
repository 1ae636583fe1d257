"""The pump applies every event once, in order, whoever pumps and whatever goes wrong."""

from __future__ import annotations

import threading
import time
from collections.abc import Sequence
from random import Random

import psycopg
import pytest
from hypothesis import HealthCheck, given, settings
from hypothesis import strategies as st

from domain.event import Recorded, UnknownEventTypeError
from infrastructure.postgres.database import Database
from projections import builds
from projections.catalogue import read_models
from projections.errors import PositionBeyondLogError, ReadModelStalledError, UnknownReadModelError
from projections.pump import Pump
from projections.read_model import ReadModel
from tests.fakes.histories import Historian
from tests.support.tally import Tally, counted


def tables(database: Database) -> dict[str, list[str]]:
    """Return every row of every live read model."""
    found = {}
    with database.transaction() as connection:
        for name, schema in connection.execute(
            "select name, schema_name from daybook.read_models"
        ).fetchall():
            names = connection.execute(
                "select tablename from pg_tables where schemaname = %s order by 1", (schema,)
            ).fetchall()
            for (table,) in names:
                rows = connection.execute(f"select t::text from {schema}.{table} t order by 1".encode())
                found[f"{name}.{table}"] = [row[0] for row in rows]
    return found


def forget_all(database: Database) -> None:
    with database.transaction() as connection:
        names = [
            row[0] for row in connection.execute("delete from daybook.read_models returning schema_name")
        ]
        for schema in names:
            builds.drop(connection, schema)


class Interrupted(ReadModel):
    """A read model whose work is lost from time to time after it was done, before it was committed."""

    def __init__(self, model: ReadModel, random: Random) -> None:
        self.name, self.version, self.folder = model.name, model.version, model.folder  # type: ignore[misc]
        self._model = model
        self._random = random

    def apply(self, connection: psycopg.Connection, batch: Sequence[Recorded]) -> None:
        self._model.apply(connection, batch)
        if self._random.random() < 0.3:
            raise ConnectionResetError("the process died here")


@pytest.mark.slow
@settings(
    max_examples=12,
    deadline=None,
    suppress_health_check=[HealthCheck.function_scoped_fixture],
    derandomize=True,
)
@given(seed=st.integers(0, 2**32), steps=st.integers(1, 120))
def test_pumping_in_pieces_with_interruptions_gives_what_a_fresh_fold_gives(
    database: Database, seed: int, steps: int
) -> None:
    history = Historian(seed)
    history.live(steps)
    random = Random(seed)
    forget_all(database)
    pump = Pump(database, history.log, [Interrupted(model, random) for model in read_models(history.vault)])
    while True:
        pump.batch_size = random.choice([1, 2, 7, 50])
        try:
            pump.catch_up()
            break
        except ConnectionResetError:
            continue
    pumped = tables(database)

    Pump(database, history.log, read_models(history.vault)).rebuild()

    assert tables(database) == pumped
    assert all(model.quarantined == 0 for model in pump.status().read_models)


def test_four_pumps_at_once_apply_each_event_once(database_url: str) -> None:
    history = Historian(1)
    history.live(900)
    databases = [Database(database_url) for _ in range(4)]
    failures: list[Exception] = []

    def pump(database: Database) -> None:
        pump = Pump(database, history.log, [Tally()])
        pump.batch_size = 10
        try:
            pump.catch_up()
        except Exception as error:  # noqa: BLE001 - shown by the assertion below
            failures.append(error)

    threads = [threading.Thread(target=pump, args=(database,)) for database in databases]
    for thread in threads:
        thread.start()
    for thread in threads:
        thread.join()

    assert failures == []
    assert counted(databases[0]) == list(range(history.log.size()))
    assert Pump(databases[0], history.log, [Tally()]).status().read_models[0].quarantined == 0
    for database in databases:
        database.close()


def test_an_event_that_fails_even_alone_is_quarantined_and_the_others_are_applied(database: Database) -> None:
    history = Historian(2)
    history.live(60)
    poisoned = {3, 17}

    def fail(batch: Sequence[Recorded]) -> None:
        if any(event.log_index in poisoned for event in batch):
            raise ValueError("SECRET words of the event")

    pump = Pump(database, history.log, [Tally(after=fail)])
    pump.catch_up()

    assert counted(database) == [i for i in range(history.log.size()) if i not in poisoned]
    assert pump.status().read_models[0].quarantined == 2
    assert pump.status().read_models[0].lag == 0
    with database.connection() as connection:
        rows = connection.execute("select log_index, reason from daybook.quarantine order by 1").fetchall()
    assert rows == [(3, "ValueError"), (17, "ValueError")]


def test_what_postgresql_refuses_of_one_event_is_quarantined_with_its_code(database: Database) -> None:
    history = Historian(2)
    history.live(30)

    class Doubling(Tally):
        def apply(self, connection: psycopg.Connection, batch: Sequence[Recorded]) -> None:
            super().apply(connection, batch)
            if any(event.log_index == 5 for event in batch):
                super().apply(connection, batch)

    Pump(database, history.log, [Doubling()]).catch_up()

    assert counted(database) == [i for i in range(history.log.size()) if i != 5]
    with database.connection() as connection:
        rows = connection.execute("select reason from daybook.quarantine").fetchall()
    assert rows == [("UniqueViolation (23505)",)]


def test_an_event_that_cannot_be_decoded_is_quarantined(database: Database) -> None:
    history = Historian(3)
    history.live(40)
    history.log.broken_at = 9
    Pump(database, history.log, [Tally()]).catch_up()

    assert counted(database) == [i for i in range(history.log.size()) if i != 9]


def test_an_event_of_a_newer_daybook_stops_the_pump_behind_the_last_known_one(database: Database) -> None:
    history = Historian(4)
    history.live(40)
    history.log.unknown_at = 11
    pump = Pump(database, history.log, [Tally()])

    with pytest.raises(UnknownEventTypeError):
        pump.catch_up()

    assert counted(database) == list(range(11))
    history.log.unknown_at = None
    pump.catch_up()
    assert counted(database) == list(range(history.log.size()))


def test_a_failure_that_is_not_the_events_fault_quarantines_nothing(database: Database) -> None:
    history = Historian(5)
    history.live(10)

    def fail(_batch: Sequence[Recorded]) -> None:
        raise OSError("the network is gone")

    with pytest.raises(OSError, match="network"):
        Pump(database, history.log, [Tally(before=fail)]).catch_up()

    pump = Pump(database, history.log, [Tally()])
    assert pump.status().read_models[0].quarantined == 0
    pump.catch_up()
    assert counted(database) == list(range(history.log.size()))


def test_a_value_beyond_the_log_fails_at_once(database: Database) -> None:
    history = Historian(6)
    history.live(10)
    with pytest.raises(PositionBeyondLogError):
        Pump(database, history.log, [Tally()]).catch_up(at_least=history.log.size() + 1)


def test_a_read_model_that_is_not_there_is_named_in_the_error(database: Database) -> None:
    with pytest.raises(UnknownReadModelError, match="'nothing'"):
        Pump(database, Historian().log, [Tally()]).catch_up(["nothing"])


def test_waiting_for_a_process_that_hangs_ends_with_an_error(database: Database) -> None:
    history = Historian(7)
    history.live(10)
    pump = Pump(database, history.log, [Tally()])
    pump.catch_up()
    history.live(10)
    pump.stalled_after = 0.2
    with database.transaction() as other:
        other.execute("select * from daybook.read_model_builds for update")
        with pytest.raises(ReadModelStalledError):
            pump.catch_up()
    pump.catch_up()
    assert counted(database) == list(range(history.log.size()))


def test_eight_processes_that_begin_at_once_make_one_build(database_url: str) -> None:
    history = Historian(8)
    history.live(20)
    databases = [Database(database_url) for _ in range(8)]
    barrier = threading.Barrier(8)
    failures: list[Exception] = []

    def begin(database: Database) -> None:
        barrier.wait()
        try:
            Pump(database, history.log, read_models(history.vault)).catch_up()
        except Exception as error:  # noqa: BLE001 - shown by the assertion below
            failures.append(error)

    threads = [threading.Thread(target=begin, args=(database,)) for database in databases]
    for thread in threads:
        thread.start()
    for thread in threads:
        thread.join()

    assert failures == []
    with databases[0].connection() as connection:
        rows = connection.execute("select count(*), min(position) from daybook.read_model_builds").fetchall()
    assert rows == [(len(read_models(history.vault)), history.log.size())]
    for database in databases:
        database.close()


def test_a_long_log_without_read_models_is_built_in_bulk(database: Database) -> None:
    history = Historian(9)
    history.live(50)
    pump = Pump(database, history.log, [Tally()])
    pump.bulk_from = 10
    pump.catch_up()
    assert counted(database) == list(range(history.log.size()))


def test_a_running_pump_is_woken_and_outlives_lost_connections(database: Database, database_url: str) -> None:
    history = Historian(10)
    history.live(10)
    pump = Pump(database, history.log, [Tally()])
    stop = threading.Event()
    thread = threading.Thread(target=pump.run, args=(stop,))
    thread.start()
    try:
        wait_for(lambda: pump.status().read_models[0].position == history.log.size())
        for _ in range(3):
            with psycopg.connect(database_url, autocommit=True) as other:
                other.execute(
                    "select pg_terminate_backend(pid) from pg_stat_activity "
                    "where datname = current_database() and pid <> pg_backend_pid()"
                )
                history.live(10)
                other.execute("select pg_notify('daybook_log', 'more')")
            wait_for(lambda: pump.status().read_models[0].position == history.log.size())
    finally:
        stop.set()
        thread.join()
    assert counted(database) == list(range(history.log.size()))


def test_a_pump_that_is_told_to_stop_leaves_what_it_is_behind_with(database: Database) -> None:
    history = Historian(11)
    history.live(60)
    stop = threading.Event()
    pump = Pump(database, history.log, [Tally(after=lambda _batch: stop.set())])
    pump.batch_size = 5

    pump.run(stop)

    assert counted(database) == list(range(5))
    pump.catch_up()
    assert counted(database) == list(range(history.log.size()))


def wait_for(condition: object, seconds: float = 15) -> None:
    from application.errors import DatabaseError

    deadline = time.monotonic() + seconds
    while True:
        try:
            if condition():  # type: ignore[operator]
                return
        except DatabaseError:
            pass
        assert time.monotonic() < deadline
        time.sleep(0.01)
