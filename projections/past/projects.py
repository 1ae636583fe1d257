"""Projects as they were."""

from __future__ import annotations

from collections.abc import Iterator
from contextlib import contextmanager
from typing import TYPE_CHECKING
from uuid import UUID

from projections.past.folding import folded
from projections.projects.projector import Projects
from projections.projects.queries import ProjectDetails, ProjectQueries

if TYPE_CHECKING:
    from domain.content import Vault
    from projections.past.history import History, Moment
    from projections.reading import Opens


class PastProjects:
    """Shows projects as they were at a moment."""

    def __init__(self, reading: Opens, history: History, vault: Vault, moment: Moment) -> None:
        self._reading = reading
        self._history = history
        self._vault = vault
        self._up_to = moment.log_index
        self._now = ProjectQueries(reading, vault)

    def all(
        self, *, include_archived: bool = False, at_least: int | None = None
    ) -> tuple[ProjectDetails, ...]:
        """Return the projects there were, oldest first."""
        now = [one.id for one in self._now.all(include_archived=True, at_least=at_least)]
        with self._of(now) as queries:
            return queries.all(include_archived=include_archived)

    def get(self, project_id: UUID, *, at_least: int | None = None) -> ProjectDetails | None:
        """Return one project, or None where the book had none of this id."""
        del at_least
        with self._of([project_id]) as queries:
            return queries.get(project_id)

    def find(
        self, fragment: str, *, limit: int = 5, at_least: int | None = None
    ) -> tuple[ProjectDetails, ...]:
        """Return the projects whose id begins or ends with a `domain.ids.fragment`."""
        now = self._now.find(fragment, limit=limit, at_least=at_least)
        then = (self.get(one.id) for one in now)
        return tuple(one for one in then if one is not None)

    def named(self, name: str, *, at_least: int | None = None) -> tuple[ProjectDetails, ...]:
        """Return the projects of exactly this name then, archived ones too."""
        wanted = name.strip()
        found = self.all(include_archived=True, at_least=at_least)
        return tuple(one for one in found if one.name.strip() == wanted)

    @contextmanager
    def _of(self, project_ids: list[UUID]) -> Iterator[ProjectQueries]:
        with folded(self._reading, self._history, self._vault, Projects(), self._up_to) as fold:
            fold.add(project_ids)
            yield ProjectQueries(fold, self._vault)
