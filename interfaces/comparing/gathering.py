"""From a replay's new answers to a comparison: each finds its recorded answer, and that its prompt.

Invariant: what cannot be read any more (erased, altered) is shown as such, on whichever side; the verdict
that was given when both could be read stands.
"""

from __future__ import annotations

from collections.abc import Iterable, Mapping, Sequence
from dataclasses import dataclass
from typing import TYPE_CHECKING, Protocol
from uuid import UUID

from interfaces.comparing.figures import comparison, prompt_view
from interfaces.comparison_views import ComparedAnswerView, ComparedPromptView, ComparisonView, RunView

if TYPE_CHECKING:
    from projections.transcript.messages import Message

_MILLISECONDS = 1000.0
_PAGE = 200


@dataclass(frozen=True, kw_only=True)
class NewAnswer:
    """One new answer of a replay, to the prompt of the recorded answer `old_answer_id`.

    `repeat` counts from 1. `text` is None where it cannot be read any more; `verdict` and `likeness` are None
    where it was not compared. Durations are in milliseconds, None where the model server did not tell.
    """

    old_answer_id: UUID
    repeat: int
    model: str
    status: str
    text: str | None
    verdict: str | None
    likeness: float | None
    prompt_tokens: int | None = None
    completion_tokens: int | None = None
    first_token_ms: float | None = None
    total_ms: float | None = None
    eval_ms: float | None = None
    detail: str | None = None


class Messages(Protocol):
    """Finds messages by their ids."""

    def messages(self, message_ids: Sequence[UUID]) -> tuple[Message, ...]:
        """Return messages in the order of their ids; those that are not there are missing."""
        ...


def gathered(
    recorded: Messages,
    *,
    replay_id: UUID,
    status: str,
    models: Iterable[str],
    old_answer_ids: Sequence[UUID],
    new_answers: Iterable[NewAnswer],
    skipped: Mapping[UUID, str] | None = None,
) -> ComparisonView:
    """Return the comparison of a replay.

    Args:
        recorded: the book's messages.
        replay_id: of the replay.
        status: how it stands.
        models: which are asked anew.
        old_answer_ids: the recorded answers whose prompts it asks again, in its order.
        new_answers: all that came so far, in any order.
        skipped: why some prompts cannot be asked again, by their recorded answers.
    """
    runs: dict[UUID, list[NewAnswer]] = {}
    for one in new_answers:
        runs.setdefault(one.old_answer_id, []).append(one)
    old = _by_id(recorded, old_answer_ids)
    prompts = _by_id(recorded, [one.parent_id for one in old.values() if one.parent_id is not None])
    shown = [
        _prompt(
            old[one],
            prompts,
            sorted(runs.get(one, ()), key=lambda run: run.repeat),
            (skipped or {}).get(one),
        )
        for one in old_answer_ids
        if one in old
    ]
    return comparison(replay_id, status, models, shown)


def _by_id(recorded: Messages, ids: Sequence[UUID]) -> dict[UUID, Message]:
    unique = list(dict.fromkeys(ids))
    found: dict[UUID, Message] = {}
    for start in range(0, len(unique), _PAGE):
        found |= {one.id: one for one in recorded.messages(unique[start : start + _PAGE])}
    return found


def _prompt(
    old: Message, prompts: dict[UUID, Message], runs: Sequence[NewAnswer], skipped: str | None
) -> ComparedPromptView:
    prompt = prompts.get(old.parent_id) if old.parent_id is not None else None
    views = [
        RunView(repeat=run.repeat, verdict=run.verdict, likeness=run.likeness, new=_new(run)) for run in runs
    ]
    return prompt_view(
        prompt_id=old.parent_id or old.id,
        conversation_id=old.conversation_id,
        prompt=_text(prompt),
        old=_old(old),
        # A prompt whose turn has not come has a line, too.
        runs=views or [RunView(repeat=1, verdict=None, likeness=None, new=None)],
        skipped=skipped,
    )


def _text(message: Message | None) -> str | None:
    return None if message is None or message.erased or message.damage is not None else message.text


def _old(found: Message) -> ComparedAnswerView:
    return ComparedAnswerView(
        model=found.model or "",
        status=found.status or "",
        text=_text(found),
        length=len(found.text),
        prompt_tokens=found.usage.prompt_tokens,
        completion_tokens=found.usage.completion_tokens,
        first_token_ms=found.timings.first_token_ms,
        total_ms=found.timings.total_ms,
        tokens_per_second=_speed(found.usage.completion_tokens, found.timings.eval_ms),
        answer_id=found.id,
        detail=found.detail,
    )


def _new(run: NewAnswer) -> ComparedAnswerView:
    return ComparedAnswerView(
        model=run.model,
        status=run.status,
        text=run.text,
        length=len(run.text or ""),
        prompt_tokens=run.prompt_tokens,
        completion_tokens=run.completion_tokens,
        first_token_ms=run.first_token_ms,
        total_ms=run.total_ms,
        tokens_per_second=_speed(run.completion_tokens, run.eval_ms),
        detail=run.detail,
    )


def _speed(completion_tokens: int | None, eval_ms: float | None) -> float | None:
    if not completion_tokens or not eval_ms:
        return None
    return round(completion_tokens * _MILLISECONDS / eval_ms, 2)
