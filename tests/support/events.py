"""Made-up events and requests for tests of the log."""

from uuid import UUID, uuid4

from infrastructure.postgres.log import AppendRequest, EventRow


def event(stream_id: UUID | None = None, version: int = 1, *, payload: bytes = b"payload") -> EventRow:
    return EventRow(stream_id or uuid4(), version, uuid4(), "test.happened", 1, b"metadata", payload)


def request(stream_id: UUID | None = None, first: int = 1, count: int = 1) -> AppendRequest:
    stream_id = stream_id or uuid4()
    return AppendRequest([event(stream_id, first + number) for number in range(count)])
