"""What many comparisons come to: counts, shares, medians.

Invariant: only what was compared counts. A run without a verdict (its answer failed, or one side was erased)
is shown and adds to no figure.
"""

from __future__ import annotations

from collections.abc import Callable, Iterable, Sequence
from statistics import median
from typing import Any
from uuid import UUID

from interfaces.comparison_views import (
    ComparedAnswerView,
    ComparedPromptView,
    ComparisonView,
    RunView,
    SideFiguresView,
)

IDENTICAL, NEAR, DIFFERENT = "identical", "near", "different"
WORST_FIRST = (DIFFERENT, NEAR, IDENTICAL)
_DIGITS = 4


def prompt_view(
    *,
    prompt_id: UUID,
    conversation_id: UUID | None,
    prompt: str | None,
    old: ComparedAnswerView,
    runs: Sequence[RunView],
    skipped: str | None = None,
) -> ComparedPromptView:
    """Return a prompt with the verdict on its runs together: that of the worst."""
    told = [run for run in runs if run.verdict is not None]
    return ComparedPromptView(
        prompt_id=prompt_id,
        conversation_id=conversation_id,
        prompt=prompt,
        verdict=min((run.verdict or "" for run in told), key=WORST_FIRST.index, default=None),
        likeness=min((run.likeness for run in told if run.likeness is not None), default=None),
        old=old,
        runs=list(runs),
        skipped=skipped,
    )


def comparison(
    replay_id: UUID, status: str, models: Iterable[str], prompts: Sequence[ComparedPromptView]
) -> ComparisonView:
    """Return prompts with what they come to. `models` are those asked anew."""
    compared = [one for one in prompts if one.verdict is not None]
    pairs = [
        (one.old, run.new)
        for one in compared
        for run in one.runs
        if run.verdict is not None and run.new is not None
    ]
    counts = {verdict: sum(one.verdict == verdict for one in compared) for verdict in WORST_FIRST}
    likenesses = [one.likeness for one in compared if one.likeness is not None]
    return ComparisonView(
        replay_id=replay_id,
        status=status,
        models=sorted(set(models)),
        old_models=sorted({one.old.model for one in prompts}),
        prompt_count=len(prompts),
        compared_count=len(compared),
        identical_count=counts[IDENTICAL],
        near_count=counts[NEAR],
        different_count=counts[DIFFERENT],
        alike_share=_rounded((counts[IDENTICAL] + counts[NEAR]) / len(compared)) if compared else None,
        median_likeness=_median(likenesses),
        lowest_likeness=min(likenesses, default=None),
        speed_ratio=_ratio(pairs, lambda one: one.tokens_per_second),
        length_ratio=_ratio(pairs, lambda one: one.length),
        old=_side([old for old, _ in pairs]),
        new=_side([new for _, new in pairs]),
        prompts=list(prompts),
    )


def narrowed(found: ComparisonView, verdict: str) -> list[ComparedPromptView]:
    """Return the prompts of a verdict."""
    return [one for one in found.prompts if one.verdict == verdict]


def _side(answers: Sequence[ComparedAnswerView]) -> SideFiguresView:
    return SideFiguresView(
        answer_count=len(answers),
        median_length=_median([one.length for one in answers]),
        median_completion_tokens=_median(_told(answers, "completion_tokens")),
        median_tokens_per_second=_median(_told(answers, "tokens_per_second")),
        median_first_token_ms=_median(_told(answers, "first_token_ms")),
        median_total_ms=_median(_told(answers, "total_ms")),
        length=sum(one.length for one in answers),
        completion_tokens=int(sum(_told(answers, "completion_tokens"))),
        total_ms=_rounded(sum(_told(answers, "total_ms"))),
    )


def _told(answers: Sequence[ComparedAnswerView], name: str) -> list[Any]:
    return [value for one in answers if (value := getattr(one, name)) is not None]


def _ratio(
    pairs: Sequence[tuple[ComparedAnswerView, ComparedAnswerView]],
    of: Callable[[ComparedAnswerView], float | None],
) -> float | None:
    both = [(of(old), of(new)) for old, new in pairs]
    return _median([after / before for before, after in both if before and after is not None])


def _median(values: Sequence[float]) -> float | None:
    return _rounded(median(values)) if values else None


def _rounded(value: float) -> float:
    return round(value, _DIGITS)
