"""What was read and exported. All fields are plain: these events never say what was said.

`what` is a stable word: `conversation`, `explanation`, `history`, `search`, `comparison`, `replay`; of
exports `conversation`, `project`, `all`, `log`, `backup`. An id is None where it is not one of that kind.
"""

from __future__ import annotations

from uuid import UUID

from domain.event import Created, catalogue


@catalogue.register("disclosure.shown", plain="what conversation_id")
class ContentShown(Created):
    """Something was shown to the event's actor."""

    what: str
    conversation_id: UUID | None

    @property
    def about(self) -> UUID | None:
        """The conversation."""
        return self.conversation_id


@catalogue.register("disclosure.exported", plain="what conversation_id project_id form")
class ContentExported(Created):
    """The event's actor began to take something out, as `form` (`json`, `md`, `html`, `files`, `backup`)."""

    what: str
    conversation_id: UUID | None
    project_id: UUID | None
    form: str

    @property
    def about(self) -> UUID | None:
        """The conversation or the project; None for more than one."""
        return self.conversation_id or self.project_id
