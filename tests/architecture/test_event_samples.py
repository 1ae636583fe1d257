"""Events that were stored once are read for ever (adr/0004, adr/0006)."""

import json
from datetime import datetime
from pathlib import Path
from typing import Any
from uuid import UUID

import pytest

from domain.content import Sealed
from domain.event import Created, catalogue, field_names
from infrastructure.postgres.codec import to_recorded
from infrastructure.postgres.log import LogRow
from tests.samples.keys import sample_keyring
from tests.samples.make import EVENTS, ORIGIN, all_types, sample_path, sealed_names, told

SAMPLES = sorted(EVENTS.glob("*.json"))


def _row(sample: dict[str, Any]) -> LogRow:
    return LogRow(
        log_index=41,
        stream_id=UUID(sample["stream_id"]),
        version=sample["version"],
        event_id=UUID(sample["event_id"]),
        schema_version=sample["schema_version"],
        time=datetime.fromisoformat(sample["time"]),
        type=sample["type"],
        metadata=bytes.fromhex(sample["metadata"]),
        payload=bytes.fromhex(sample["payload"]),
    )


def test_every_type_and_version_has_a_sample() -> None:
    expected = {
        sample_path(name, version)
        for name, cls in all_types().items()
        for version in range(1, cls.schema_version + 1)
    }

    assert expected <= set(SAMPLES), "run: python -m tests.samples.make"


def test_no_sample_is_of_a_type_that_was_unregistered() -> None:
    assert {path.name.partition("@")[0] for path in SAMPLES} <= set(all_types())


@pytest.mark.parametrize("path", SAMPLES, ids=lambda path: path.stem)
def test_a_stored_event_still_means_what_it_meant(path: Path) -> None:
    all_types()
    sample = json.loads(path.read_text())
    vault = sample_keyring()

    recorded = to_recorded(_row(sample))

    event = recorded.event
    values = {name: getattr(event, name) for name in field_names(type(event))}
    opened = {
        name: vault.open(value) if isinstance(value, Sealed) else value for name, value in values.items()
    }
    assert {name: told(value) for name, value in opened.items()} == sample["fields"]
    assert sealed_names(event) == sample["sealed"]
    assert (event.stream_id, event.version) == (UUID(sample["stream_id"]), sample["version"])
    assert (recorded.log_index, recorded.event_id) == (41, UUID(sample["event_id"]))
    assert recorded.time == datetime.fromisoformat(sample["time"])
    assert (recorded.actor, recorded.source) == (ORIGIN.actor, ORIGIN.source)
    assert (recorded.correlation_id, recorded.causation_id) == (ORIGIN.correlation_id, ORIGIN.causation_id)


@pytest.mark.parametrize("path", SAMPLES, ids=lambda path: path.stem)
def test_a_stored_first_event_makes_its_aggregate(path: Path) -> None:
    all_types()
    sample = json.loads(path.read_text())
    event = to_recorded(_row(sample)).event

    if isinstance(event, Created):
        aggregate = event.mutate(None)
        assert type(aggregate) is catalogue.aggregate_of(sample["type"])
        assert aggregate.id == UUID(sample["stream_id"])
    else:
        assert sample["version"] > 1


@pytest.mark.parametrize("path", SAMPLES, ids=lambda path: path.stem)
def test_no_content_stands_in_the_stored_bytes(path: Path) -> None:
    sample = json.loads(path.read_text())
    stored = bytes.fromhex(sample["payload"]) + bytes.fromhex(sample["metadata"])

    for name in sample["sealed"]:
        value = sample["fields"][name]
        words = value.split() if isinstance(value, str) else list(value)
        assert not [
            word
            for word in words
            if word.encode("utf-8", "surrogatepass") in stored.replace(name.encode(), b"")
        ]
