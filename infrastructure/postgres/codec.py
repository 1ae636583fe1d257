"""Events to rows and back: the stored format of payload and metadata.

Payload: MessagePack map from field name to value; UUIDs as 16 bytes, content fields as the bytes of their
box, everything in the order of the class. Metadata: compact JSON with `actor`, `source`, `correlation_id`,
`causation_id`. Invariant: bytes written once are what is hashed and read for ever; only `Catalogue.resolve`
adapts old versions.
"""

from __future__ import annotations

from collections.abc import Callable, Sequence
from dataclasses import fields
from typing import Any, TypedDict, get_origin, get_type_hints
from uuid import UUID

import msgspec
from eventsourcing.domain import DomainEventProtocol
from eventsourcing.persistence import JSONTranscoder, Mapper, StoredEvent
from eventsourcing.utils import get_topic

import domain.access.access
import domain.conversation.conversation
import domain.project.project
import domain.replay.replay
import domain.routine.routine  # noqa: F401 (these five fill the catalogue)
from application.ports.log import Origin
from domain.content import Sealed
from domain.event import Created, DamagedEventError, Event, Recorded, catalogue
from domain.ids import new_id
from infrastructure.crypto.keyring import Keyring
from infrastructure.postgres.log import EventRow, LogRow
from infrastructure.postgres.recorder import LoggedEvent

_encode = msgspec.msgpack.Encoder(uuid_format="bytes").encode
_decode = msgspec.msgpack.Decoder().decode


class Metadata(msgspec.Struct, omit_defaults=True):
    """Who, through what, and why: the part of the envelope that is not a column."""

    actor: str
    source: str
    correlation_id: UUID | None = None
    causation_id: UUID | None = None


_decode_metadata = msgspec.json.Decoder(Metadata).decode
_encode_metadata = msgspec.json.Encoder().encode


def to_row(event: Event, origin: Origin, keyring: Keyring) -> EventRow:
    """Return the row of a new event, its content sealed under its stream's key."""
    values: dict[str, Any] = {}
    for name, _ in _converters(type(event)):
        value = getattr(event, name)
        if value is not None and name not in event.plain:
            value = keyring.seal(value, stream_id=event.stream_id, version=event.version, field=name).box
        values[name] = value
    return EventRow(
        stream_id=event.stream_id,
        version=event.version,
        event_id=new_id(),
        type=event.type_name,
        schema_version=event.schema_version,
        metadata=_encode_metadata(
            Metadata(origin.actor, origin.source, origin.correlation_id, origin.causation_id)
        ),
        payload=_encode(values),
    )


def to_event(row: LogRow) -> Event:
    """Return the event of a row, brought to its present schema version, its content still sealed.

    Raises:
        UnknownEventTypeError: this version of Daybook does not know the type.
        DamagedEventError: the bytes are not what this type is made of.
    """
    cls = catalogue.known(row.type, row.schema_version)  # only then it is known which fields are plain
    if cls.schema_version != row.schema_version:
        return _upcast(row)
    decode, content = _readers.get(cls) or _reader(cls)
    try:
        values = decode(row.payload)
    except msgspec.DecodeError as problem:
        raise _damaged(row, problem) from problem
    for name in content:
        box = values[name]
        if box is not None:
            values[name] = Sealed(row.stream_id, row.version, name, box)
    return _event(cls, row, values)


def _upcast(row: LogRow) -> Event:
    try:
        values = _seal_marks(row, _decode(row.payload))
        cls, values = catalogue.resolve(row.type, row.schema_version, values)
        for name, convert in _converters(cls):
            value = values[name]
            if convert is not None and value is not None:
                values[name] = convert(value)
    except (msgspec.DecodeError, ValueError, KeyError, TypeError, AttributeError) as problem:
        raise _damaged(row, problem) from problem
    return _event(cls, row, values)


def to_bare_event(row: LogRow) -> Event:
    """Return the event of a row without its content and its lists, which no aggregate looks at.

    Stepping over them is most of what makes loading quick. An event of an old schema version comes whole.

    Raises:
        UnknownEventTypeError, DamagedEventError: as `to_event` does.
    """
    cls = catalogue.known(row.type, row.schema_version)
    if cls.schema_version != row.schema_version:
        return to_event(row)
    decode = _bare_decoders.get(cls)
    if decode is None:
        decode = _bare_decoders[cls] = _bare_decoder(cls)
    try:
        values = decode(row.payload)
    except msgspec.DecodeError as problem:
        raise _damaged(row, problem) from problem
    return _event(cls, row, values)


