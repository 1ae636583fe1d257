"""Every event of the catalogue, to its row and back."""

from __future__ import annotations

from dataclasses import fields
from datetime import UTC, datetime
from typing import Any
from uuid import UUID

import msgspec
import pytest
from eventsourcing.persistence import StoredEvent
from hypothesis import given, settings
from hypothesis import strategies as st

from application.ports.log import Origin
from domain.content import Sealed
from domain.conversation.conversation import Conversation
from domain.conversation.events import AnswerStarted, PromptAdded
from domain.event import Created, DamagedEventError, Event, UnknownEventTypeError, catalogue, field_names
from domain.ids import new_id
from infrastructure.crypto.keyring import Keyring
from infrastructure.postgres.append_call import EventRow
from infrastructure.postgres.codec import DaybookMapper, to_event, to_recorded, to_row
from infrastructure.postgres.log import LogRow
from infrastructure.postgres.recorder import LoggedEvent
from tests.unit.crypto.store import MemoryKeyStore, keyring_on

STREAM = UUID(int=7)
ORIGIN = Origin("ada", "cli", UUID(int=1), UUID(int=2))
AT = datetime(2026, 1, 2, 3, 4, 5, 678901, tzinfo=UTC)
OURS = sorted(
    name for name in catalogue.types() if name.startswith(("conversation.", "project."))
)  # other tests may register more

# Models may send lone surrogates and NUL; `st.text` leaves surrogates out unless told.
_text = st.text(st.characters(exclude_categories=()), max_size=30)
_ms = st.none() | st.floats(0, 1e9)
_options = st.dictionaries(_text, st.none() | st.integers(-(2**40), 2**40) | _text, max_size=3)
_BY_ANNOTATION: dict[str, st.SearchStrategy[Any]] = {
    "UUID": st.uuids(),
    "UUID | None": st.none() | st.uuids(),
    "tuple[UUID, ...]": st.lists(st.uuids(), max_size=3).map(tuple),
    "Text": _text,
    "OptionalText": st.none() | _text,
    "Options": _options,
    "str": st.text(max_size=10),
    "str | None": st.none() | st.text(max_size=10),
    "int": st.integers(0, 2**53),
    "int | None": st.none() | st.integers(0, 2**53),
    "float | None": _ms,
    "bytes": st.binary(max_size=32),
    "bool | str | None": st.sampled_from([None, True, False, "low", "high"]),
}


def ring() -> Keyring:
    store = MemoryKeyStore()
    found = keyring_on(store)
    store.keep(found.new_key(STREAM))
    return found


RING = ring()


def logged(row: EventRow) -> LogRow:
    return LogRow(
        41,
        row.stream_id,
        row.version,
        row.event_id,
        row.schema_version,
        AT,
        row.type,
        row.metadata,
        row.payload,
    )


def made(cls: type[Event], values: dict[str, Any], version: int = 3) -> Event:
    topic = {"originator_topic": "x"} if issubclass(cls, Created) else {}
    return cls(originator_id=STREAM, originator_version=version, timestamp=AT, **topic, **values)


@pytest.mark.parametrize("name", OURS)
@given(data=st.data())
@settings(max_examples=15, deadline=None)
def test_every_event_comes_back_as_it_was(name: str, data: st.DataObject) -> None:
    cls = catalogue.types()[name]
    own = {field.name: str(field.type) for field in fields(cls) if field.name in field_names(cls)}
    values = {field: data.draw(_BY_ANNOTATION[kind], field) for field, kind in own.items()}

    row = to_row(made(cls, values), ORIGIN, RING)
    recorded = to_recorded(logged(row))

    event = recorded.event
    assert type(event) is cls
    for field, value in values.items():
        stored = getattr(event, field)
        if field not in cls.plain and value is not None:
            assert isinstance(stored, Sealed)
            stored = RING.open(stored)
        assert stored == value
        assert type(stored) is type(value)
    assert (event.stream_id, event.version, event.timestamp) == (STREAM, 3, AT)
    assert (recorded.actor, recorded.source, recorded.correlation_id, recorded.causation_id) == (
        "ada",
        "cli",
        UUID(int=1),
        UUID(int=2),
    )
    assert (recorded.log_index, recorded.event_id, recorded.time) == (41, row.event_id, AT)


