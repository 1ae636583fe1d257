"""What can happen to a project. Fields are content unless listed as plain."""

from __future__ import annotations

from uuid import UUID

from domain.content import Options, Text
from domain.event import Created, Event, catalogue


@catalogue.register("project.created")
class ProjectCreated(Created):
    """A person opened a project."""

    name: Text


@catalogue.register("project.renamed")
class ProjectRenamed(Event):
    """The project has a new name."""

    name: Text


@catalogue.register("project.described")
class ProjectDescribed(Event):
    """The project has a new description; empty: none."""

    description: Text


@catalogue.register("project.instructions-changed")
class InstructionsChanged(Event):
    """Answers from now on are given under these instructions; empty: none.

    This event's version numbers them.
    """

    instructions: Text


@catalogue.register("project.default-model-set", plain="model")
class DefaultModelSet(Event):
    """Prompts in this project go to this model unless they name another; None: to the book's default."""

    model: str | None


@catalogue.register("project.default-options-set")
class DefaultOptionsSet(Event):
    """Answers in this project are made with these options of the model, unless told others; empty: none.

    They stand in the provenance of each answer that was made with them.
    """

    options: Options


@catalogue.register("project.held")
class ProjectHeld(Event):
    """Neither it nor its conversations must be erased until it is released."""

    reason: Text


@catalogue.register("project.released")
class ProjectReleased(Event):
    """It may be erased again."""

    reason: Text


@catalogue.register("project.erased", plain="reason_kind")
class ProjectErased(Event):
    """Its key and those of its conversations were destroyed in this very transaction.

    There is no content, as there is no key; `reason_kind` is `request`: a person asked for it, or `restore`:
    a backup from before the erasure was restored.
    """

    reason_kind: str


@catalogue.register("project.archived")
class ProjectArchived(Event):
    """Out of the way, not gone."""


@catalogue.register("project.restored")
class ProjectRestored(Event):
    """Back among the others."""


@catalogue.register("project.imported", plain="imported_id began_at changed_at")
class ProjectImported(Event):
    """It was taken in from a file; this comes last in such an append.

    `imported_id` is its id where it was first recorded; it began and last changed there at the two moments,
    in microseconds since 1970.
    """

    imported_id: UUID
    began_at: int
    changed_at: int
