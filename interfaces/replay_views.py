"""The JSON shapes of replays; the rules are those of `views.py`."""

from __future__ import annotations

from collections.abc import Sequence
from dataclasses import dataclass, field
from datetime import datetime
from typing import TYPE_CHECKING, Any
from uuid import UUID

from domain.replay.likeness import verdict

if TYPE_CHECKING:
    from projections.replays.queries import ReplayDetails, ReplayPrompt, ReplayRun


@dataclass(frozen=True, kw_only=True)
class ReplayView:
    """One replay.

    `status`: `running`, `stopped` (it can be resumed), `complete` or `cancelled`. Counts are of prompts; a
    prompt counts by the worst of its answers. `run_count` of `prompt_count` times `repeat` runs are done.
    """

    replay_id: UUID
    status: str
    model: str
    chosen_by: str
    repeat: int
    prompt_count: int
    run_count: int
    identical_count: int
    near_count: int
    different_count: int
    failed_count: int
    skipped_count: int
    started_at: datetime
    updated_at: datetime
    actor: str
    source: str
    instructions: str | None = None
    options: dict[str, Any] = field(default_factory=dict)
    version: int = 0
    damaged: bool = False
    erased_at: datetime | None = None
    erased_by: str | None = None


@dataclass(frozen=True, kw_only=True)
class ReplayListView:
    """A page of replays, the newest first."""

    replays: list[ReplayView]
    next_cursor: str | None = None


@dataclass(frozen=True, kw_only=True)
class ReplayRunView:
    """One new answer, or that there is none (`failed`). `verdict`: `identical`, `near`, `different`."""

    repeat: int
    at: datetime
    status: str
    reason: str
    verdict: str | None
    likeness: float | None
    text: str
    thinking: str
    detail: str | None
    model_digest: str | None
    prompt_tokens: int | None
    completion_tokens: int | None
    first_token_ms: float | None
    total_ms: float | None
    erased: bool = False


@dataclass(frozen=True, kw_only=True)
class ReplayPromptView:
    """A prompt, named by its recorded answer. `skipped`: why it cannot be asked again."""

    answer_id: UUID
    skipped: str | None
    runs: list[ReplayRunView]


@dataclass(frozen=True, kw_only=True)
class ReplayPromptsView:
    """A page of a replay's prompts, in their order."""

    prompts: list[ReplayPromptView]
    next_cursor: str | None = None


@dataclass(frozen=True, kw_only=True)
class ReplaySelectionView:
    """How many prompts a replay would ask."""

    prompt_count: int


def replay(found: ReplayDetails, *, running: bool) -> ReplayView:
    """Show one replay."""
    status = found.status if found.status != "open" else "running" if running else "stopped"
    return ReplayView(
        replay_id=found.id,
        status=status,
        model=found.model,
        chosen_by=found.chosen_by,
        repeat=found.repeat,
        prompt_count=found.prompt_count,
        run_count=found.run_count,
        identical_count=found.identical_count,
        near_count=found.near_count,
        different_count=found.different_count,
        failed_count=found.failed_count,
        skipped_count=found.skipped_count,
        started_at=found.started_at,
        updated_at=found.updated_at,
        actor=found.actor,
        source=found.source,
        instructions=found.instructions,
        options=dict(found.options),
        version=found.version,
        damaged=found.damage is not None,
        erased_at=found.erased_at,
        erased_by=found.erased_by,
    )


def prompts(found: Sequence[ReplayPrompt], *, limit: int) -> ReplayPromptsView:
    """Show a page, of which one more than `limit` was read where there are more."""
    page = found[:limit]
    following = str(page[-1].answer_id) if len(found) > limit else None
    shown = [
        ReplayPromptView(answer_id=one.answer_id, skipped=one.skipped, runs=[_run(run) for run in one.runs])
        for one in page
    ]
    return ReplayPromptsView(prompts=shown, next_cursor=following)


def _run(run: ReplayRun) -> ReplayRunView:
    return ReplayRunView(
        repeat=run.repeat,
        at=run.at,
        status=run.status,
        reason=run.reason,
        verdict=None if run.likeness is None else verdict(run.likeness).value,
        likeness=run.likeness,
        text=run.text,
        thinking=run.thinking,
        detail=run.detail,
        model_digest=run.model_digest,
        prompt_tokens=run.prompt_tokens,
        completion_tokens=run.completion_tokens,
        first_token_ms=run.first_token_ms,
        total_ms=run.total_ms,
        erased=run.erased,
    )
