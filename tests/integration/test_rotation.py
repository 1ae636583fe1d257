"""Rotations of the keys: killed, beside erasures, and beside each other they end, and no key is lost."""

from __future__ import annotations

import contextlib
import threading
from collections.abc import Iterator

import pytest

from application.commands import Done, EraseProject
from application.erasing import erase_project
from application.errors import KeyringError
from application.ports.keys import Rotated
from domain.ids import new_id
from domain.project.project import Project
from infrastructure.crypto.rotation import Rotation
from infrastructure.postgres.database import Database
from infrastructure.postgres.key_store import PostgresKeyStore
from tests.integration.test_erasure import ORIGIN, WHO, WORD, Process


@pytest.fixture
def one(database: Database) -> Iterator[Process]:
    made = Process(database)
    with contextlib.closing(made.live):
        yield made


@pytest.fixture
def two(database: Database) -> Iterator[Process]:
    made = Process(database)
    with contextlib.closing(made.live):
        yield made


class _KilledError(Exception):
    pass


class _DyingStore(PostgresKeyStore):
    """Dies after the first batch."""

    def replace(self, pairs: object) -> None:
        super().replace(pairs)  # type: ignore[arg-type]
        raise _KilledError


def test_a_rotation_killed_half_way_is_taken_up_again(one: Process, two: Process) -> None:
    written = [one.write(f"w{number}") for number in range(5)]
    with pytest.raises(_KilledError):
        Rotation(_DyingStore(one.database), one.keyring, batch=2).rotate()
    half = one.keys.status()
    assert [(epoch.epoch, epoch.key_count) for epoch in half.epochs] == [(1, 3), (2, 2)]
    assert half.unfinished

    done = two.keys.rotate()

    assert (done.epoch, done.rewrapped_count, done.rewritten) == (2, 3, True)
    after = two.keys.status()
    assert [(epoch.epoch, epoch.key_count) for epoch in after.epochs] == [(2, 5)]
    assert not after.unfinished
    for conversation in written:
        assert Process(one.database).transcript.branch(conversation.id)[0].text.endswith("prompt")


def test_a_rotation_waits_for_no_key_while_it_holds_others(one: Process, database: Database) -> None:
    held, free = one.write("held"), one.write("free")
    [boxes, *_] = [one.store.keys_before(2, 10)]
    one.store.add_epoch(one.keyring.next_epoch(2))
    rewrapped = one.keyring.rewrapper()
    with database.transaction() as other:
        other.execute("set local lock_timeout = '5s'")
        other.execute("select from daybook.data_keys where owner_id = %s for update", (held.id,))

        assert one.store.replace([(box, rewrapped(box)) for box in boxes]) == 1

    assert [key.owner_id for key in one.store.keys_before(2, 10)] == [held.id]
    assert one.store.data_key(free.id)[0] == 2  # type: ignore[index]
    assert one.keys.rotate().rewrapped_count == 1


def test_a_rotation_waits_for_a_key_that_an_erasure_holds_and_then_ends(
    one: Process, database: Database
) -> None:
    one.write("held")
    finished: list[Rotated] = []
    thread = threading.Thread(target=lambda: finished.append(one.keys.rotate()))
    with database.transaction() as other:
        other.execute("select from daybook.data_keys for update")
        thread.start()
        thread.join(0.3)
        assert not finished
    thread.join(30)
    assert [done.rewrapped_count for done in finished] == [1]


def test_keys_that_somebody_holds_for_long_end_a_rotation_and_nothing_is_lost(
    one: Process, database: Database, monkeypatch: pytest.MonkeyPatch
) -> None:
    kept = one.write("kept")
    monkeypatch.setattr("infrastructure.crypto.rotation._PATIENCE_SECONDS", 0.1)
    with database.transaction() as other:
        other.execute("select from daybook.data_keys for update")
        with pytest.raises(KeyringError, match="not finished"):
            one.keys.rotate()
    assert one.keys.status().unfinished
    assert one.keys.rotate().rewrapped_count == 1
    assert one.transcript.branch(kept.id)[0].text == "kept prompt"


_SOMEBODY_WAITS = """
select 1 from pg_stat_activity where datname = current_database() and wait_event_type = 'Lock'
"""


def test_an_erasure_that_a_deadlock_ended_begins_again(one: Process, database: Database) -> None:
    project = Project.create(new_id(), name="p")
    one.log.save([project], ORIGIN)
    first, second = one.write("first", project), one.write("second", project)  # it takes them in this order
    ended: list[Done | BaseException] = []

    def erase() -> None:
        try:
            ended.append(erase_project(one.services, EraseProject(project_id=project.id, **WHO)))
        except BaseException as error:  # noqa: BLE001 - compared below
            ended.append(error)

    thread = threading.Thread(target=erase)
    lock = "select from daybook.data_keys where owner_id = %s for key share"
    with database.owner_session() as other, other.transaction():
        other.execute("set local deadlock_timeout = '60s'")  # the erasure is the one that notices
        other.execute(lock, (second.id,))
        thread.start()
        while not other.execute(_SOMEBODY_WAITS).fetchone():
            thread.join(0.01)
        other.execute(lock, (first.id,))
    thread.join(30)
    assert [type(outcome) for outcome in ended] == [Done]
    assert one.store.erased(first.id)
    assert one.store.erased(second.id)


def test_an_erasure_since_calls_for_another_epoch(one: Process) -> None:
    gone = one.write(WORD)
    with pytest.raises(_KilledError):
        Rotation(_DyingStore(one.database), one.keyring).rotate()

    one.erase(gone)

    assert one.keys.status().owed
    assert one.keys.rotate().epoch == 3
    assert not one.keys.status().owed


def test_a_key_made_under_a_destroyed_epoch_is_wrapped_anew_and_not_lost(one: Process, two: Process) -> None:
    two.write("before")  # the second process knows epoch 1 now
    one.keys.rotate()

    made = two.write("after")

    assert two.store.data_key(made.id)[0] == 2  # type: ignore[index]
    assert one.transcript.branch(made.id)[0].text == "after prompt"
