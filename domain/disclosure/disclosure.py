"""The aggregate of one disclosure: one event, after which nothing ever happens to it."""

from __future__ import annotations

from uuid import UUID

from domain.disclosure import events as e
from domain.event import Root, catalogue


class Disclosure(Root):
    """Something that was shown or given out once."""

    @classmethod
    def show(cls, disclosure_id: UUID, *, what: str, conversation_id: UUID | None) -> Disclosure:
        """Say that something is shown."""
        return cls._create(e.ContentShown, id=disclosure_id, what=what, conversation_id=conversation_id)

    @classmethod
    def export(
        cls,
        disclosure_id: UUID,
        *,
        what: str,
        form: str,
        conversation_id: UUID | None = None,
        project_id: UUID | None = None,
    ) -> Disclosure:
        """Say that something is taken out."""
        return cls._create(
            e.ContentExported,
            id=disclosure_id,
            what=what,
            form=form,
            conversation_id=conversation_id,
            project_id=project_id,
        )


catalogue.aggregate("disclosure", Disclosure)
