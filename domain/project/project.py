"""The project aggregate: instructions, a default model, and whether it is archived.

Invariants: an archived project changes in no way but by being restored, held or erased; what is held is not
erased, and once erased it refuses every command. Names and instructions are content
and are not held here; only the version that last changed the instructions is.
"""

from __future__ import annotations

from typing import Any
from uuid import UUID

from domain.errors import ContentErasedError, InvalidInputError, RefusedError
from domain.event import Event, Root, catalogue
from domain.ids import short
from domain.project import events as e


class Project(Root):
    """Groups conversations; `create` makes a new one."""

    default_model: str | None
    instructions_version: int | None
    archived: bool
    held: bool
    erased: bool

    def __init__(self) -> None:
        """Called by the library when the first event is applied."""
        self.default_model = None
        self.instructions_version = None
        self.archived = False
        self.held = False
        self.erased = False

    @classmethod
    def create(cls, project_id: UUID, *, name: str) -> Project:
        """Open a project."""
        _must_say_something(name)
        return cls._create(e.ProjectCreated, id=project_id, name=name)

    def rename(self, name: str) -> None:
        """Give it another name."""
        self._must_be_open()
        _must_say_something(name)
        self.trigger_event(e.ProjectRenamed, name=name)

    def describe(self, description: str) -> None:
        """Say what it is for; an empty text takes the description away."""
        self._must_be_open()
        self.trigger_event(e.ProjectDescribed, description=description)

    def change_instructions(self, instructions: str) -> None:
        """Set what every answer in this project is told first; an empty text takes the instructions away."""
        self._must_be_open()
        self.trigger_event(e.InstructionsChanged, instructions=instructions)

    def set_default_model(self, model: str | None) -> None:
        """Choose the model for prompts that name none."""
        self._must_be_open()
        if model != self.default_model:
            self.trigger_event(e.DefaultModelSet, model=model)

    def set_default_options(self, options: dict[str, Any]) -> None:
        """Choose the model's options for answers that are told no others; empty takes them away."""
        self._must_be_open()
        self.trigger_event(e.DefaultOptionsSet, options=options)

    def archive(self) -> None:
        """Put it out of the way; already there is fine."""
        self.must_not_be_erased()
        if not self.archived:
            self.trigger_event(e.ProjectArchived)

    def restore(self) -> None:
        """Bring it back; already there is fine."""
        self.must_not_be_erased()
        if self.archived:
            self.trigger_event(e.ProjectRestored)

    def end_import(self, imported_id: UUID, *, began_at: int, changed_at: int) -> None:
        """Say that all of it was taken in from a file."""
        self.trigger_event(
            e.ProjectImported, imported_id=imported_id, began_at=began_at, changed_at=changed_at
        )

    def hold(self, reason: str) -> None:
        """Forbid its erasure, and that of its conversations, until it is released."""
        self.must_not_be_erased()
        if self.held:
            raise RefusedError(f"Project {short(self.id)} is held already. Nothing was changed.")
        self.trigger_event(e.ProjectHeld, reason=reason)

    def release(self, reason: str) -> None:
        """Allow its erasure again."""
        self.must_not_be_erased()
        if not self.held:
            raise RefusedError(f"Project {short(self.id)} is not held. Nothing was changed.")
        self.trigger_event(e.ProjectReleased, reason=reason)

    def erase(self, reason_kind: str) -> None:
        """Say that its content goes for ever; whoever appends this destroys the key with it."""
        self.must_not_be_erased()
        self.must_not_be_held()
        self.trigger_event(e.ProjectErased, reason_kind=reason_kind)

    def must_not_be_erased(self) -> None:
        """Raise `ContentErasedError` where nothing can be recorded in it any more."""
        if self.erased:
            raise ContentErasedError(
                f"Project {short(self.id)} was erased; nothing can be recorded in it any more."
            )

    def must_not_be_held(self) -> None:
        """Raise `RefusedError` where a hold forbids to erase it and its conversations."""
        if self.held:
            raise RefusedError(
                f"Project {short(self.id)} is held. Nothing was erased.",
                hint=f"daybook hold release --project {short(self.id)} --reason WHY",
            )

    def fold(self, event: Event) -> None:
        """Change the state as the event says."""
        match event:
            case e.InstructionsChanged():
                self.instructions_version = event.version
            case e.DefaultModelSet():
                self.default_model = event.model
            case e.ProjectArchived():
                self.archived = True
            case e.ProjectRestored():
                self.archived = False
            case e.ProjectHeld() | e.ProjectReleased():
                self.held = isinstance(event, e.ProjectHeld)
            case e.ProjectErased():
                self.erased = True
            case _:
                pass

    def _must_be_open(self) -> None:
        self.must_not_be_erased()
        if self.archived:
            raise RefusedError(
                f"Project {short(self.id)} is archived. Nothing was changed.",
                hint=f"daybook project restore {short(self.id)}",
            )


def _must_say_something(name: str) -> None:
    if not name.strip():
        raise InvalidInputError(
            "A project needs a name. Nothing was recorded.", hint="daybook project create NAME"
        )


catalogue.aggregate("project", Project)
