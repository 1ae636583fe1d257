"""What every event of Daybook is, and the catalogue of all of them.

Invariant: an event is stored under a registered type name and a schema version, never under a Python path,
so names in this package are free to change. Every field is content (stored encrypted) unless its class lists
it as plain.
"""

from __future__ import annotations

from collections.abc import Callable, Iterable
from dataclasses import dataclass, fields
from datetime import UTC, datetime
from typing import Any, ClassVar, NamedTuple, Self, TypeAlias, TypeVar
from uuid import UUID

from eventsourcing.domain import Aggregate, AggregateCreated, AggregateEvent

from domain.errors import DaybookError

UNSET_TIME = datetime(1970, 1, 1, tzinfo=UTC)
"""The time of an event that the log has not accepted yet: the log alone sets times."""

_ENVELOPE = frozenset({"originator_id", "originator_version", "timestamp", "originator_topic"})


class UnknownEventTypeError(DaybookError):
    """The log holds an event that this version of Daybook cannot read.

    Readers stop here rather than skip it.
    """


class DamagedEventError(DaybookError):
    """A stored event cannot be read: its bytes were altered outside of Daybook."""


class Event(AggregateEvent):
    """A fact in the past tense. Subclasses list in `plain` the fields that may be stored unencrypted."""

    plain: ClassVar[frozenset[str]] = frozenset()
    type_name: ClassVar[str] = ""
    schema_version: ClassVar[int] = 1

    @staticmethod
    def create_timestamp() -> datetime:
        """Return the placeholder that the log replaces by its own time."""
        return UNSET_TIME

    def apply(self, aggregate: Root) -> None:
        """Fold the event into its aggregate; the library calls this for new events and loaded ones alike."""
        aggregate.fold(self)

    @property
    def stream_id(self) -> UUID:
        """The aggregate this event belongs to."""
        return self.originator_id

    @property
    def version(self) -> int:
        """The event's place in its stream, counted from 1."""
        return self.originator_version

    @property
    def about(self) -> UUID | None:
        """What else it is about than its own stream, where it says so in a plain field."""
        return None


class Created(Event, AggregateCreated):
    """The first event of a stream."""


Facts: TypeAlias = dict[str, Any]
"""What an aggregate guards, by name: None, booleans, numbers, strings and bytes, and never any content."""


class Picture(NamedTuple):
    """An aggregate as it stood at one version of its stream; what came after is folded upon it."""

    version: int
    began: datetime
    changed: datetime
    facts: Facts


class Root(Aggregate):
    """The base of our aggregates: all their state changes happen in `fold`, and only there.

    `picture_format` numbers what `facts` returns and how `fold` comes to it; 0: pictures of it are never
    taken.
    """

    picture_format: ClassVar[int] = 0

    def fold(self, event: Event) -> None:
        """Change the state as the event says. Events the aggregate need not know change nothing.

        Only plain fields of one value may be looked at: a loaded event has neither content nor lists.
        """

    def follow(self, events: Iterable[Event]) -> None:
        """Fold loaded events, which must come next in the stream, one after the other.

        Raises:
            DamagedEventError: one is missing.
        """
        version, changed = self.version, self.modified_on
        for event in events:
            version += 1
            if event.originator_version != version:
                raise DamagedEventError(
                    f"Version {version} of stream {self.id} is missing in the log: it was altered. Nothing "
                    "was changed.",
                    hint="daybook audit verify",
                )
            self.fold(event)
            changed = event.timestamp
        self.version, self.modified_on = version, changed

    def facts(self) -> Facts:
        """Return the whole state. An aggregate that has a `picture_format` says how."""
        raise NotImplementedError

    def stand_as(self, facts: Facts) -> None:
        """Take over the whole state."""
        raise NotImplementedError

    def picture(self) -> Picture:
        """Return how it stands now."""
        return Picture(self.version, self.created_on, self.modified_on, self.facts())

    @classmethod
    def from_picture(cls, stream_id: UUID, picture: Picture) -> Self:
        """Return the aggregate that a picture shows.

        Raises:
            KeyError, TypeError, ValueError: it is not a picture of this kind.
        """
        root = cls.__new__(cls)
        root.__base_init__(stream_id, picture.version, picture.began)
        root.modified_on = picture.changed
        root.stand_as(picture.facts)
        return root


