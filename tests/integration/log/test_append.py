"""What `daybook.append` promises: order without gaps, whole requests, one request's fault never another's."""

import threading
from collections import defaultdict
from concurrent.futures import ThreadPoolExecutor
from uuid import uuid4

import psycopg
import pytest

from application.errors import DatabaseError, IdempotencyMismatchError
from domain.errors import ConflictError, ContentErasedError, InvalidInputError, WrongVersionError
from infrastructure.postgres.append_call import call_append, encoded
from infrastructure.postgres.appender import EpochDestroyedError
from infrastructure.postgres.database import Database
from infrastructure.postgres.log import AppendRequest, EventLog, Idempotency, NewKey
from tests.support.events import event, request


@pytest.fixture
def log(database: Database) -> EventLog:
    return EventLog(database)


def outcomes(database: Database, *requests: AppendRequest) -> list[str]:
    """Send requests as one batch, as group commit would when they come at the same moment."""
    with database.connection() as connection:
        return [outcome.word for outcome in call_append(connection, encoded(requests))]


def statement(database: Database, text: str) -> list[tuple[object, ...]]:
    with database.owner_session() as connection:
        return connection.execute(text.encode()).fetchall()


def test_sixteen_threads_make_one_order_without_gaps(log: EventLog) -> None:
    rounds, threads = 40, 16
    answers: list[tuple[int, int]] = []

    def write(_: int) -> None:
        stream_id = uuid4()
        for number in range(rounds):
            count = 1 + number % 3
            first = 1 + sum(1 + n % 3 for n in range(number))
            appended = log.append(request(stream_id, first, count))
            assert appended.first_index is not None
            answers.append((appended.first_index, count))

    with ThreadPoolExecutor(threads) as pool:
        list(pool.map(write, range(threads)))

    rows = log.read(0, 10_000)
    assert [row.log_index for row in rows] == list(range(log.size()))
    assert len(rows) == sum(count for _, count in answers)
    covered = sorted(index for first, count in answers for index in range(first, first + count))
    assert covered == list(range(len(rows)))
    versions = defaultdict(list)
    for row in rows:
        versions[row.stream_id].append(row.version)
    assert all(seen == list(range(1, len(seen) + 1)) for seen in versions.values())


def test_a_reader_at_the_tail_never_misses_an_event(log: EventLog) -> None:
    done = threading.Event()
    seen: list[int] = []

    def tail() -> None:
        while not done.is_set() or len(seen) < log.size():
            seen.extend(row.log_index for row in log.read(len(seen), 50))

    reader = threading.Thread(target=tail)
    reader.start()
    with ThreadPoolExecutor(8) as pool:
        list(pool.map(lambda _: log.append(request()), range(400)))
    done.set()
    reader.join()
    assert seen == list(range(400))


@pytest.mark.parametrize("first", [0, 1])
def test_a_stream_may_begin_at_zero_or_one(log: EventLog, first: int) -> None:
    stream_id = uuid4()
    log.append(request(stream_id, first))
    log.append(request(stream_id, first + 1, 2))
    assert [row.version for row in log.read_stream(stream_id)] == [first, first + 1, first + 2]


@pytest.mark.parametrize("version", [-1, 2, 3])
def test_a_stream_begins_nowhere_else(log: EventLog, version: int) -> None:
    with pytest.raises(WrongVersionError):
        log.append(request(None, version))
    assert log.size() == 0


@pytest.mark.parametrize("version", [1, 2, 4])
def test_only_the_next_version_is_accepted(log: EventLog, version: int) -> None:
    stream_id = uuid4()
    log.append(request(stream_id, 1, 2))
    with pytest.raises(WrongVersionError):
        log.append(request(stream_id, version))
    assert log.size() == 2


def test_versions_within_a_request_count_on(log: EventLog) -> None:
    stream_id = uuid4()
    with pytest.raises(WrongVersionError):
        log.append(AppendRequest([event(stream_id, 1), event(stream_id, 3)]))
    with pytest.raises(WrongVersionError):
        log.append(AppendRequest([event(stream_id, 1), event(), event(stream_id, 2)]))
    assert log.size() == 0


def test_in_a_batch_a_conflict_fails_alone(database: Database, log: EventLog) -> None:
    taken, other = uuid4(), uuid4()
    log.append(request(taken, 1))
    words = outcomes(
        database, request(), request(taken, 1), request(other, 1, 2), request(taken, 2), request(other, 2)
    )
    assert words == ["appended", "conflict", "appended", "appended", "conflict"]
    assert [row.log_index for row in log.read(0, 100)] == list(range(5))


