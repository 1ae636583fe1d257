"""Questions about projects.

Names are ciphertext in the table, so a name is looked for by opening all of them.
"""

from __future__ import annotations

from collections.abc import Mapping
from dataclasses import dataclass, field
from datetime import datetime
from typing import Any, LiteralString
from uuid import UUID

from domain.content import Vault
from domain.errors import ContentDamagedError
from projections.finding import fragment_parameters
from projections.opening import Opener
from projections.projects import NAME, VERSION
from projections.reading import Opens

_COLUMNS: LiteralString = """
select p.id, p.name, p.description, p.default_model, p.instructions, p.instructions_version, p.archived,
       p.created_at, p.updated_at, p.hold_reason, p.erased_at, p.erased_by, p.version, p.default_options,
       p.imported_id
  from projects p
"""

_BY_FRAGMENT: LiteralString = (
    _COLUMNS
    + """
 where p.id between %(low)s and %(high)s
    or (reverse(replace(p.id::text, '-', '')) collate "C" >= %(reversed_low)s
        and reverse(replace(p.id::text, '-', '')) collate "C" < %(reversed_high)s)
 order by p.first_index
 limit %(limit)s
"""
)


_INSTRUCTIONS: LiteralString = """
select i.version, i.text, i.at, i.actor
  from instructions i
 where i.project_id = %s
 order by i.version desc
"""


@dataclass(frozen=True, slots=True)
class InstructionsVersion:
    """What a project's instructions were set to once; empty: they were taken away, or cannot be read.

    `version` is that of the event in the project's stream, which answers name in their provenance.
    """

    version: int
    text: str
    at: datetime
    actor: str
    damage: ContentDamagedError | None = None


@dataclass(frozen=True, slots=True)
class ProjectDetails:
    """One project. `description` and `instructions` are empty where there are none, as `default_options` are.

    `damage` says that some of it was altered: that part is empty, too. `version` is where its stream stands,
    `imported_id` its id where it was first recorded, if elsewhere.
    """

    id: UUID
    name: str
    description: str
    default_model: str | None
    instructions: str
    instructions_version: int | None
    archived: bool
    created_at: datetime
    updated_at: datetime
    erased: bool
    damage: ContentDamagedError | None = None
    hold_reason: str | None = None
    erased_at: datetime | None = None
    erased_by: str | None = None
    version: int = 0
    default_options: Mapping[str, Any] = field(default_factory=dict)
    imported_id: UUID | None = None


class ProjectQueries:
    """Reads the projects read model."""

    def __init__(self, reading: Opens, vault: Vault) -> None:
        self._reading = reading
        self._vault = vault

    def all(
        self, *, include_archived: bool = False, at_least: int | None = None
    ) -> tuple[ProjectDetails, ...]:
        """Return the projects, oldest first."""
        where: LiteralString = "" if include_archived else " where not p.archived"
        return self._rows(_COLUMNS + where + " order by p.first_index", None, at_least)

    def get(self, project_id: UUID, *, at_least: int | None = None) -> ProjectDetails | None:
        """Return one project, or None where the book has none of this id."""
        return next(iter(self._rows(_COLUMNS + " where p.id = %s", (project_id,), at_least)), None)

    def find(
        self, fragment: str, *, limit: int = 5, at_least: int | None = None
    ) -> tuple[ProjectDetails, ...]:
        """Return the projects whose id begins or ends with these hex digits (see `domain.ids.fragment`)."""
        return self._rows(_BY_FRAGMENT, {**fragment_parameters(fragment), "limit": limit}, at_least)

    def named(self, name: str, *, at_least: int | None = None) -> tuple[ProjectDetails, ...]:
        """Return the projects of exactly this name, archived ones too; names need not be unique."""
        wanted = name.strip()
        return tuple(
            project
            for project in self.all(include_archived=True, at_least=at_least)
            if project.name.strip() == wanted
        )

    def instructions(
        self, project_id: UUID, *, at_least: int | None = None
    ) -> tuple[InstructionsVersion, ...]:
        """Return all that a project's instructions were set to, newest first; empty where nothing was."""
        with self._reading.open(NAME, VERSION, at_least) as connection:
            rows = connection.execute(_INSTRUCTIONS, (project_id,)).fetchall()
        found = []
        for version, text, at, actor in rows:
            opener = Opener(self._vault)
            found.append(InstructionsVersion(version, opener.text(text) or "", at, actor, opener.damage))
        return tuple(found)

    def _rows(
        self, statement: LiteralString, values: Any, at_least: int | None
    ) -> tuple[ProjectDetails, ...]:
        with self._reading.open(NAME, VERSION, at_least) as connection:
            rows = connection.execute(statement, values).fetchall()
        return tuple(self._details(row) for row in rows)

    def _details(self, row: tuple[Any, ...]) -> ProjectDetails:
        opener = Opener(self._vault)
        return ProjectDetails(
            id=row[0],
            name=opener.text(row[1]) or "",
            description=opener.text(row[2]) or "",
            default_model=row[3],
            instructions=opener.text(row[4]) or "",
            instructions_version=row[5],
            archived=row[6],
            created_at=row[7],
            updated_at=row[8],
            hold_reason=opener.text(row[9]),
            erased_at=row[10],
            erased_by=row[11],
            version=row[12],
            default_options=opener.value(row[13]) or {},
            imported_id=row[14],
            erased=opener.erased or row[10] is not None,
            damage=opener.damage,
        )
