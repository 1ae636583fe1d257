"""The JSON shapes of how conversations are filed: tags, and the versions of a project's instructions."""

from __future__ import annotations

from dataclasses import dataclass
from datetime import datetime
from typing import TYPE_CHECKING

from domain.errors import NotFoundError
from domain.ids import short

if TYPE_CHECKING:
    from collections.abc import Sequence

    from projections.conversations.queries import TagCount
    from projections.projects.queries import InstructionsVersion, ProjectDetails


@dataclass(frozen=True, kw_only=True)
class TagView:
    """One tag, and how many conversations have it, archived ones among them."""

    name: str
    conversation_count: int


@dataclass(frozen=True, kw_only=True)
class TagListView:
    """All tags, by name."""

    tags: list[TagView]


@dataclass(frozen=True, kw_only=True)
class InstructionsView:
    """What a project's instructions were set to once; an empty text took them away.

    `version` is what the provenance of answers calls `instructions_version`. `damaged`: the text was altered
    and cannot be shown. `current`: it holds now.
    """

    version: int
    text: str
    at: datetime
    actor: str
    current: bool
    damaged: bool = False


@dataclass(frozen=True, kw_only=True)
class InstructionsListView:
    """All that a project's instructions were set to, newest first."""

    instructions: list[InstructionsView]


def tags(found: Sequence[TagCount]) -> TagListView:
    """Show all tags."""
    return TagListView(
        tags=[TagView(name=one.name, conversation_count=one.conversation_count) for one in found]
    )


def instructions(found: Sequence[InstructionsVersion]) -> InstructionsListView:
    """Show all versions of a project's instructions, which come newest first."""
    return InstructionsListView(
        instructions=[
            InstructionsView(
                version=one.version,
                text=one.text,
                at=one.at,
                actor=one.actor,
                current=place == 0,
                damaged=one.damage is not None,
            )
            for place, one in enumerate(found)
        ]
    )


def instructions_at(
    project: ProjectDetails, found: Sequence[InstructionsVersion], version: int
) -> InstructionsView:
    """Show one version of a project's instructions.

    Raises:
        NotFoundError: there is none of this number.
    """
    for one in instructions(found).instructions:
        if one.version == version:
            return one
    raise NotFoundError(
        f"Project {short(project.id)} has no instructions of version {version}.",
        hint=f"daybook project instructions {short(project.id)} --history",
    )
