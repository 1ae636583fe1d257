"""What can happen to a replay. Fields are content unless listed as plain.

New answers are copies of nothing: they are sealed under the replay's own key, and what they were held against
is named by the ids of recorded answers.
"""

from __future__ import annotations

from uuid import UUID

from domain.content import OptionalText, Options, Text
from domain.event import Created, Event, catalogue


@catalogue.register("replay.started", plain="model repeat chosen_by")
class ReplayStarted(Created):
    """Somebody wants prompts asked again, each `repeat` times; which ones, the events that follow say.

    `instructions` stand over those that were sent then (None: those); `options` over those of each answer.
    `chosen_by`: `conversation`, `project`, `search`, `last`.
    """

    model: str
    repeat: int
    chosen_by: str
    instructions: OptionalText
    options: Options


@catalogue.register("replay.prompt-chosen", plain="answer_id")
class PromptChosen(Event):
    """The prompt of a recorded answer is to be asked again, in the context in which it was asked."""

    answer_id: UUID


@catalogue.register(
    "replay.prompt-answered",
    plain="answer_id repeat likeness request_hash reason model_digest prompt_tokens completion_tokens "
    "total_ms load_ms prompt_eval_ms eval_ms first_token_ms",
)
class PromptAnsweredAgain(Event):
    """The model answered a prompt again. `repeat` counts from 1.

    `likeness` is to the recorded answer, 0 to 1. `request_hash` is of the rendered request, under a key of
    the replay's.
    """

    answer_id: UUID
    repeat: int
    text: Text
    thinking: Text
    likeness: float
    request_hash: bytes
    reason: str
    model_digest: str | None
    prompt_tokens: int | None
    completion_tokens: int | None
    total_ms: float | None
    load_ms: float | None
    prompt_eval_ms: float | None
    eval_ms: float | None
    first_token_ms: float | None


@catalogue.register("replay.prompt-failed", plain="answer_id repeat reason")
class PromptFailedAgain(Event):
    """The model server failed in this prompt; `detail` is what a person is told."""

    answer_id: UUID
    repeat: int
    reason: str
    detail: Text


@catalogue.register("replay.prompt-skipped", plain="answer_id reason")
class PromptSkipped(Event):
    """A prompt cannot be asked again: `erased`, `altered`, `unknown` (what was sent is not recorded here)."""

    answer_id: UUID
    reason: str


@catalogue.register("replay.completed")
class ReplayCompleted(Event):
    """Every prompt has been asked as often as was wanted, or cannot be."""


@catalogue.register("replay.cancelled")
class ReplayCancelled(Event):
    """Somebody wants no more of it; what was answered stays."""


@catalogue.register("replay.erased", plain="reason_kind")
class ReplayErased(Event):
    """What its answers said is gone for ever: the key went in the same append."""

    reason_kind: str
