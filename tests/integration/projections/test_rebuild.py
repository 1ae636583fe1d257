"""Rebuilding never shows: queries go on, and only a finished build takes over."""

from __future__ import annotations

import subprocess
import sys
import threading
import time
from collections.abc import Sequence
from pathlib import Path

import pytest

from domain.event import Recorded
from infrastructure.postgres.database import Database
from projections import rebuild
from projections.errors import NewerReadModelError, RebuildUnderWayError
from projections.pump import Pump
from projections.reading import Reading
from tests.fakes.histories import Historian
from tests.support.tally import NewTally, Tally, counted, schemas

ROOT = Path(__file__).parents[3]


def test_a_rebuild_reports_its_progress_and_leaves_one_schema(
    database: Database, monkeypatch: pytest.MonkeyPatch
) -> None:
    monkeypatch.setattr(rebuild, "BATCH", 20)
    history = Historian(1)
    history.live(60)
    size = history.log.size()
    pump = Pump(database, history.log, [Tally()])
    pump.catch_up()
    told: list[tuple[int, int]] = []

    pump.rebuild(["tally"], lambda done, total: told.append((done, total)))

    assert told == [(min(done, size), size) for done in range(20, size + 20, 20)]
    assert schemas(database) == ["daybook_tally_v1_b1"]
    assert counted(database) == list(range(size))
    pump.rebuild()
    pump.rebuild()
    assert len(schemas(database)) == 1


def test_what_is_appended_while_a_rebuild_runs_is_in_the_new_build(database: Database) -> None:
    history = Historian(1)
    history.live(60)
    live = Pump(database, history.log, [Tally()])
    live.catch_up()

    def more(_done: int, _total: int) -> None:
        if history.log.size() < 1_500:
            history.live(500)
            live.catch_up()

    live.rebuild(progress=more)

    assert counted(database) == list(range(history.log.size()))


def test_a_log_that_never_rests_does_not_keep_a_rebuild_from_ending(
    database: Database, monkeypatch: pytest.MonkeyPatch
) -> None:
    monkeypatch.setattr(rebuild, "BATCH", 20)
    history = Historian(1)
    history.live(60)
    batches = history.log.size() // 20 + 1
    pump = Pump(database, history.log, [Tally()])
    told: list[int] = []

    def more(done: int, _total: int) -> None:
        told.append(done)
        history.open()

    pump.rebuild(progress=more)

    assert len(told) == batches
    assert counted(database) == list(range(history.log.size()))


def test_readers_never_notice_a_switch(database: Database) -> None:
    history = Historian(1)
    history.live(200)
    pump = Pump(database, history.log, [Tally()])
    pump.catch_up()
    stop = threading.Event()
    failures: list[BaseException] = []
    queries = [0] * 4

    def read(number: int) -> None:
        reading = Reading(database, lambda: pump, fresh=False)
        seen = 0
        try:
            while not stop.is_set():
                with reading.open("tally", 1) as connection:
                    row = connection.execute("select count(*) from tally").fetchone()
                    assert row is not None
                    assert row[0] >= seen
                    seen = row[0]
                    queries[number] += 1
        except BaseException as error:  # noqa: BLE001 - shown by the assertion below
            failures.append(error)

    readers = [threading.Thread(target=read, args=(number,)) for number in range(4)]
    for reader in readers:
        reader.start()
    for _ in range(5):
        history.live(20)
        pump.rebuild()
    stop.set()
    for reader in readers:
        reader.join()

    assert failures == []
    assert min(queries) > 5
    assert len(schemas(database)) == 1


def test_an_old_schema_is_not_dropped_under_a_query(database: Database) -> None:
    history = Historian(1)
    history.live(20)
    pump = Pump(database, history.log, [Tally()])
    pump.catch_up()
    with Reading(database, lambda: pump).open("tally", 1) as connection:
        rebuilding = threading.Thread(target=pump.rebuild)
        rebuilding.start()
        time.sleep(0.5)
        row = connection.execute("select count(*) from tally").fetchone()
        assert row == (history.log.size(),)
        assert rebuilding.is_alive()
    rebuilding.join()
    assert schemas(database) == ["daybook_tally_v1_b1"]


