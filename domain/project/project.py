"""The project aggregate: instructions, a default model, and whether it is archived.

Invariant: an archived project changes in no way but by being restored. Names and instructions are content
and are not held here; only the version that last changed the instructions is.
"""

from __future__ import annotations

from uuid import UUID

from domain.errors import InvalidInputError, RefusedError
from domain.event import Event, Root, catalogue
from domain.ids import short
from domain.project import events as e


class Project(Root):
    """Groups conversations; `create` makes a new one."""

    default_model: str | None
    instructions_version: int | None
    archived: bool

    def __init__(self) -> None:
        """Called by the library when the first event is applied."""
        self.default_model = None
        self.instructions_version = None
        self.archived = False

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

    def archive(self) -> None:
        """Put it out of the way; already there is fine."""
        if not self.archived:
            self.trigger_event(e.ProjectArchived)

    def restore(self) -> None:
        """Bring it back; already there is fine."""
        if self.archived:
            self.trigger_event(e.ProjectRestored)

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
            case _:
                pass

    def _must_be_open(self) -> None:
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
