"""The call of `daybook.append`: requests in, outcomes out, in PostgreSQL's binary format.

The sixteen arrays are written here and not by psycopg's list adapters, which take longer over one append than
the server does. The layout of a binary array: number of dimensions, whether it holds nulls, element type,
then length and lower bound of its one dimension, then each element with its length (-1 for null).
"""

import struct
from collections.abc import Sequence
from dataclasses import dataclass
from functools import cache
from itertools import chain
from typing import TYPE_CHECKING, Any, NamedTuple
from uuid import UUID
from weakref import WeakSet

if TYPE_CHECKING:
    import psycopg
    from psycopg.pq.abc import PGresult

_INT4, _INT8, _TEXT, _BYTEA, _UUID = 23, 20, 25, 17, 2950
_ARRAY_OF = {_INT4: 1007, _INT8: 1016, _TEXT: 1009, _BYTEA: 1001, _UUID: 2951}

_PARAMETERS = (
    *(_INT4, _UUID, _INT8, _UUID, _TEXT, _INT4, _BYTEA, _BYTEA),  # events
    *(_TEXT, _TEXT, _BYTEA, _BYTEA),  # idempotency
    *(_INT4, _UUID, _INT4, _BYTEA),  # data keys
)
_TYPES = [_ARRAY_OF[element] for element in _PARAMETERS]
_STATEMENT = b"select request, outcome, first_index, log_size, result from daybook.append(%s)" % b", ".join(
    b"$%d" % number for number in range(1, len(_PARAMETERS) + 1)
)
_NAME = b"daybook_append"
_NO_SUCH_STATEMENT = b"26000"

_array_head = struct.Struct("!iiIii").pack
_length = struct.Struct("!i").pack
_bigint = struct.Struct("!q").unpack
_NULL = b"\xff\xff\xff\xff"


@dataclass(frozen=True, slots=True)
class EventRow:
    """One event to append, as it will be stored. The log adds its index and time."""

    stream_id: UUID
    version: int
    event_id: UUID
    type: str
    schema_version: int
    metadata: bytes
    payload: bytes


@dataclass(frozen=True, slots=True)
class Idempotency:
    """Appended with the events: the same actor and key again gets `result` back and appends nothing."""

    actor: str
    key: str
    command_hash: bytes
    result: bytes


@dataclass(frozen=True, slots=True)
class NewKey:
    """A wrapped data key of an owner who has none yet, stored with the events."""

    owner_id: UUID
    epoch: int
    box: bytes


@dataclass(frozen=True, slots=True)
class AppendRequest:
    """What is appended together or not at all."""

    events: Sequence[EventRow]
    idempotency: Idempotency | None = None
    new_keys: Sequence[NewKey] = ()


class Outcome(NamedTuple):
    """What the function says about one request; see its comment for the words."""

    word: str
    first_index: int | None
    log_size: int
    result: bytes | None


def size_of(request: AppendRequest) -> int:
    """Estimate how many bytes a request sends."""
    events = sum(len(e.payload) + len(e.metadata) + 200 for e in request.events)
    return 200 + events + sum(len(k.box) + 50 for k in request.new_keys)


_prepared: "WeakSet[psycopg.Connection]" = WeakSet()


def call_append(connection: "psycopg.Connection", parameters: Sequence[bytes]) -> list[Outcome]:
    """Append an encoded batch in a transaction of its own and return one outcome a request, in order.

    All goes out in one message and the server commits before it listens again, so a client that is suspended
    here holds nothing up. The rows come before the commit, whose failure is a second result: each result
    counts.

    Raises:
        psycopg.Error: nothing was appended, unless the connection broke: then nobody knows.
    """
    wire = _wire()
    server, formats, binary, execute = connection.pgconn, wire.formats, wire.binary, wire.execute
    with connection.lock:
        if connection in _prepared:
            server.send_query_prepared(_NAME, parameters, formats, binary)
            results = connection.wait(execute(server))
            if results[0].error_field(wire.sqlstate) == _NO_SUCH_STATEMENT:
                # psycopg sends DEALLOCATE ALL after a rollback or a DROP; nothing was executed.
                _prepared.discard(connection)
        if connection not in _prepared:
            server.send_query_params(_STATEMENT, parameters, _TYPES, formats, binary)
            results = connection.wait(execute(server))
        for result in results:
            if result.status != wire.tuples_ok:
                from psycopg.errors import error_from_result

                raise error_from_result(result, encoding="utf-8")
        if connection not in _prepared:
            server.send_prepare(_NAME, _STATEMENT, _TYPES)
            connection.wait(execute(server))
            _prepared.add(connection)
    return _decoded(results[0])


