"""Given events, when a command is called, then these events come of it, or this error."""

from __future__ import annotations

from collections.abc import Callable
from dataclasses import dataclass
from typing import Any, Generic, TypeVar

import pytest

from domain.errors import DaybookError
from domain.event import Event, Root, field_names

R = TypeVar("R", bound=Root)


@dataclass
class Given(Generic[R]):
    """`given(aggregate).when(command).then(...)`."""

    aggregate: R
    error: DaybookError | None = None

    def when(self, command: Callable[[R], object]) -> Given[R]:
        self.aggregate.collect_events()
        try:
            command(self.aggregate)
        except DaybookError as error:
            self.error = error
        return self

    def then(self, *expected: tuple[type[Event], dict[str, Any]]) -> R:
        """Each event is named by its class and the fields that matter."""
        if self.error is not None:
            raise self.error
        happened = list(self.aggregate.collect_events())
        assert [type(event) for event in happened] == [kind for kind, _ in expected]
        for event, (kind, values) in zip(happened, expected, strict=True):
            assert set(values) <= field_names(kind)  # type: ignore[arg-type]
            assert {name: getattr(event, name) for name in values} == values
        return self.aggregate

    def then_nothing(self) -> R:
        return self.then()

    def then_refused(self, kind: type[DaybookError], words: str) -> None:
        assert list(self.aggregate.collect_events()) == []
        assert type(self.error) is kind, self.error
        with pytest.raises(kind, match=words):
            raise self.error


def given(aggregate: R) -> Given[R]:
    return Given(aggregate)


def rebuilt(kind: type[R], events: list[Event]) -> R:
    """Return the aggregate that a loader would make of the events."""
    aggregate: Root | None = None
    for event in events:
        aggregate = event.mutate(aggregate)
    assert isinstance(aggregate, kind)
    return aggregate
