"""The eventsourcing library's own test classes for recorders, run on ours."""

from uuid import uuid4

import pytest
from eventsourcing import persistence
from eventsourcing.persistence import NotSupportedError, StoredEvent
from eventsourcing.tests import persistence as library
from eventsourcing.utils import Environment

from infrastructure.postgres.database import Database
from infrastructure.postgres.log import EventLog
from infrastructure.postgres.recorder import (
    DaybookAggregateRecorder,
    DaybookApplicationRecorder,
    DaybookFactory,
    EventToLog,
)


class OnAFreshLog:
    """Gives each test of a library class the log of a database of its own."""

    @pytest.fixture(autouse=True)
    def _fresh_log(self, database: Database) -> None:
        self.database = database
        self.log = EventLog(database)

    def create_recorder(self) -> DaybookApplicationRecorder:
        return DaybookApplicationRecorder(self.log, self.database)


class TestAggregateRecorder(OnAFreshLog, library.AggregateRecorderTestCase):
    def create_recorder(self) -> DaybookAggregateRecorder:  # type: ignore[override]
        return DaybookAggregateRecorder(self.log)


class TestApplicationRecorder(OnAFreshLog, library.ApplicationRecorderTestCase):
    EXPECT_CONTIGUOUS_NOTIFICATION_IDS = True

    def test_insert_subscribe(self) -> None:
        self.optional_test_insert_subscribe()


class TestNonInterleaving(OnAFreshLog, library.NonInterleavingNotificationIDsBaseCase):
    pass


class TestFactory(OnAFreshLog, library.InfrastructureFactoryTestCase):
    @pytest.fixture(autouse=True)
    def _environment(self, database_url: str) -> None:
        self.env = Environment("Daybook")
        self.env["PERSISTENCE_MODULE"] = "infrastructure.postgres.recorder"
        self.env["DATABASE_URL"] = database_url

    def expected_factory_class(self) -> type[DaybookFactory]:
        return DaybookFactory

    def expected_aggregate_recorder_class(self) -> type[DaybookAggregateRecorder]:
        return DaybookAggregateRecorder

    def expected_application_recorder_class(self) -> type[DaybookApplicationRecorder]:
        return DaybookApplicationRecorder

    def expected_tracking_recorder_class(self) -> type[persistence.TrackingRecorder]:
        return persistence.TrackingRecorder

    def tracking_recorder_subclass(self) -> type[persistence.TrackingRecorder]:
        return persistence.TrackingRecorder

    def expected_process_recorder_class(self) -> type[persistence.ProcessRecorder]:
        return persistence.ProcessRecorder

    def test_create_tracking_recorder(self) -> None:
        with pytest.raises(NotSupportedError):
            self.factory.tracking_recorder()

    def test_create_process_recorder(self) -> None:
        with pytest.raises(NotSupportedError):
            self.factory.process_recorder()


def test_an_event_read_back_carries_its_row_and_equals_the_plain_one(database: Database) -> None:
    recorder = DaybookApplicationRecorder(EventLog(database), database)
    plain = StoredEvent(uuid4(), 1, "topic", b"state")
    sent = EventToLog(plain.originator_id, 1, "topic", b"state", uuid4(), 3, b"who")
    recorder.insert_events([sent])
    [read] = recorder.select_events(plain.originator_id)
    assert read == plain
    assert plain == read
    assert hash(read) == hash(plain)
    assert (read.row.event_id, read.row.schema_version, read.row.metadata) == (sent.event_id, 3, b"who")
    [notification] = recorder.select_notifications(start=1, limit=5)
    assert notification == persistence.Notification(plain.originator_id, 1, "topic", b"state", 1)


def test_a_subscription_whose_listening_broke_goes_on_by_polling(
    database: Database, monkeypatch: pytest.MonkeyPatch
) -> None:
    monkeypatch.setattr("infrastructure.postgres.recorder._POLL_SECONDS", 0.05)
    recorder = DaybookApplicationRecorder(EventLog(database), database)
    recorder.insert_events([StoredEvent(uuid4(), 1, "first", b"")])
    with recorder.subscribe() as subscription:
        assert next(subscription).topic == "first"
        with database.connection() as connection:
            connection.execute(
                "select pg_terminate_backend(pid) from pg_stat_activity"
                " where query = 'listen daybook_log' and datname = current_database()"
            )
        recorder.insert_events([StoredEvent(uuid4(), 1, "second", b"")])
        assert next(subscription).topic == "second"
