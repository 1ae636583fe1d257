"""What a file says of conversations and projects, in the form in which the book takes it in, and the checks.

Invariant: whatever a file says, what passes these checks can be stored, folded and shown; text is never
trusted to be text, nor a number to fit its column.
"""

from __future__ import annotations

import math
from collections.abc import Callable, Mapping
from dataclasses import dataclass, field, replace
from typing import Any
from uuid import UUID

from application.ports.memory import RecordedAnswer, RecordedPrompt
from application.text_rules import (
    MAX_NAME_LENGTH,
    MAX_TEXT_BYTES,
    checked_options,
    checked_text,
    checked_think,
)
from domain.conversation.tree import Status
from domain.errors import InvalidInputError

MAX_PORTED_MESSAGES = 50_000
"""The most messages one conversation of a file may have: it is taken in in one append."""

_MOST_INT4 = 2**31 - 1
_MOST_INT8 = 2**63 - 1
_MOST_HASH = 64
_LATEST = 253_402_214_399_999_999  # a day before the year 9999 ends: local times must have a year, too
_ENDED = frozenset({Status.COMPLETE, Status.CANCELLED, Status.FAILED, Status.INTERRUPTED})
_UNDER_WAY = frozenset({Status.STREAMING, Status.QUEUED})
_MENDED = "\N{REPLACEMENT CHARACTER}"
_HALF_PAIRS = dict.fromkeys((0, *range(0xD800, 0xE000)), _MENDED)


@dataclass(frozen=True, kw_only=True)
class PortedNote:
    """A note of a file. Moments are microseconds since 1970."""

    id: UUID
    text: str
    written_at: int
    changed_at: int | None


@dataclass(frozen=True, kw_only=True)
class PortedRun:
    """Which routine made a prompt of a file, which version of it, and with which values."""

    routine_id: UUID
    routine_version: int
    variables: Mapping[str, str]


@dataclass(frozen=True, kw_only=True)
class PortedMessage:
    """A message of a file. `id` is that of where it was first recorded, and so are all ids in it."""

    id: UUID
    parent_id: UUID | None
    said: RecordedPrompt | RecordedAnswer
    origin_message_id: UUID | None = None
    rating: str | None = None
    rating_words: str | None = None
    notes: tuple[PortedNote, ...] = ()
    made_by: PortedRun | None = None

    @property
    def under_way(self) -> bool:
        """Whether it is an answer that had not ended when the file was written."""
        return isinstance(self.said, RecordedAnswer) and self.said.status in _UNDER_WAY


@dataclass(frozen=True, kw_only=True)
class PortedConversation:
    """A conversation of a file, its messages parents first. `recorded_by`: `daybook` or `llm`.

    `id` and the ids of its messages are those of where they were first recorded.
    """

    id: UUID
    recorded_by: str
    messages: tuple[PortedMessage, ...]
    began_at: int
    changed_at: int
    title: str | None = None
    title_by_model: bool = False
    tags: tuple[str, ...] = ()
    pinned: bool = False
    project_id: UUID | None = None
    current_id: UUID | None = None
    archived: bool = False
    origin_conversation_id: UUID | None = None
    origin_message_id: UUID | None = None


@dataclass(frozen=True, kw_only=True)
class PortedProject:
    """A project of a file. `id` is that of where it was first recorded."""

    id: UUID
    name: str
    began_at: int
    changed_at: int
    description: str = ""
    instructions: str = ""
    default_model: str | None = None
    default_options: Mapping[str, Any] = field(default_factory=dict)
    archived: bool = False


@dataclass(frozen=True, kw_only=True)
class TakenIn:
    """What became of one conversation or project of a file.

    `outcome`: `new`, `grown`, `unchanged` or `skipped`, then `reason` says why; `id` is None where it was
    skipped. `remarks` say what was left out or altered of what was taken in, and how often.
    """

    imported_id: UUID
    id: UUID | None
    outcome: str
    message_count: int = 0
    reason: str = ""
    remarks: tuple[tuple[str, int], ...] = ()


@dataclass(frozen=True, kw_only=True)
class Imported:
    """What became of each, in their order, and the log size reached."""

    results: tuple[TakenIn, ...]
    log_size: int