def row_of(values: dict[str, Any], type_name: str = "conversation.prompt-added", version: int = 1) -> LogRow:
    payload = msgspec.msgpack.encode(values)
    return LogRow(41, STREAM, 3, new_id(), version, AT, type_name, b'{"actor":"a","source":"b"}', payload)


GOOD: dict[str, Any] = {
    "message_id": b"m" * 16,
    "parent_id": None,
    "text": b"\x01box",
    "instructions": None,
}


@pytest.mark.parametrize(
    "change",
    [
        pytest.param({"message_id": b"short"}, id="id too short"),
        pytest.param({"message_id": 7}, id="id no bytes"),
        pytest.param({"text": "readable"}, id="content not sealed"),
    ],
)
def test_a_damaged_payload_is_an_error_that_names_the_event(change: dict[str, Any]) -> None:
    assert isinstance(to_event(row_of(GOOD)), PromptAdded)
    with pytest.raises(DamagedEventError, match=r"Event 41 \(conversation.prompt-added\)"):
        to_event(row_of({**GOOD, **change}))


@pytest.mark.parametrize(
    "payload", [b"", b"\xc1", b"\x01", b"\x80"], ids=["empty", "garbage", "number", "fields gone"]
)
def test_what_is_no_payload_is_an_error_that_names_the_event(payload: bytes) -> None:
    with pytest.raises(DamagedEventError, match="Event 41"):
        to_event(row_of(GOOD)._replace(payload=payload))


def test_damaged_metadata_is_an_error_that_names_the_event() -> None:
    with pytest.raises(DamagedEventError, match="Event 41"):
        to_recorded(row_of(GOOD)._replace(metadata=b"{}"))


@pytest.mark.parametrize("values", [GOOD, {"what": "a plain word", "count": 3, "id": b"no id"}])
def test_unknown_types_and_versions_stop_the_reader(values: dict[str, Any]) -> None:
    """Which of their fields are plain only a newer Daybook knows; they are not damaged for that."""
    with pytest.raises(UnknownEventTypeError):
        to_event(row_of(values, "later.invented"))
    with pytest.raises(UnknownEventTypeError):
        to_event(row_of(values, version=2))


def test_the_stored_names_of_fields_are_those_of_the_class_and_plain_ones_are_readable() -> None:
    values: dict[str, Any] = {
        "message_id": UUID(int=1),
        "prompt_id": UUID(int=2),
        "owner_id": UUID(int=3),
        "model": "m:1b",
        "context_length": 8192,
        "sent_message_ids": (UUID(int=2),),
        "cut_count": 0,
        "instructions_project_id": None,
        "instructions_version": None,
        "think": "low",
        "request_hash": b"#",
        "options": {"num_ctx": 8192},
    }
    stored = msgspec.msgpack.decode(to_row(made(AnswerStarted, values), ORIGIN, RING).payload)

    assert set(stored) == field_names(AnswerStarted)
    assert (stored["model"], stored["sent_message_ids"], stored["think"]) == (
        "m:1b",
        [UUID(int=2).bytes],
        "low",
    )
    assert stored["options"][:1] == b"\x01"


def test_the_librarys_mapper_reads_rows_of_the_log_alone() -> None:
    conversation = Conversation.start(STREAM, project_id=None, title=None)
    [event] = conversation.collect_events()
    row = logged(to_row(event, ORIGIN, RING))  # type: ignore[arg-type]
    mapper = DaybookMapper()

    loaded = mapper.to_domain_event(LoggedEvent(row.stream_id, row.version, row.type, row.payload, row))

    assert loaded.mutate(None).id == STREAM  # type: ignore[attr-defined]
    with pytest.raises(TypeError, match="own recorder"):
        mapper.to_domain_event(StoredEvent(row.stream_id, row.version, row.type, row.payload))