def test_in_a_batch_later_requests_build_on_earlier_ones(database: Database, log: EventLog) -> None:
    a, b = uuid4(), uuid4()
    words = outcomes(
        database,
        request(a, 1, 2),
        AppendRequest([event(b, 1), event(a, 3), event(a, 4)]),
        request(a, 3),
        AppendRequest([event(a, 5), event(b, 3)]),
        AppendRequest([event(a, 5), event(b, 2)]),
        request(b, 3),
    )
    assert words == ["appended", "appended", "conflict", "conflict", "appended", "appended"]
    assert [row.version for row in log.read_stream(a)] == [1, 2, 3, 4, 5]
    assert [row.version for row in log.read_stream(b)] == [1, 2, 3]


def test_threads_that_race_for_one_stream_have_one_winner_a_version(log: EventLog) -> None:
    stream_id = uuid4()
    for version in range(1, 11):
        start = threading.Barrier(8)

        def attempt(_: int, version: int = version, start: threading.Barrier = start) -> bool:
            start.wait()
            try:
                log.append(request(stream_id, version))
            except WrongVersionError:
                return False
            return True

        with ThreadPoolExecutor(8) as pool:
            assert sum(pool.map(attempt, range(8))) == 1
    assert [row.version for row in log.read_stream(stream_id)] == list(range(1, 11))


def test_the_same_key_and_command_are_answered_again_and_append_nothing(log: EventLog) -> None:
    key = Idempotency("alice", "k1", b"hash", b"answer")
    first = log.append(AppendRequest([event()], key))
    log.append(request())
    again = log.append(AppendRequest([event()], Idempotency("alice", "k1", b"hash", b"another answer")))
    assert (again.replayed, again.first_index, again.result) == (True, None, b"answer")
    assert again.log_size == first.log_size == 1
    assert log.size() == 2
    stored = log.find_request("alice", "k1")
    assert stored is not None
    assert stored.event_ids == [log.read(0, 1)[0].event_id]
    assert log.find_request("alice", "k2") is None


def test_a_key_used_for_another_command_is_refused(log: EventLog) -> None:
    log.append(AppendRequest([event()], Idempotency("alice", "k1", b"hash", b"")))
    with pytest.raises(IdempotencyMismatchError):
        log.append(AppendRequest([event()], Idempotency("alice", "k1", b"other", b"")))
    log.append(AppendRequest([event()], Idempotency("bob", "k1", b"other", b"")))
    assert log.size() == 2


def test_in_a_batch_the_same_key_appends_once(database: Database, log: EventLog) -> None:
    twice = Idempotency("alice", "k", b"hash", b"answer")
    words = outcomes(
        database,
        AppendRequest([event()], twice),
        AppendRequest([event(), event()], twice),
        AppendRequest([event()], Idempotency("alice", "k", b"else", b"")),
    )
    assert words == ["appended", "replayed", "mismatch"]
    assert log.size() == 1


def test_a_conflict_does_not_use_up_the_idempotency_key(log: EventLog) -> None:
    key = Idempotency("alice", "k", b"hash", b"answer")
    with pytest.raises(WrongVersionError):
        log.append(AppendRequest([event(version=7)], key))
    assert not log.append(AppendRequest([event()], key)).replayed


def test_keys_come_with_their_events_or_not_at_all(database: Database, log: EventLog) -> None:
    statement(database, "insert into daybook.epoch_keys (epoch, wrapped) values (1, 'w') returning 1")
    owner, gone = uuid4(), uuid4()
    statement(database, f"insert into daybook.tombstones (owner_id) values ('{gone}') returning 1")
    with pytest.raises(WrongVersionError):
        log.append(AppendRequest([event(version=5)], new_keys=[NewKey(owner, 1, b"box")]))
    log.append(AppendRequest([event()], new_keys=[NewKey(owner, 1, b"box")]))
    with pytest.raises(WrongVersionError):
        log.append(AppendRequest([event()], new_keys=[NewKey(owner, 1, b"another")]))
    with pytest.raises(ContentErasedError):
        log.append(AppendRequest([event()], new_keys=[NewKey(gone, 1, b"box")]))
    assert log.size() == 1
    assert statement(database, "select owner_id, wrapped from daybook.data_keys") == [(owner, b"box")]