class _Wire(NamedTuple):
    """What a call needs of psycopg, looked up once: an append is short enough to notice imports."""

    execute: Any
    formats: list[Any]
    binary: Any
    sqlstate: Any
    tuples_ok: Any


@cache
def _wire() -> _Wire:
    from psycopg import generators
    from psycopg.pq import DiagnosticField, ExecStatus, Format

    formats = [Format.BINARY] * len(_PARAMETERS)
    return _Wire(generators.execute, formats, Format.BINARY, DiagnosticField.SQLSTATE, ExecStatus.TUPLES_OK)


def encoded(requests: Sequence[AppendRequest]) -> list[bytes]:
    """Write the parameters in the order of `_PARAMETERS`."""
    numbered = list(enumerate(requests, 1))
    events = [event for request in requests for event in request.events]
    return [
        _integers(_INT4, "i", [number for number, request in numbered for _ in request.events]),
        _array(_UUID, [e.stream_id.bytes for e in events]),
        _integers(_INT8, "q", [e.version for e in events]),
        _array(_UUID, [e.event_id.bytes for e in events]),
        _array(_TEXT, [e.type.encode() for e in events]),
        _integers(_INT4, "i", [e.schema_version for e in events]),
        _array(_BYTEA, [e.metadata for e in events]),
        _array(_BYTEA, [e.payload for e in events]),
        *_idempotency(requests),
        *_keys(numbered),
    ]


def _idempotency(requests: Sequence[AppendRequest]) -> list[bytes]:
    given = [request.idempotency for request in requests]
    if not any(given):
        return [_nulls(_TEXT, len(given))] * 2 + [_nulls(_BYTEA, len(given))] * 2
    return [
        _array(_TEXT, [i.actor.encode() if i else None for i in given]),
        _array(_TEXT, [i.key.encode() if i else None for i in given]),
        _array(_BYTEA, [i.command_hash if i else None for i in given]),
        _array(_BYTEA, [i.result if i else None for i in given]),
    ]


def _keys(numbered: Sequence[tuple[int, AppendRequest]]) -> list[bytes]:
    keys = [key for _, request in numbered for key in request.new_keys]
    if not keys:
        return _NO_KEYS
    return [
        _integers(_INT4, "i", [number for number, request in numbered for _ in request.new_keys]),
        _array(_UUID, [k.owner_id.bytes for k in keys]),
        _integers(_INT4, "i", [k.epoch for k in keys]),
        _array(_BYTEA, [k.box for k in keys]),
    ]


def _empty(element: int) -> bytes:
    return struct.pack("!iiI", 0, 0, element)


_NO_KEYS = [_empty(element) for element in _PARAMETERS[-4:]]


@cache  # as many as there are sizes of a batch
def _nulls(element: int, count: int) -> bytes:
    return _array(element, [None] * count)


def _array(element: int, items: Sequence[bytes | None]) -> bytes:
    if not items:
        return _empty(element)
    parts = [_array_head(1, 1, element, len(items), 1)]
    for item in items:
        if item is None:
            parts.append(_NULL)
        else:
            parts.append(_length(len(item)))
            parts.append(item)
    return b"".join(parts)


def _integers(element: int, code: str, items: Sequence[int]) -> bytes:
    if not items:
        return _empty(element)
    size = _SIZES[code]
    body = struct.pack("!" + ("i" + code) * len(items), *chain.from_iterable((size, item) for item in items))
    return _array_head(1, 0, element, len(items), 1) + body


_SIZES = {"i": 4, "q": 8}


def _decoded(result: "PGresult") -> list[Outcome]:
    outcomes = []
    for row in range(result.ntuples):
        word, first, size, answer = (result.get_value(row, column) for column in range(1, 5))
        outcomes.append(
            Outcome(
                bytes(word or b"").decode(),
                None if first is None else _bigint(first)[0],
                0 if size is None else _bigint(size)[0],
                None if answer is None else bytes(answer),
            )
        )
    return outcomes
