"""What only the real log can promise: sealed content, erased owners, and stopping at what it cannot read."""

from __future__ import annotations

from uuid import uuid4

import psycopg
import pytest

from application.errors import DatabaseError, KeyringError
from application.ports.log import IdempotencyKey, Origin
from application.ports.model_server import ModelCard
from domain.conversation import events as e
from domain.conversation.conversation import Conversation
from domain.errors import ContentErasedError
from domain.event import UnknownEventTypeError
from domain.ids import new_id
from infrastructure.crypto.keyring import Keyring
from infrastructure.postgres.book import PostgresLog
from infrastructure.postgres.database import Database
from infrastructure.postgres.key_store import PostgresKeyStore
from infrastructure.postgres.log import AppendRequest, EventLog, EventRow
from infrastructure.postgres.model_memory import PostgresModelMemory
from tests.support.write_side import keyring_of, log_on

ADA = Origin("ada", "cli", new_id(), new_id())


def saved(log: PostgresLog, title: str = "a planted word") -> Conversation:
    conversation = Conversation.start(new_id(), project_id=None, title=title)
    log.save([conversation], ADA)
    return conversation


def test_content_is_never_stored_readable(database: Database, database_url: str) -> None:
    conversation = saved(log_on(database))

    with psycopg.connect(database_url) as connection:
        rows = connection.execute("select e::text, e.payload, e.metadata from daybook.events e").fetchall()
    assert len(rows) == 1
    for column in rows[0]:
        assert b"planted" not in (column.encode() if isinstance(column, str) else bytes(column))
    [recorded] = log_on(database).read(0, 10)
    assert isinstance(recorded.event, e.ConversationStarted)
    assert keyring_of(database).open(recorded.event.title) == "a planted word"  # type: ignore[arg-type]
    assert (recorded.log_index, recorded.actor, recorded.source) == (0, "ada", "cli")
    assert (recorded.correlation_id, recorded.causation_id) == (ADA.correlation_id, ADA.causation_id)
    assert recorded.event.timestamp == recorded.time
    assert recorded.event.stream_id == conversation.id


def test_a_wrong_master_key_writes_nothing(database: Database) -> None:
    saved(log_on(database))
    stranger = Keyring(PostgresKeyStore(database), lambda: b"x" * 32, lambda: b"x" * 32)

    with pytest.raises(KeyringError, match="not this book's"):
        saved(log_on(database, stranger))
    with pytest.raises(KeyringError, match="not this book's"):
        log_on(database, stranger).save([], ADA, idempotency=IdempotencyKey("k", b"c"))
    assert log_on(database).size() == 1


def test_an_erased_owner_never_gets_a_key_again(database: Database, database_url: str) -> None:
    owner = uuid4()
    with psycopg.connect(database_url) as connection:
        connection.execute("insert into daybook.tombstones (owner_id) values (%s)", [owner])
    log = log_on(database)

    with pytest.raises(ContentErasedError):
        log.request_hash(owner, b"request")
    with pytest.raises(ContentErasedError):
        log.save([Conversation.start(owner, project_id=None, title="x")], ADA)
    assert log.size() == 0


def test_what_cannot_be_read_stops_the_reader(database: Database) -> None:
    log = log_on(database)
    conversation = saved(log)
    row = EventRow(conversation.id, 2, uuid4(), "later.invented", 1, b'{"actor":"a","source":"b"}', b"\x80")
    EventLog(database).append(AppendRequest([row]))

    with pytest.raises(UnknownEventTypeError, match=r"later\.invented"):
        log.load(Conversation, conversation.id)
    with pytest.raises(UnknownEventTypeError, match=r"later\.invented"):
        log.read(0, 10)


def test_model_cards_are_kept(database: Database) -> None:
    memory = PostgresModelMemory(database)
    assert memory.recall("m:1b") is None

    memory.remember(ModelCard("m:1b", "abc", size=5, context_length=4096))
    memory.remember(ModelCard("m:1b", "def", size=5, context_length=8192))
    memory.remember(ModelCard("other", "x"))

    assert memory.recall("m:1b") == ModelCard("m:1b", "def", size=5, context_length=8192)
    assert memory.recall("other") == ModelCard("other", "x")


def test_a_database_that_is_away_is_told(database: Database) -> None:
    log = log_on(database)
    saved(log)
    database.close()

    with pytest.raises(DatabaseError):
        log.size()
