"""The JSON shapes of routines and their versions; the rules are those of `views.py`."""

from __future__ import annotations

from collections.abc import Sequence
from dataclasses import dataclass, field
from datetime import datetime
from typing import TYPE_CHECKING, Any
from uuid import UUID

if TYPE_CHECKING:
    from projections.routines.queries import RoutineDetails, RoutineVersion


@dataclass(frozen=True, kw_only=True)
class VariableView:
    """A variable of a routine; `default` null: a run must give a value."""

    name: str
    default: str | None


@dataclass(frozen=True, kw_only=True)
class RoutineVersionView:
    """What one version of a routine says.

    `input_is_placed`: its prompt has a place for the input; else that is added at the end. `model` null: the
    one that answers anyway; `think` null: as the model does by itself. `erased` and `damage` (in words) say
    why a text is missing.
    """

    version: int
    name: str | None
    description: str | None
    prompt: str | None
    instructions: str | None
    model: str | None
    think: bool | str | None
    options: dict[str, Any]
    variables: list[VariableView]
    input_is_placed: bool
    at: datetime
    actor: str
    erased: bool = False
    damage: str | None = None


@dataclass(frozen=True, kw_only=True)
class RoutineView(RoutineVersionView):
    """One routine and what the newest of its versions says.

    `stream_version` is that of its `ETag`. `removed_at` is null where it can be run.
    """

    id: UUID
    created_at: datetime
    updated_at: datetime
    run_count: int
    last_run_at: datetime | None = None
    removed_at: datetime | None = None
    erased_at: datetime | None = None
    erased_by: str | None = None
    stream_version: int = 0


@dataclass(frozen=True, kw_only=True)
class RoutineListView:
    """A page of routines, oldest first."""

    routines: list[RoutineView]
    next_cursor: str | None = None


@dataclass(frozen=True, kw_only=True)
class RoutineVersionListView:
    """All versions of a routine, oldest first."""

    versions: list[RoutineVersionView] = field(default_factory=list)


def version(found: RoutineVersion) -> RoutineVersionView:
    """Show one version."""
    definition = found.definition
    return RoutineVersionView(
        version=found.number,
        name=found.name or None,
        description=found.description or None,
        prompt=found.prompt or None,
        instructions=found.instructions or None,
        model=found.model,
        think=found.think,
        options=found.options,
        variables=[VariableView(name=name, default=told) for name, told in definition.variables().items()],
        input_is_placed=definition.names_input,
        at=found.at,
        actor=found.actor,
        erased=found.erased,
        damage=found.damage.message if found.damage else None,
    )


def routine(found: RoutineDetails) -> RoutineView:
    """Show one routine."""
    return RoutineView(
        **vars(version(found.newest)),
        id=found.id,
        created_at=found.created_at,
        updated_at=found.updated_at,
        run_count=found.run_count,
        last_run_at=found.last_run_at,
        removed_at=found.removed_at,
        erased_at=found.erased_at,
        erased_by=found.erased_by,
        stream_version=found.version,
    )


def versions(found: Sequence[RoutineVersion]) -> RoutineVersionListView:
    """Show all versions."""
    return RoutineVersionListView(versions=[version(one) for one in found])