def test_a_fault_in_one_request_of_a_batch_is_its_own(log: EventLog) -> None:
    known = event()
    log.append(AppendRequest([known]))
    faults: list[tuple[AppendRequest, type[Exception]]] = [
        (AppendRequest([event()], new_keys=[NewKey(uuid4(), 99, b"no such epoch")]), EpochDestroyedError),
        (AppendRequest([event()], Idempotency("nul\0", "k", b"", b"")), DatabaseError),
        (AppendRequest([event()], Idempotency("\ud800", "k", b"", b"")), InvalidInputError),
        (AppendRequest([event(version=2**70)]), InvalidInputError),
        (AppendRequest([type(known)(uuid4(), 1, known.event_id, "t", 1, b"", b"")]), ConflictError),
    ]
    start = threading.Barrier(20 + len(faults))

    def good(_: int) -> None:
        start.wait()
        log.append(request())

    def bad(fault: tuple[AppendRequest, type[Exception]]) -> None:
        start.wait()
        with pytest.raises(fault[1]):
            log.append(fault[0])

    with ThreadPoolExecutor(20 + len(faults)) as pool:
        tasks = [pool.submit(good, n) for n in range(20)] + [pool.submit(bad, fault) for fault in faults]
        for task in tasks:
            task.result()
    assert [row.log_index for row in log.read(0, 100)] == list(range(21))


def test_a_rollback_leaves_no_hole(database: Database, log: EventLog) -> None:
    log.append(request())
    with database.session() as connection, connection.transaction(force_rollback=True):
        call_append(connection, encoded([request(count=3)]))
    assert log.append(request()).first_index == 1
    assert [row.log_index for row in log.read(0, 10)] == [0, 1]


def test_time_never_runs_backwards(database: Database, log: EventLog) -> None:
    log.append(request())
    statement(
        database, "update daybook.events set time = clock_timestamp() + interval '1 hour' returning log_index"
    )
    log.append(request())
    log.append(request(count=3))
    times = [row.time for row in log.read(0, 10)]
    assert times == sorted(times)
    assert times[1] == times[0]


def test_times_are_utc_and_the_logs_own(log: EventLog) -> None:
    log.append(request(count=2))
    first, second = log.read(0, 2)
    assert first.time == second.time
    offset = first.time.utcoffset()
    assert offset is not None
    assert offset.total_seconds() == 0


def test_a_request_without_events_appends_none(log: EventLog) -> None:
    log.append(request())
    appended = log.append(AppendRequest([], Idempotency("a", "k", b"", b"answer")))
    assert (appended.first_index, appended.log_size) == (None, 1)
    assert log.append(AppendRequest([], Idempotency("a", "k", b"", b""))).result == b"answer"


def test_an_append_in_an_older_snapshot_is_refused_and_not_misplaced(
    database_url: str, log: EventLog
) -> None:
    with psycopg.connect(database_url) as connection:
        connection.isolation_level = psycopg.IsolationLevel.REPEATABLE_READ
        connection.execute("select count(*) from daybook.events")
        log.append(request())
        with pytest.raises(psycopg.errors.UniqueViolation):
            call_append(connection, encoded([request()]))
    assert log.size() == 1


def test_an_open_foreign_transaction_does_not_slow_appends_down(database_url: str, log: EventLog) -> None:
    with psycopg.connect(database_url) as foreign:
        foreign.execute("select count(*) from daybook.events")
        for _ in range(300):
            log.append(request())
        with psycopg.connect(database_url) as connection:
            connection.execute("analyze daybook.events")
            pages = connection.execute(
                "select pg_stat_get_dead_tuples('daybook.events'::regclass)"
            ).fetchone()
        foreign.rollback()
    assert pages == (0,)


def test_large_batches_and_payloads_pass(log: EventLog) -> None:
    log.append(request(count=3000))
    big = event(payload=bytes(9 * 1024 * 1024))
    log.append(AppendRequest([big]))
    assert log.read(3000, 1)[0].payload == big.payload


@pytest.mark.parametrize("newest_first", [False, True])
def test_a_part_of_a_stream_can_be_read(log: EventLog, *, newest_first: bool) -> None:
    stream_id = uuid4()
    log.append(request(stream_id, 1, 9))
    rows = log.read_stream(stream_id, after_version=2, up_to=7, newest_first=newest_first, limit=3)
    assert [row.version for row in rows] == ([7, 6, 5] if newest_first else [3, 4, 5])


def test_reading_takes_the_callers_connection_when_given(database: Database, log: EventLog) -> None:
    log.append(request(count=5))
    with database.transaction() as connection:
        assert [row.log_index for row in log.read(3, 10, connection=connection)] == [3, 4]


def test_listeners_are_told_the_new_size(database: Database, log: EventLog) -> None:
    with database.session() as listener:
        listener.execute("listen daybook_log")
        log.append(request(count=4))
        [note] = listener.notifies(timeout=5, stop_after=1)
    assert (note.channel, note.payload) == ("daybook_log", "4")
