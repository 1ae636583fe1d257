"""A commit whose acknowledgement is lost is found again: never reported as a conflict, never appended
twice."""

import shutil
import tempfile
from collections.abc import Iterator
from concurrent.futures import ThreadPoolExecutor
from pathlib import Path
from uuid import uuid4

import psycopg
import pytest

from application.errors import DatabaseUnreachableError
from domain.errors import WrongVersionError
from infrastructure.postgres.database import Database
from infrastructure.postgres.log import AppendRequest, EventLog, Idempotency, NewKey
from tests.support.cutting_proxy import Cut, CuttingProxy
from tests.support.events import event, request


@pytest.fixture
def proxy(database_url: str) -> Iterator[CuttingProxy]:
    folder = Path(tempfile.mkdtemp(prefix="daybook-cut-"))
    proxy = CuttingProxy(database_url, folder)
    yield proxy
    proxy.close()
    shutil.rmtree(folder)


@pytest.fixture
def log(proxy: CuttingProxy) -> Iterator[EventLog]:
    database = Database(proxy.url)
    yield EventLog(database, settle_seconds=0.5)
    database.close()


@pytest.mark.parametrize("cut", [Cut.BEFORE_SENDING, Cut.BEFORE_THE_ANSWER])
@pytest.mark.parametrize("warm", [0, 1, 2])
def test_it_is_settled_and_appended_once(log: EventLog, proxy: CuttingProxy, cut: Cut, warm: int) -> None:
    stream_id = uuid4()
    for version in range(1, warm + 1):
        log.append(request(stream_id, version))
    proxy.cut = cut
    appended = log.append(request(stream_id, warm + 1, 2))
    assert proxy.cuts == 1
    assert (appended.first_index, appended.log_size, appended.replayed) == (warm, warm + 2, False)
    assert [row.version for row in log.read_stream(stream_id)] == list(range(1, warm + 3))


@pytest.mark.parametrize("cut", [Cut.BEFORE_SENDING, Cut.BEFORE_THE_ANSWER])
def test_a_true_conflict_stays_one(log: EventLog, proxy: CuttingProxy, cut: Cut) -> None:
    stream_id = uuid4()
    log.append(request(stream_id))
    proxy.cut = cut
    with pytest.raises(WrongVersionError):
        log.append(request(stream_id))
    assert proxy.cuts == 1
    assert log.size() == 1


def test_the_key_and_the_answer_of_a_lost_append_are_kept(
    log: EventLog, proxy: CuttingProxy, database_url: str
) -> None:
    with psycopg.connect(database_url) as connection:
        connection.execute("insert into daybook.epoch_keys (epoch, wrapped) values (1, 'w')")
    key = Idempotency("alice", "k", b"hash", b"answer")
    proxy.cut = Cut.BEFORE_THE_ANSWER
    appended = log.append(AppendRequest([event()], key, [NewKey(uuid4(), 1, b"box")]))
    assert (appended.replayed, appended.result) == (False, b"answer")
    assert log.append(AppendRequest([event()], key)).replayed
    proxy.cut = Cut.BEFORE_THE_ANSWER
    assert log.append(AppendRequest([], None, [NewKey(uuid4(), 1, b"box")])).log_size == 1
    assert proxy.cuts == 2


def test_a_whole_batch_is_settled(log: EventLog, proxy: CuttingProxy) -> None:
    log.append(request())
    proxy.cut = Cut.BEFORE_THE_ANSWER
    with ThreadPoolExecutor(16) as pool:
        appended = list(pool.map(lambda _: log.append(request()), range(64)))
    assert proxy.cuts == 1
    assert sorted(one.first_index or 0 for one in appended) == list(range(1, 65))
    assert log.size() == 65


def test_a_database_that_stays_away_leaves_it_open_and_says_so(
    log: EventLog, proxy: CuttingProxy, database_url: str
) -> None:
    log.append(request())
    proxy.cut, proxy.away = Cut.BEFORE_THE_ANSWER, True
    with pytest.raises(DatabaseUnreachableError, match="may or may not be recorded") as caught:
        log.append(request())
    assert "before doing it again" in caught.value.hint
    with psycopg.connect(database_url) as connection:
        assert connection.execute("select count(*) from daybook.events").fetchone() == (2,)


def test_nothing_sent_is_said_to_be_nothing_written(log: EventLog, proxy: CuttingProxy) -> None:
    proxy.away = True
    with pytest.raises(DatabaseUnreachableError, match="Nothing was read or written"):
        log.append(request())


def test_a_server_that_ends_the_session_in_between_is_no_loss(database: Database, database_url: str) -> None:
    log = EventLog(database)
    for number in range(5):
        log.append(request())
        with psycopg.connect(database_url, autocommit=True) as other:
            other.execute(
                "select pg_terminate_backend(pid) from pg_stat_activity"
                " where datname = current_database() and pid <> pg_backend_pid()"
            )
        assert log.append(request()).first_index == 2 * number + 1