class Checks:
    """Checks the values of one conversation, and remembers what had to be altered."""

    def __init__(self) -> None:
        self.altered_count = 0

    def said(self, message: PortedMessage) -> RecordedPrompt | RecordedAnswer:
        """Return what a message says, fit to be stored.

        Raises:
            InvalidInputError: it is not.
        """
        _moment(message.said.said_at, "time")
        if isinstance(message.said, RecordedPrompt):
            return replace(
                message.said,
                text=self.text(message.said.text, "prompt"),
                instructions=self.optional(message.said.instructions, "instructions", self.text),
            )
        return _answer(message.said)

    def text(self, text: str, what: str) -> str:
        """Return a text of a person; NUL and half surrogate pairs become U+FFFD."""
        mended = text.translate(_HALF_PAIRS) if "\0" in text or not _is_unicode(text) else text
        self.altered_count += mended != text
        return checked_text(mended, what)

    def name(self, name: str, what: str) -> str | None:
        """Return a one-line name, cut where it is too long; None where nothing is left."""
        cleaned = " ".join(self.text(name, what).split())
        self.altered_count += len(cleaned) > MAX_NAME_LENGTH
        return cleaned[:MAX_NAME_LENGTH].strip() or None

    @staticmethod
    def optional(text: str | None, what: str, check: Callable[[str, str], str]) -> str | None:
        """Return None, or what the check returns."""
        return None if text is None else check(text, what)


def _is_unicode(text: str) -> bool:
    return text.isascii() or not any("\ud800" <= one <= "\udfff" for one in text)


def _answer(said: RecordedAnswer) -> RecordedAnswer:
    if said.status not in _ENDED:
        raise InvalidInputError(f"an answer has the status {said.status[:40]!r}, which none ends with")
    if said.ended_at is not None:
        _moment(said.ended_at, "end")
    for what in ("model", "reason", "model_digest"):
        word = getattr(said, what)
        if word is not None:
            _word(word, what)
    for what, most in _NUMBERS.items():
        _number(getattr(said, what), what, most)
    for what in ("total_ms", "load_ms", "prompt_eval_ms", "eval_ms", "first_token_ms"):
        _duration(getattr(said, what), what)
    if len(said.request_hash) > _MOST_HASH:
        raise InvalidInputError("an answer's request_hash is longer than any hash")
    checked_think(said.think)
    for content in (said.text, said.thinking, said.detail or ""):
        if len(content) > _MOST_ANSWER:
            raise InvalidInputError(f"an answer has more than {_MOST_ANSWER:,} characters")
    return replace(said, options=checked_options(said.options))


_MOST_ANSWER = 8 * MAX_TEXT_BYTES
_NUMBERS: Mapping[str, int] = {
    "context_length": _MOST_INT4,
    "cut_count": _MOST_INT4,
    "instructions_version": _MOST_INT8,
    "prompt_tokens": _MOST_INT8,
    "completion_tokens": _MOST_INT8,
}


def _number(value: Any, what: str, most: int) -> None:
    if value is not None and not 0 <= value <= most:
        raise InvalidInputError(f"an answer's {what} is not within 0 and {most}")


def _duration(value: float | None, what: str) -> None:
    if value is not None and not (math.isfinite(value) and value >= 0):
        raise InvalidInputError(f"an answer's {what} is no duration")


def _word(word: str, what: str) -> None:
    checked_text(word, what)
    if len(word) > MAX_NAME_LENGTH:
        raise InvalidInputError(f"an answer's {what} has more than {MAX_NAME_LENGTH} characters")


def _moment(micros: int, what: str) -> None:
    if not 0 <= micros <= _LATEST:
        raise InvalidInputError(f"its {what} is not within the years 1970 and 9999")


def checked_moments(said: PortedConversation | PortedProject) -> None:
    """Refuse what began or changed at no time a book could know.

    Raises:
        InvalidInputError: it did.
    """
    _moment(said.began_at, "beginning")
    _moment(said.changed_at, "last change")


def checked_run(made_by: PortedRun) -> dict[str, Any]:
    """Return what a prompt's event says of its routine.

    Raises:
        InvalidInputError: it is no version, or the values are no texts.
    """
    if not 1 <= made_by.routine_version <= _MOST_INT8:
        raise InvalidInputError("a prompt's routine has no such version")
    variables = checked_options(made_by.variables)
    return {
        "routine_id": made_by.routine_id,
        "routine_version": made_by.routine_version,
        "variables": variables,
    }


def checked_note(note: PortedNote) -> None:
    """Refuse a note of no time a book could know.

    Raises:
        InvalidInputError: it is one.
    """
    _moment(note.written_at, "note")
    if note.changed_at is not None:
        _moment(note.changed_at, "note")
