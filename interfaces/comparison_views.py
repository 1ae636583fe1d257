"""The JSON shapes of a replay's comparison; the rules are those of `views.py`."""

from __future__ import annotations

from dataclasses import dataclass
from uuid import UUID


@dataclass(frozen=True, kw_only=True)
class ComparedAnswerView:
    """One answer of a comparison, the recorded one or a new one.

    `text` is None where it cannot be read any more. `length` is in characters.
    """

    model: str
    status: str
    text: str | None
    length: int
    prompt_tokens: int | None
    completion_tokens: int | None
    first_token_ms: float | None
    total_ms: float | None
    tokens_per_second: float | None
    answer_id: UUID | None = None
    detail: str | None = None


@dataclass(frozen=True, kw_only=True)
class RunView:
    """One new answer held against the recorded one. `repeat` counts from 1.

    `verdict` is `identical`, `near`, `different`, or None where there is nothing to compare (it failed, was
    not asked yet, or was erased); then `likeness` (0 to 1) is None, too.
    """

    repeat: int
    verdict: str | None
    likeness: float | None
    new: ComparedAnswerView | None


@dataclass(frozen=True, kw_only=True)
class ComparedPromptView:
    """A prompt, its recorded answer, and its new ones.

    `verdict` and `likeness` are those of the worst of its runs: an answer that is good three times out of
    four is not to be relied on. `prompt` is None where it cannot be read any more. `skipped` says why it
    could not be asked again (`erased`, `altered`, `unknown`).
    """

    prompt_id: UUID
    conversation_id: UUID | None
    prompt: str | None
    verdict: str | None
    likeness: float | None
    old: ComparedAnswerView
    runs: list[RunView]
    skipped: str | None = None


@dataclass(frozen=True, kw_only=True)
class SideFiguresView:
    """What one side's compared answers come to.

    Medians and sums are of those that tell; a median is None where none does. `length` is in characters.
    """

    answer_count: int
    median_length: float | None
    median_completion_tokens: float | None
    median_tokens_per_second: float | None
    median_first_token_ms: float | None
    median_total_ms: float | None
    length: int
    completion_tokens: int
    total_ms: float


@dataclass(frozen=True, kw_only=True)
class ComparisonView:
    """A replay's new answers against the recorded ones.

    `compared_count` prompts have something to compare; `alike_share` of them (0 to 1, None where there is
    none) are identical or near. `old` and `new` count every run that was compared, so the recorded answer of
    a prompt that was asked again three times counts three times. `speed_ratio` and `length_ratio` are the
    median, over those runs, of new divided by old.
    """

    replay_id: UUID
    status: str
    models: list[str]
    old_models: list[str]
    prompt_count: int
    compared_count: int
    identical_count: int
    near_count: int
    different_count: int
    alike_share: float | None
    median_likeness: float | None
    lowest_likeness: float | None
    speed_ratio: float | None
    length_ratio: float | None
    old: SideFiguresView
    new: SideFiguresView
    prompts: list[ComparedPromptView]
