"""Finding an answer as the log has it now, and what its end was."""

from __future__ import annotations

from typing import TYPE_CHECKING, NamedTuple
from uuid import UUID

from application.ports.model_server import ChatEnd
from application.running import Outcome
from domain.conversation.conversation import Status
from interfaces.endings import problem_of
from interfaces.http.presenting import answer, must_be_answer

if TYPE_CHECKING:
    from application.running import RunningAnswer
    from interfaces.book import WholeBook
    from interfaces.views import AnswerView
    from projections.transcript.messages import Message


class Found(NamedTuple):
    """An answer, as the log had it when it was of this size."""

    message: Message
    log_size: int

    @property
    def is_streaming(self) -> bool:
        """Whether it has not ended."""
        return self.message.status == str(Status.STREAMING)

    @property
    def outcome(self) -> Outcome:
        """How it ended; only for one that has."""
        message = self.message
        usage, times = message.usage, message.timings
        return Outcome(
            status=Status(message.status or Status.INTERRUPTED),
            text=message.text,
            thinking=message.thinking,
            model=message.model or "",
            reason=message.reason or "",
            model_digest=message.provenance.model_digest if message.provenance else None,
            end=ChatEnd(
                reason=message.reason or "",
                prompt_tokens=usage.prompt_tokens,
                completion_tokens=usage.completion_tokens,
                total_ms=times.total_ms,
                load_ms=times.load_ms,
                prompt_eval_ms=times.prompt_eval_ms,
                eval_ms=times.eval_ms,
            ),
            first_token_ms=times.first_token_ms,
            total_ms=times.total_ms,
            log_size=self.log_size,
            problem=problem_of(message.detail, message.reason, message.model or ""),
        )


def find_answer(book: WholeBook, answer_id: UUID) -> Found:
    """Return an answer as the log has it now.

    Raises:
        NotFoundError: there is none of this id.
    """
    size = book.events.size()
    message = book.transcript.message(answer_id, at_least=size)
    return Found(must_be_answer(answer_id, message), size)


def as_far_as_it_is(book: WholeBook, found: Found, running: RunningAnswer | None) -> AnswerView:
    """Show an answer with what is known of it beyond the log while it is written or waits."""
    if running is not None:
        return answer(*found, running, running.standing, waits=bool(running.waits_for))
    if not found.is_streaming:
        return answer(*found)
    message = found.message
    saved = book.live.read(message.id, message.conversation_id)
    return answer(*found, saved, book.turns.standing_anywhere(message.id) or 0)


def find_living_answer(book: WholeBook, answer_id: UUID) -> Found:
    """The same, after a look whether the process that writes it still lives: an orphan is closed at once."""
    found = find_answer(book, answer_id)
    if found.is_streaming and book.answering.running(answer_id) is None:
        book.look_after()
        found = find_answer(book, answer_id)
    return found