@dataclass(frozen=True)
class Recorded:
    """An event as the log holds it, with its envelope. `log_index` counts from 0; `time` is the log's own."""

    event: Event
    log_index: int
    event_id: UUID
    time: datetime
    actor: str
    source: str
    correlation_id: UUID | None
    causation_id: UUID | None


Upcaster = Callable[[dict[str, Any]], dict[str, Any]]
"""Takes the fields of one schema version and returns those of the next.

Content fields may still be `Sealed`.
"""

E = TypeVar("E", bound=type[Event])


class Catalogue:
    """All event types by their stored names, and the steps that lead old versions to the present one."""

    def __init__(self) -> None:
        self._types: dict[str, type[Event]] = {}
        self._aggregates: dict[str, type[Root]] = {}
        self._upcasters: dict[tuple[str, int], Upcaster] = {}
        self._plain_before: dict[tuple[str, int], frozenset[str]] = {}

    def register(self, type_name: str, *, plain: str = "", version: int = 1) -> Callable[[E], E]:
        """Return a class decorator.

        Store this event as `type_name`, with the (space-separated) plain fields.
        """

        def decorate(cls: E) -> E:
            if type_name in self._types:
                raise ValueError(f"two events are called {type_name}")
            names = frozenset(plain.split())
            unknown = names - field_names(cls)
            if unknown:
                raise ValueError(f"{type_name} has no fields {sorted(unknown)}")
            cls.type_name, cls.schema_version, cls.plain = type_name, version, names
            self._types[type_name] = cls
            return cls

        return decorate

    def aggregate(self, prefix: str, cls: type[Root]) -> None:
        """Say which aggregate the events named `prefix.…` belong to."""
        self._aggregates[prefix] = cls

    def upcast(self, type_name: str, from_version: int, *, plain: str) -> Callable[[Upcaster], Upcaster]:
        """Return a decorator for the step from one schema version of a type to the next.

        `plain` lists (separated by spaces) which stored fields were plain in the old version.
        """

        def decorate(step: Upcaster) -> Upcaster:
            self._plain_before[type_name, from_version] = frozenset(plain.split())
            self._upcasters[type_name, from_version] = step
            return step

        return decorate

    def steps(self, type_name: str) -> list[tuple[int, Upcaster]]:
        """Return the steps of a type, each with the version it leads on from, oldest first."""
        return sorted(
            ((version, step) for (name, version), step in self._upcasters.items() if name == type_name),
            key=lambda one: one[0],
        )

    def plain_at(self, type_name: str, version: int) -> frozenset[str]:
        """Return which stored fields were plain in a schema version of a type (unknown types: none)."""
        old = self._plain_before.get((type_name, version))
        if old is not None:
            return old
        cls = self._types.get(type_name)
        return cls.plain if cls is not None else frozenset()

    def types(self) -> dict[str, type[Event]]:
        """Return every registered event type by name."""
        return dict(self._types)

    def aggregate_of(self, type_name: str) -> type[Root]:
        """Return the aggregate class that a stored type belongs to."""
        return self._aggregates[type_name.partition(".")[0]]

    def known(self, type_name: str, version: int) -> type[Event]:
        """Return the event class for a stored type in some version of it.

        Raises:
            UnknownEventTypeError: the type, or this version of it, is not known here.
        """
        cls = self._types.get(type_name)
        if cls is None or version > cls.schema_version or version < 1:
            raise UnknownEventTypeError(
                f"The log holds an event of type {type_name!r}, version {version}, that this Daybook does "
                "not know. "
                "Nothing is lost; a newer Daybook wrote it.",
                hint="Update Daybook.",
            )
        return cls

    def resolve(
        self, type_name: str, version: int, values: dict[str, Any]
    ) -> tuple[type[Event], dict[str, Any]]:
        """Return the event class for a stored type, and the stored fields brought to its present version.

        Raises:
            UnknownEventTypeError: the type, or this version of it, is not known here.
        """
        cls = self.known(type_name, version)
        for step in range(version, cls.schema_version):
            values = self._upcasters[type_name, step](values)
        return cls, values


catalogue = Catalogue()
"""The one catalogue of this book's events."""


def field_names(cls: type[Event]) -> frozenset[str]:
    """Return the names of an event's own fields, without its envelope."""
    return frozenset(field.name for field in fields(cls)) - _ENVELOPE
