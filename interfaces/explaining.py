"""What made an answer what it is, of a book that is here; for one behind a server see `remote/`.

Invariant: whatever cannot be had any more (a request whose parts were erased) is said, and the rest is shown.
"""

from __future__ import annotations

from collections.abc import Callable, Mapping
from typing import TYPE_CHECKING, Any
from uuid import UUID

from application.errors import RequestUnknownError
from application.recorded_request import RecordedRequest, render_again
from domain.errors import ContentDamagedError, ContentErasedError, InvalidInputError, NotFoundError
from domain.ids import short
from interfaces import message_views, viewing
from interfaces.explanation_views import (
    ExplanationView,
    InstructionsOriginView,
    ReceiptPlaceView,
    SentMessageView,
)

if TYPE_CHECKING:
    from application.ports.log import Log
    from application.ports.memory import Memory
    from application.ports.model_server import ChatRequest
    from interfaces.book import WholeBook
    from projections.transcript.messages import Message, Provenance

_MILLISECONDS = 1000.0


class ExplainingHere:
    """The part `explaining` of a book that this process has open.

    Args:
        book: the book.
        log, memory: the ports by which requests are rendered again.
        document: makes the document of a request that the model server takes.
    """

    def __init__(
        self,
        book: WholeBook,
        log: Log,
        memory: Memory,
        document: Callable[[ChatRequest], Mapping[str, Any]],
    ) -> None:
        self._book = book
        self._log = log
        self._memory = memory
        self._document = document

    def explain(self, answer_id: UUID, *, at_least: int | None = None) -> ExplanationView:
        """Return an answer with everything that made it.

        Raises:
            NotFoundError: the book has no such message. InvalidInputError: it is a prompt.
        """
        found = self._book.transcript.message(answer_id, at_least=at_least)
        if found is None:
            raise NotFoundError(f"There is no message {short(answer_id)} in this book.", hint="daybook list")
        known = found.provenance
        if known is None:
            raise InvalidInputError(
                f"Message {short(answer_id)} is a prompt; answers are explained.",
                hint=f"daybook explain {short(answer_id)}",
            )
        rendered, why_not = self._rendered(answer_id)
        return ExplanationView(
            answer_id=found.id,
            prompt_id=found.parent_id,
            conversation_id=found.conversation_id,
            status=found.status or "",
            reason=found.reason,
            detail=found.detail,
            asked_at=found.at,
            ended_at=found.ended_at,
            actor=found.actor,
            actor_name=self._book.access.names(frozenset({found.actor})).get(found.actor),
            source=found.source,
            erased=found.erased,
            damaged=found.damage is not None,
            provenance=message_views.provenance(found, known),
            instructions=self._instructions(known, rendered),
            sent=None if rendered is None else _sent(rendered),
            request=None if rendered is None else dict(self._document(rendered.request)),
            check=None if rendered is None else rendered.check.value,
            not_rendered=why_not,
            usage=viewing.usage(found),
            timings=viewing.timings(found),
            tokens_per_second=tokens_per_second(found),
            receipt=self._receipt(found),
            origin_message_id=found.origin_message_id,
            imported_id=found.imported_id,
        )

    def _rendered(self, answer_id: UUID) -> tuple[RecordedRequest | None, str | None]:
        try:
            return render_again(self._log, self._memory, answer_id), None
        except (RequestUnknownError, ContentErasedError, ContentDamagedError) as problem:
            return None, problem.message

    def _instructions(
        self, known: Provenance, rendered: RecordedRequest | None
    ) -> InstructionsOriginView | None:
        if rendered is not None and (rendered.instructions_of_prompt or rendered.instructions is None):
            if rendered.instructions is None:
                return None
            return InstructionsOriginView(origin="prompt", text=rendered.instructions)
        if known.instructions_project_id is None:
            return None
        project = self._book.projects.get(known.instructions_project_id)
        return InstructionsOriginView(
            origin="project",
            text=None if rendered is None else rendered.instructions,
            project_id=known.instructions_project_id,
            project_name=(project.name or None) if project is not None else None,
            version=known.instructions_version,
        )

    def _receipt(self, found: Message) -> ReceiptPlaceView | None:
        place = self._book.audit.find_message(found.conversation_id, found.id)
        if place is None:
            return None
        newest = next(iter(self._book.audit.checkpoints(limit=1)), None)
        return ReceiptPlaceView(
            log_index=place,
            checkpoint_event_count=newest.size if newest is not None and newest.size > place else None,
            command=f"daybook audit receipt {found.id}",
        )


def tokens_per_second(found: Message) -> float | None:
    """Return how fast the model wrote, None where it did not say."""
    count, spent = found.usage.completion_tokens, found.timings.eval_ms
    return None if not count or not spent else round(count * _MILLISECONDS / spent, 2)


def _sent(rendered: RecordedRequest) -> list[SentMessageView]:
    messages = rendered.request.messages
    before = len(messages) - len(rendered.sent_message_ids)
    ids = [*[None] * before, *rendered.sent_message_ids]
    return [
        SentMessageView(message_id=one, role=said.role, content=said.content)
        for one, said in zip(ids, messages, strict=True)
    ]