def test_a_killed_rebuild_leaves_the_live_one_untouched_and_the_next_cleans_up(
    database: Database, database_url: str
) -> None:
    history = Historian(1)
    history.live(60)
    pump = Pump(database, history.log, [Tally()])
    pump.catch_up()

    killed = subprocess.run(
        [sys.executable, "-m", "tests.support.half_a_rebuild", database_url], cwd=ROOT, check=False
    )

    assert killed.returncode == -9
    assert schemas(database) == ["daybook_tally_v1", "daybook_tally_v1_b1"]
    assert counted(database) == list(range(history.log.size()))
    history.live(10)
    pump.catch_up()
    assert counted(database) == list(range(history.log.size()))

    pump.rebuild()

    assert schemas(database) == ["daybook_tally_v1_b1"]
    assert counted(database) == list(range(history.log.size()))


def test_a_rebuild_that_fails_half_way_begins_no_more_and_leaves_the_live_one(
    database: Database, monkeypatch: pytest.MonkeyPatch
) -> None:
    monkeypatch.setattr(rebuild, "BATCH", 20)
    history = Historian(1)
    history.live(100)
    Pump(database, history.log, [Tally()]).catch_up()
    seen: list[int] = []

    def fail(batch: Sequence[Recorded]) -> None:
        seen.append(batch[0].log_index)
        if len(seen) == 2:
            time.sleep(0.1)  # the next ones wait behind it
            raise OSError("the disk is gone")

    with pytest.raises(OSError, match="the disk is gone"):
        Pump(database, history.log, [Tally(before=fail)]).rebuild()

    assert seen == [0, 20]
    assert counted(database) == list(range(history.log.size()))
    Pump(database, history.log, [Tally()]).rebuild()
    assert counted(database) == list(range(history.log.size()))
    assert len(schemas(database)) == 1


def test_a_second_rebuild_of_the_same_read_model_is_refused(database: Database) -> None:
    history = Historian(1)
    history.live(20)
    inside, go_on = threading.Event(), threading.Event()

    def pause(_batch: Sequence[Recorded]) -> None:
        inside.set()
        assert go_on.wait(20)

    slow = threading.Thread(target=Pump(database, history.log, [Tally(before=pause)]).rebuild)
    slow.start()
    assert inside.wait(20)
    with pytest.raises(RebuildUnderWayError):
        Pump(database, history.log, [Tally()]).rebuild()
    go_on.set()
    slow.join()
    assert counted(database) == list(range(history.log.size()))


def test_newer_code_builds_its_form_beside_the_old_one_and_switches(database: Database) -> None:
    history = Historian(1)
    history.live(20)
    old, new = Pump(database, history.log, [Tally()]), Pump(database, history.log, [NewTally()])
    old.catch_up()

    new.catch_up()

    assert schemas(database) == ["daybook_tally_v2"]
    assert counted(database) == list(range(history.log.size()))
    with pytest.raises(NewerReadModelError):
        old.catch_up()
    with pytest.raises(NewerReadModelError):
        old.rebuild()


def test_processes_of_newer_code_that_start_together_build_once(database_url: str) -> None:
    history = Historian(1)
    history.live(50)
    databases = [Database(database_url) for _ in range(3)]
    Pump(databases[0], history.log, [Tally()]).catch_up()
    applied: list[int] = []
    threads = [
        threading.Thread(
            target=Pump(
                database, history.log, [NewTally(before=lambda batch: applied.append(len(batch)))]
            ).catch_up
        )
        for database in databases
    ]
    for thread in threads:
        thread.start()
    for thread in threads:
        thread.join()
    assert sum(applied) == history.log.size()
    assert counted(databases[0]) == list(range(history.log.size()))
    for database in databases:
        database.close()