def to_recorded(row: LogRow) -> Recorded:
    """Return a row as projections see it."""
    try:
        metadata = _decode_metadata(row.metadata)
    except msgspec.DecodeError as problem:
        raise DamagedEventError(
            f"Event {row.log_index} ({row.type}) cannot be read: who did it was altered. Nothing was "
            "changed.",
            hint="daybook doctor",
        ) from problem
    return Recorded(
        event=to_event(row),
        log_index=row.log_index,
        event_id=row.event_id,
        time=row.time,
        actor=metadata.actor,
        source=metadata.source,
        correlation_id=metadata.correlation_id,
        causation_id=metadata.causation_id,
    )


def _event(cls: type[Event], row: LogRow, values: dict[str, Any]) -> Event:
    values["originator_id"] = row.stream_id
    values["originator_version"] = row.version
    values["timestamp"] = row.time
    if issubclass(cls, Created):
        values["originator_topic"] = get_topic(catalogue.aggregate_of(row.type))
    event = object.__new__(cls)
    event.__dict__.update(values)
    return event


def _damaged(row: LogRow, problem: Exception) -> DamagedEventError:
    return DamagedEventError(
        f"Event {row.log_index} ({row.type}) cannot be read: its stored bytes were altered "
        f"({type(problem).__name__}). Nothing was changed.",
        hint="daybook doctor",
    )


def _seal_marks(row: LogRow, values: dict[str, Any]) -> dict[str, Any]:
    """Wrap content before upcasting.

    A step may rename a content field, and its box stays bound to the old name.
    """
    plain = catalogue.plain_at(row.type, row.schema_version)
    return {
        name: value if value is None or name in plain else _sealed(row, name, value)
        for name, value in values.items()
    }


def _sealed(row: LogRow, name: str, box: Any) -> Sealed:
    if not isinstance(box, bytes):
        raise TypeError(name)
    return Sealed(row.stream_id, row.version, name, box)


def _uuids(values: Sequence[bytes]) -> tuple[UUID, ...]:
    return tuple(UUID(bytes=value) for value in values)


def _uuid(value: bytes) -> UUID:
    return UUID(bytes=value)


_BY_ANNOTATION = {"UUID": _uuid, "UUID | None": _uuid, "tuple[UUID, ...]": _uuids}
_cache: dict[type[Event], tuple[tuple[str, Any], ...]] = {}


def _converters(cls: type[Event]) -> tuple[tuple[str, Any], ...]:
    """Return each own field's name and what turns its stored form into its Python one.

    None: it is the same.
    """
    known = _cache.get(cls)
    if known is None:
        envelope = {"originator_id", "originator_version", "timestamp", "originator_topic"}
        known = tuple(
            (field.name, _BY_ANNOTATION.get(str(field.type)) if field.name in cls.plain else None)
            for field in fields(cls)
            if field.name not in envelope
        )
        _cache[cls] = known
    return known


_readers: dict[type[Event], tuple[Callable[[bytes], dict[str, Any]], tuple[str, ...]]] = {}


def _reader(cls: type[Event]) -> tuple[Callable[[bytes], dict[str, Any]], tuple[str, ...]]:
    """Return a function from a payload to the fields of one value, and which of these are content.

    Only UUIDs and boxes are looked at; all else is as it was stored, whatever the class says today.
    """
    hints = get_type_hints(cls)
    content = tuple(name for name, _ in _converters(cls) if name not in cls.plain)
    shape = {
        name: bytes | None if name in content else Any if convert is None else hints[name]
        for name, convert in _converters(cls)
    }
    _readers[cls] = _decoder_of(shape), content
    return _readers[cls]


_bare_decoders: dict[type[Event], Callable[[bytes], dict[str, Any]]] = {}


def _bare_decoder(cls: type[Event]) -> Callable[[bytes], dict[str, Any]]:
    """Return a function from a payload to the plain fields of one value; it steps over all others."""
    hints = get_type_hints(cls)
    bare = {name: hints[name] for name in cls.plain if get_origin(hints[name]) is not tuple}
    return _decoder_of(bare)


def _decoder_of(fields: dict[str, Any]) -> Callable[[bytes], dict[str, Any]]:
    """Return a function from a payload to these fields of it, each of its type; it steps over all others."""
    shape: Any = TypedDict("shape", fields)  # type: ignore[misc] # made of what an event class says
    decoder: msgspec.msgpack.Decoder[dict[str, Any]] = msgspec.msgpack.Decoder(shape)
    return decoder.decode


class DaybookMapper(Mapper[UUID]):
    """The `eventsourcing` library's mapper interface over this codec.

    Reading only: the recorder's rows carry columns that the library's `StoredEvent` lacks.
    """

    def __init__(self) -> None:
        super().__init__(transcoder=JSONTranscoder())

    def to_domain_event(self, stored_event: StoredEvent) -> DomainEventProtocol[UUID]:
        """Return the event of a stored row."""
        if not isinstance(stored_event, LoggedEvent):
            raise TypeError("events are read through the log's own recorder")
        return to_event(stored_event.row)
