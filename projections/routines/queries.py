"""Questions about routines.

Names are ciphertext in the table, so a name is looked for by opening all of them.
"""

from __future__ import annotations

import json
from collections.abc import Sequence
from dataclasses import dataclass
from datetime import datetime
from typing import Any, LiteralString
from uuid import UUID

from domain.content import Vault
from domain.errors import ContentDamagedError
from domain.routine.definition import Definition
from projections.finding import fragment_parameters
from projections.opening import Opener
from projections.reading import Reading
from projections.routines import NAME, VERSION

_SAYS: LiteralString = """
       v.version, v.name, v.description, v.prompt, v.instructions, v.options, v.model, v.think, v.at, v.actor
"""

_COLUMNS: LiteralString = (
    """
select r.id, r.created_at, r.updated_at, r.version, r.run_count, r.last_run_at, r.removed_at, r.erased_at,
       r.erased_by, """
    + _SAYS
    + """
  from routines r
  join versions v on v.routine_id = r.id and v.version = r.newest
"""
)

_IN_ORDER: LiteralString = " order by r.first_index"

_LIVING: LiteralString = " where r.removed_at is null and r.erased_at is null"

_BY_FRAGMENT: LiteralString = (
    _COLUMNS
    + """
 where r.id between %(low)s and %(high)s
    or (reverse(replace(r.id::text, '-', '')) collate "C" >= %(reversed_low)s
        and reverse(replace(r.id::text, '-', '')) collate "C" < %(reversed_high)s)
 order by r.first_index
 limit %(limit)s
"""
)

_VERSIONS: LiteralString = (
    """
select """
    + _SAYS
    + """
  from versions v
 where v.routine_id = %(id)s and v.version = coalesce(%(number)s::bigint, v.version)
 order by v.version
"""
)


@dataclass(frozen=True, slots=True)
class RoutineVersion:
    """What one version of a routine says. Texts are empty where there are none, and once erased.

    `damage` says that some of it was altered: that part is empty, too.
    """

    number: int
    name: str
    description: str
    prompt: str
    instructions: str
    options: dict[str, Any]
    model: str | None
    think: bool | str | None
    at: datetime
    actor: str
    erased: bool = False
    damage: ContentDamagedError | None = None

    @property
    def definition(self) -> Definition:
        """What it says, for who reads its templates."""
        return Definition(
            name=self.name,
            prompt=self.prompt,
            description=self.description,
            instructions=self.instructions,
            model=self.model,
            think=self.think,
            options=self.options,
        )


@dataclass(frozen=True, slots=True)
class RoutineDetails:
    """One routine and the newest of its versions.

    `version` is where its stream stands; `removed_at` is None where it can be run.
    """

    id: UUID
    newest: RoutineVersion
    created_at: datetime
    updated_at: datetime
    version: int
    run_count: int = 0
    last_run_at: datetime | None = None
    removed_at: datetime | None = None
    erased_at: datetime | None = None
    erased_by: str | None = None

    @property
    def name(self) -> str:
        """What it is called now."""
        return self.newest.name


class RoutineQueries:
    """Reads the routines read model."""

    def __init__(self, reading: Reading, vault: Vault) -> None:
        self._reading = reading
        self._vault = vault

    def all(
        self, *, include_removed: bool = False, at_least: int | None = None
    ) -> tuple[RoutineDetails, ...]:
        """Return the routines, oldest first; removed and erased ones where that is asked for."""
        where: LiteralString = "" if include_removed else _LIVING
        return self._routines(_COLUMNS + where + _IN_ORDER, None, at_least)

    def get(self, routine_id: UUID, *, at_least: int | None = None) -> RoutineDetails | None:
        """Return one routine, or None where the book has none of this id."""
        return next(iter(self._routines(_COLUMNS + " where r.id = %s", (routine_id,), at_least)), None)

    def find(
        self, fragment: str, *, limit: int = 5, at_least: int | None = None
    ) -> tuple[RoutineDetails, ...]:
        """Return the routines whose id begins or ends with these hex digits (see `domain.ids.fragment`)."""
        return self._routines(_BY_FRAGMENT, {**fragment_parameters(fragment), "limit": limit}, at_least)

    def named(self, name: str, *, at_least: int | None = None) -> tuple[RoutineDetails, ...]:
        """Return the routines of exactly this name that were not removed: one or none.

        Two only where both were given it in the same moment.
        """
        return tuple(one for one in self.all(at_least=at_least) if one.name == name.strip())

    def versions(
        self, routine_id: UUID, *, number: int | None = None, at_least: int | None = None
    ) -> tuple[RoutineVersion, ...]:
        """Return all versions of a routine, oldest first, or the one of a number."""
        with self._reading.open(NAME, VERSION, at_least) as connection:
            rows = connection.execute(_VERSIONS, {"id": routine_id, "number": number}).fetchall()
        return tuple(self._version(row) for row in rows)

    def _routines(
        self, statement: LiteralString, values: Any, at_least: int | None
    ) -> tuple[RoutineDetails, ...]:
        with self._reading.open(NAME, VERSION, at_least) as connection:
            rows = connection.execute(statement, values).fetchall()
        self._vault.prepare(row[0] for row in rows)
        return tuple(self._details(row) for row in rows)

    def _details(self, row: Sequence[Any]) -> RoutineDetails:
        identifier, created_at, updated_at, version, runs, last_run, removed_at, erased_at, erased_by = row[
            :9
        ]
        return RoutineDetails(
            id=identifier,
            newest=self._version(row[9:]),
            created_at=created_at,
            updated_at=updated_at,
            version=version,
            run_count=runs,
            last_run_at=last_run,
            removed_at=removed_at,
            erased_at=erased_at,
            erased_by=erased_by,
        )

    def _version(self, row: Sequence[Any]) -> RoutineVersion:
        number, name, description, prompt, instructions, options, model, think, at, actor = row
        opener = Opener(self._vault)
        return RoutineVersion(
            number=number,
            name=opener.text(name) or "",
            description=opener.text(description) or "",
            prompt=opener.text(prompt) or "",
            instructions=opener.text(instructions) or "",
            options=opener.value(options) or {},
            model=model,
            think=json.loads(think),
            at=at,
            actor=actor,
            erased=opener.erased or prompt is None,
            damage=opener.damage,
        )
