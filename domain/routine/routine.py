"""The routine aggregate: versions of one saved prompt.

Invariants: every version can be run; a removed routine changes in no way but by being erased, and once erased
it refuses every command. What it says is content and is not held here; a version's number is that of its
event. That no two living routines have one name is looked after by the handlers, which can read names.
"""

from __future__ import annotations

from uuid import UUID

from domain.errors import ContentErasedError, RefusedError
from domain.event import Event, Root, catalogue
from domain.ids import short
from domain.routine import events as e
from domain.routine.definition import Definition


class Routine(Root):
    """One saved prompt; `save` makes a new one."""

    removed: bool
    erased: bool

    def __init__(self) -> None:
        """Called by the library when the first event is applied."""
        self.removed = False
        self.erased = False

    @classmethod
    def save(cls, routine_id: UUID, definition: Definition) -> Routine:
        """Save a prompt under a name.

        Raises:
            InvalidInputError: it could never be run.
        """
        definition.must_be_sound()
        return cls._create(e.RoutineSaved, id=routine_id, **_told(definition))

    def change(self, definition: Definition) -> None:
        """Make another version the one that is run; the earlier ones stay.

        Raises:
            InvalidInputError: it could never be run.
            RefusedError: the routine was removed.
        """
        self.must_be_there()
        definition.must_be_sound()
        self.trigger_event(e.RoutineChanged, **_told(definition))

    def remove(self) -> None:
        """Run it no more; already gone is fine."""
        self._must_not_be_erased()
        if not self.removed:
            self.trigger_event(e.RoutineRemoved)

    def erase(self, reason_kind: str) -> None:
        """Say that all its versions go for ever; whoever appends this destroys the key with it."""
        self._must_not_be_erased()
        self.trigger_event(e.RoutineErased, reason_kind=reason_kind)

    def must_be_there(self) -> None:
        """Raise `RefusedError` or `ContentErasedError` where it can be neither run nor changed any more."""
        self._must_not_be_erased()
        if self.removed:
            raise RefusedError(
                f"Routine {short(self.id)} was removed. Nothing was recorded.",
                hint=f"daybook routine show {short(self.id)} --history   (what it said can be saved anew)",
            )

    def fold(self, event: Event) -> None:
        """Change the state as the event says."""
        match event:
            case e.RoutineRemoved():
                self.removed = True
            case e.RoutineErased():
                self.erased = True
            case _:
                pass

    def _must_not_be_erased(self) -> None:
        if self.erased:
            raise ContentErasedError(
                f"Routine {short(self.id)} was erased; nothing can be recorded of it any more."
            )


def _told(definition: Definition) -> dict[str, object]:
    return {**vars(definition), "options": dict(definition.options)}


catalogue.aggregate("routine", Routine)
