"""What an older Daybook stored, read by this one everywhere: the bytes of the samples."""

from __future__ import annotations

import json
from pathlib import Path
from typing import Any
from uuid import UUID

import pytest

from domain.conversation import events as e
from domain.conversation.conversation import Conversation, Status
from infrastructure.crypto.keyring import Keyring
from infrastructure.crypto.opening import BookRow
from infrastructure.postgres.book import PostgresLog
from infrastructure.postgres.database import Database
from infrastructure.postgres.key_store import PostgresKeyStore
from infrastructure.postgres.log import AppendRequest, EventLog, EventRow, NewKey
from infrastructure.proofs import offline
from infrastructure.proofs.auditor import PostgresAuditor
from projections.catalogue import read_models
from projections.conversations.queries import ConversationQueries
from projections.pump import Pump
from projections.reading import Reading
from projections.search.queries import SearchQueries
from projections.transcript.queries import TranscriptQueries
from tests.samples.keys import KEYS
from tests.samples.make import EVENTS, ORIGIN, STREAM_ID
from tests.unit.domain.test_conversation import PROVENANCE

PROMPT = UUID(int=STREAM_ID.int + 1)


def sample(name: str) -> dict[str, Any]:
    found: dict[str, Any] = json.loads((EVENTS / f"{name}.json").read_text())
    return found


STARTED, INTERRUPTED = sample("conversation.started@1"), sample("conversation.answer-interrupted@1")
ANSWER = UUID(INTERRUPTED["fields"]["message_id"])


class OldBook:
    """A book that an older Daybook began: two of its events are the samples' very bytes."""

    def __init__(self, database: Database) -> None:
        self.database = database
        keys = json.loads(KEYS.read_text())
        master = bytes.fromhex(keys["master"])
        store = PostgresKeyStore(database)
        book = BookRow(UUID(keys["book_id"]), bytes.fromhex(keys["master_check"]))
        store.found_book(book, bytes.fromhex(keys["epochs"]["1"]))
        self.keyring = Keyring(store, lambda: master, lambda: master)
        self.events = EventLog(database)
        self.log = PostgresLog(self.events, self.keyring)
        self.pump = Pump(database, self.log, read_models(self.keyring))
        reading = Reading(database, lambda: self.pump, erasures=self.keyring.noticed)
        self.conversations = ConversationQueries(reading, self.keyring)
        self.transcript = TranscriptQueries(reading, self.keyring)
        self.search = SearchQueries(reading, self.keyring)
        key = keys["data_keys"][str(STREAM_ID)]
        self._insert(STARTED, NewKey(STREAM_ID, key["epoch"], bytes.fromhex(key["box"])))
        self._live_until_version_6()
        self._insert(INTERRUPTED)

    def _insert(self, stored: dict[str, Any], *keys: NewKey) -> None:
        row = EventRow(
            UUID(stored["stream_id"]),
            stored["version"],
            UUID(stored["event_id"]),
            stored["type"],
            stored["schema_version"],
            bytes.fromhex(stored["metadata"]),
            bytes.fromhex(stored["payload"]),
        )
        self.events.append(AppendRequest([row], new_keys=keys))

    def _live_until_version_6(self) -> None:
        conversation = self.log.load(Conversation, STREAM_ID)
        conversation.add_prompt(PROMPT, "Hi", parent_id=None)
        conversation.start_answer(ANSWER, prompt_id=PROMPT, **PROVENANCE)
        conversation.archive()
        conversation.restore()
        conversation.hold("why")
        self.log.save([conversation], ORIGIN)


@pytest.fixture
def book(database: Database) -> OldBook:
    return OldBook(database)


def shown(book: OldBook) -> tuple[object, ...]:
    """Return all that the read models say of what the old events are about."""
    found = book.conversations.get(STREAM_ID)
    answer = book.transcript.message(ANSWER)
    assert found is not None
    assert answer is not None
    return (
        (found.project_id, found.origin_conversation_id, found.origin_message_id),
        found.title,
        (answer.status, answer.text, answer.thinking, answer.reason),
        answer.usage,
        answer.timings,
    )


def test_what_was_stored_is_of_the_first_version(book: OldBook) -> None:
    rows = [(row.type, row.schema_version) for row in book.events.read(0, 10)]

    assert rows[0] == ("conversation.started", 1)
    assert rows[-1] == ("conversation.answer-interrupted", 1)
    assert (e.ConversationStarted.schema_version, e.AnswerInterrupted.schema_version) == (2, 2)


def test_the_aggregate_is_loaded_and_goes_on(book: OldBook) -> None:
    conversation = book.log.load(Conversation, STREAM_ID)

    assert conversation.project_id == UUID(STARTED["fields"]["project_id"])
    assert conversation.message(ANSWER).status is Status.INTERRUPTED
    conversation.add_prompt(UUID(int=5), "More", parent_id=ANSWER)
    assert book.log.save([conversation], ORIGIN).log_size == 8


def test_the_reader_gives_the_present_day_event(book: OldBook) -> None:
    first, *_, last = (recorded.event for recorded in book.log.read(0, 10))

    assert isinstance(first, e.ConversationStarted)
    assert (first.origin_conversation_id, first.origin_message_id) == (None, None)
    assert isinstance(last, e.AnswerInterrupted)
    assert {getattr(last, name) for name in e.UNTOLD} == {None}
    assert book.keyring.open(last.text) == INTERRUPTED["fields"]["text"]  # type: ignore[arg-type]


def test_the_read_models_show_it_and_a_rebuild_shows_the_same(book: OldBook) -> None:
    live = shown(book)

    assert live[0] == (UUID(STARTED["fields"]["project_id"]), None, None)
    assert live[1] == STARTED["fields"]["title"]
    assert live[2] == (
        "interrupted",
        INTERRUPTED["fields"]["text"],
        INTERRUPTED["fields"]["thinking"],
        INTERRUPTED["fields"]["reason"],
    )
    assert {one.quarantined for one in book.pump.status().read_models} == {0}
    assert [hit.message_id for hit in book.search.search("Grüße").hits] == [ANSWER]
    book.pump.rebuild()
    assert shown(book) == live


def test_the_log_verifies_and_its_export_reveals_it(book: OldBook, tmp_path: Path) -> None:
    auditor = PostgresAuditor(
        book.database, tmp_path / "home", lambda: book.keyring.book_id, lambda: None, book.keyring
    )
    auditor.checkpoint()
    assert auditor.verify().ok

    auditor.export(tmp_path / "export", reveal=True)

    lines = [json.loads(line) for line in (tmp_path / "export" / "events.ndjson").read_text().splitlines()]
    for line, stored in ((lines[0], STARTED), (lines[-1], INTERRUPTED)):
        assert line["content"] == stored["fields"]
        assert line["schema_version"] == 1
    assert offline.check_export(tmp_path / "export", offline.parse_key(auditor.key())).size == 7
