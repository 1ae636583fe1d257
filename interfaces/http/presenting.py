"""What only HTTP shows, beyond the shapes shared with the command line: answers and how their streams end."""

from __future__ import annotations

from dataclasses import dataclass
from typing import TYPE_CHECKING, Any
from uuid import UUID

from domain.conversation.conversation import Status
from domain.errors import ContentErasedError, NotFoundError
from domain.ids import short
from interfaces import viewing
from interfaces.endings import problem_of
from interfaces.errors import verdict
from interfaces.views import AnswerView, TimingsView, TranscriptView, UsageView, utc

if TYPE_CHECKING:
    from collections.abc import Sequence

    from application.ports.live import LiveText
    from application.running import Outcome, RunningAnswer
    from projections.conversations.queries import ConversationSummary
    from projections.past.history import Moment
    from projections.projects.queries import ProjectDetails
    from projections.routines.queries import RoutineDetails
    from projections.transcript.messages import Message


@dataclass(frozen=True, kw_only=True)
class TranscriptPageView(TranscriptView):
    """The last messages of a conversation's current branch; `next_cursor` leads to the ones before them."""

    next_cursor: str | None = None


def transcript_page(
    found: ConversationSummary, messages: Sequence[Message], limit: int, moment: Moment | None = None
) -> TranscriptPageView:
    """Return the last messages of a branch, of which one more than `limit` was read where there are more."""
    more = len(messages) > limit
    page = viewing.transcript(found, messages[-limit:], moment)
    return TranscriptPageView(**vars(page), next_cursor=str(messages[0].id) if more else None)


def answer(
    found: Message,
    log_size: int,
    growing: RunningAnswer | LiveText | None = None,
    standing: int = 0,
    *,
    waits: bool = False,
) -> AnswerView:
    """Return an answer as it was recorded, or as far as it has come while it is written or waits."""
    return AnswerView(
        conversation_id=found.conversation_id,
        prompt_id=found.parent_id or found.id,
        answer_id=found.id,
        model=found.model or "",
        status=str(Status.QUEUED) if standing or waits else found.status or "",
        text=growing.text if growing else found.text,
        thinking=growing.thinking if growing else found.thinking,
        usage=viewing.usage(found),
        timings=viewing.timings(found),
        log_size=log_size,
        model_digest=found.provenance.model_digest if found.provenance else None,
        reason=found.reason,
        detail=found.detail,
        cut_count=found.provenance.cut_count if found.provenance else 0,
        position=standing or None,
    )


def must_be_answer(answer_id: UUID, found: Message | None) -> Message:
    """Return the message where it is an answer.

    Raises:
        NotFoundError: there is none, or it is a prompt.
        ContentDamagedError: it was altered.
        ContentErasedError: its conversation was erased.
    """
    if found is None or found.kind != "answer":
        raise NotFoundError(f"There is no answer {short(answer_id)} in this book.", hint="daybook list")
    if found.erased:
        raise ContentErasedError(f"The conversation of answer {short(answer_id)} was erased.")
    return found.whole()


def must_not_be_erased(what: str, found: ConversationSummary | ProjectDetails | RoutineDetails) -> None:
    """Raise `ContentErasedError`, saying when and by whom, where there is nothing left to show."""
    if found.erased_at is not None:
        raise ContentErasedError(
            f"{what} {short(found.id)} was erased on {utc(found.erased_at)} by {found.erased_by}."
        )


def ending_of_message(found: Message, log_size: int) -> dict[str, Any]:
    """Return what the last event of a stream says of an answer that was found ended."""
    problem = problem_of(found.detail, found.reason, found.model or "")
    return {
        "answer_id": found.id,
        "conversation_id": found.conversation_id,
        "status": found.status,
        "reason": found.reason,
        "detail": found.detail,
        "hint": (problem.hint or None) if problem else None,
        "problem": verdict(problem).slug if problem else None,
        "model": found.model,
        "model_digest": found.provenance.model_digest if found.provenance else None,
        "usage": vars(viewing.usage(found)),
        "timings": vars(viewing.timings(found)),
        "log_size": log_size,
    }


def ending_of_outcome(running: RunningAnswer, outcome: Outcome) -> dict[str, Any]:
    """Return what the last event of a stream says of an answer that ended here."""
    end = outcome.end
    usage = UsageView(
        prompt_tokens=end.prompt_tokens if end else None,
        completion_tokens=end.completion_tokens if end else None,
    )
    timings = TimingsView(
        first_token_ms=outcome.first_token_ms,
        total_ms=(end.total_ms if end else None) or outcome.total_ms,
        load_ms=end.load_ms if end else None,
        prompt_eval_ms=end.prompt_eval_ms if end else None,
        eval_ms=end.eval_ms if end else None,
    )
    return {
        "answer_id": running.answer_id,
        "conversation_id": running.conversation_id,
        "status": str(outcome.status),
        "reason": outcome.reason or None,
        "detail": outcome.problem.message if outcome.problem else None,
        "hint": (outcome.problem.hint or None) if outcome.problem else None,
        "problem": verdict(outcome.problem).slug if outcome.problem else None,
        "model": outcome.model,
        "model_digest": outcome.model_digest,
        "usage": vars(usage),
        "timings": vars(timings),
        "log_size": outcome.log_size,
    }
