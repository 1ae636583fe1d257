"""The commands on replays; see `commands.py` for all others."""

from __future__ import annotations

from collections.abc import Mapping
from dataclasses import dataclass, field
from typing import Any
from uuid import UUID

from application.commands import Command, Edit


@dataclass(frozen=True, kw_only=True)
class StartReplay(Command):
    """Want the prompts of recorded answers asked again, by a model; nothing is asked yet.

    `instructions` (None: those that were sent then; empty: none) and `options` stand over those of then.
    `chosen_by`: `conversation`, `project`, `search`, `last`.
    """

    answer_ids: tuple[UUID, ...]
    model: str
    instructions: str | None = None
    options: Mapping[str, Any] = field(default_factory=dict)
    repeat: int = 1
    chosen_by: str = "last"


@dataclass(frozen=True, kw_only=True)
class CancelReplay(Edit):
    """Want no more of a replay; what was answered stays."""

    replay_id: UUID


@dataclass(frozen=True, kw_only=True)
class EraseReplay(Edit):
    """Destroy what a replay's answers say, for ever."""

    replay_id: UUID
