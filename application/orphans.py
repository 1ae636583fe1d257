"""Answers whose process is gone: found by every command and from time to time by every server, and closed.

Invariant: an orphan ends as `interrupted`, with the text its process had saved, exactly once however many
look.
"""

from __future__ import annotations

from application.deciding import settle
from application.ports.live import LiveAnswers
from application.ports.log import Log, Origin
from application.ports.memory import Memory, StreamingAnswer
from domain.conversation.conversation import Conversation
from domain.errors import ConflictError, ContentErasedError
from domain.event import DamagedEventError

SYSTEM = "system"
PROCESS_DIED = "process-died"


def close_orphans(log: Log, memory: Memory, live: LiveAnswers) -> list[StreamingAnswer]:
    """Close every answer that has no living owner, and return those closed by this call."""
    streaming = memory.streaming_answers()
    if not streaming:
        return []
    dead = live.dead({answer.owner_id for answer in streaming})
    return [answer for answer in streaming if answer.owner_id in dead and _close(log, live, answer)]


def _close(log: Log, live: LiveAnswers, answer: StreamingAnswer) -> bool:
    try:
        saved = live.read(answer.answer_id, answer.conversation_id)
        settle(
            log,
            Conversation,
            answer.conversation_id,
            lambda conversation: conversation.interrupt_answer(
                answer.answer_id, text=saved.text, thinking=saved.thinking, reason=PROCESS_DIED
            ),
            Origin(actor=SYSTEM, source=SYSTEM),
        )
    except (ConflictError, ContentErasedError, DamagedEventError):
        return False  # ended, erased, or not to be read any more: every other command must go on
    live.forget(answer.answer_id)
    return True
