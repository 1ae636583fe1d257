"""The write side in memory: a log, live answers, what earlier events say, model cards, a standing clock.

`MemoryWriteLog` keeps every promise of the `Log` port, so the suite in tests/contract/log runs on it too. The
others have switches that make them fail in the ways a database does.
"""

from __future__ import annotations

import hashlib
import threading
from collections import deque
from collections.abc import Callable, Iterable, Mapping, Sequence
from dataclasses import dataclass, field, fields
from datetime import UTC, datetime
from typing import Any, TypeVar
from uuid import UUID

from application.errors import IdempotencyMismatchError, LineFullError
from application.ports.live import LiveText, Piece, Signal
from application.ports.log import IdempotencyKey, Origin, Saved
from application.ports.memory import (
    Instructions,
    RecordedAnswer,
    RecordedPrompt,
    RecordedRoutine,
    StreamingAnswer,
)
from application.ports.model_server import ModelCard
from application.ports.turns import LineLength
from application.services import Services
from domain.conversation import events as e
from domain.conversation import import_events as i
from domain.errors import ContentErasedError, NotFoundError, WrongVersionError
from domain.event import Event, Root, field_names
from domain.ids import new_id, short
from domain.project import events as p
from domain.routine import events as r
from domain.routine.definition import Definition

R = TypeVar("R", bound=Root)

_STATUS: dict[type[Event], str] = {
    e.AnswerCompleted: "complete",
    e.AnswerCancelled: "cancelled",
    e.AnswerFailed: "failed",
    e.AnswerInterrupted: "interrupted",
}


class MemoryWriteLog:
    """Streams in a dictionary. `failures` holds what the next saves raise instead of (or after) writing.

    `before_save` is called once, before the next save: room for somebody else to be faster.
    """

    def __init__(self) -> None:
        self.streams: dict[UUID, list[Event]] = {}
        self.appended: list[tuple[Event, Origin]] = []
        self.requests: dict[tuple[str, str], tuple[bytes, Saved]] = {}
        self.failures: deque[Exception] = deque()
        self.acknowledgements_lost: deque[Exception] = deque()
        self.erased: dict[UUID, str] = {}
        self.before_save: Callable[[], None] | None = None
        self._lock = threading.RLock()

    def load(self, kind: type[R], stream_id: UUID) -> R:
        aggregate: Root | None = None
        for event in list(self.streams.get(stream_id, ())):
            aggregate = event.mutate(aggregate)
        if not isinstance(aggregate, kind):
            raise NotFoundError(f"There is no {kind.__name__.lower()} {short(stream_id)} in this book.")
        return aggregate

    def save(
        self,
        aggregates: Sequence[Root],
        origin: Origin,
        *,
        idempotency: IdempotencyKey | None = None,
        result: bytes = b"",
    ) -> Saved:
        if (hook := self.before_save) is not None:
            self.before_save = None
            hook()
        if self.failures:
            raise self.failures.popleft()
        events: list[Event] = [event for root in aggregates for event in root.collect_events()]  # type: ignore[misc]
        with self._lock:
            if idempotency is not None and (before := self.answered(origin, idempotency)) is not None:
                return before
            ends: dict[UUID, int] = {}
            for event in events:
                stands = ends.get(event.stream_id, len(self.streams.get(event.stream_id, ())))
                if event.version != stands + 1:
                    raise WrongVersionError("Somebody else changed the same thing at the same moment.")
                ends[event.stream_id] = event.version
            for event in events:
                self.streams.setdefault(event.stream_id, []).append(event)
                self.appended.append((event, origin))
            if idempotency is not None:
                saved = Saved(self.size(), replayed=True, result=result)
                self.requests[origin.actor, idempotency.key] = (idempotency.command, saved)
            size = self.size()
        if self.acknowledgements_lost:
            raise self.acknowledgements_lost.popleft()
        return Saved(size, result=result if idempotency else None)

    def erase(
        self,
        aggregates: Sequence[Root],
        origin: Origin,
        *,
        idempotency: IdempotencyKey | None = None,
        result: bytes = b"",
    ) -> Saved:
        saved = self.save(aggregates, origin, idempotency=idempotency, result=result)
        if not saved.replayed:
            self.erased |= {root.id: origin.actor for root in aggregates}
        return saved

    def answered(self, origin: Origin, idempotency: IdempotencyKey) -> Saved | None:
        stored = self.requests.get((origin.actor, idempotency.key))
        if stored is None:
            return None
        if stored[0] != idempotency.command:
            raise IdempotencyMismatchError("This idempotency key was used before for another command.")
        return stored[1]

    def size(self) -> int:
        return len(self.appended)

    def request_hash(self, owner_id: UUID, request: bytes) -> bytes:
        if owner_id in self.erased:
            raise ContentErasedError(f"{short(owner_id)} was erased.")
        return hashlib.sha256(owner_id.bytes + request).digest()

    def tag_id(self, owner_id: UUID, name: str) -> UUID:
        return UUID(bytes=self.request_hash(owner_id, name.encode())[:16])

    def events(self, stream_id: UUID) -> list[Event]:
        return list(self.streams.get(stream_id, ()))


class MemoryLiveAnswers:
    """Ownership, saved pieces and wishes to stop in memory. `down` is raised by every call while it is set.

    `signals_come` off loses every signal of a wish to stop, as a cut connection does.
    """

    def __init__(self, owner_id: UUID | None = None, *, owners: set[UUID] | None = None) -> None:
        self.owner_id = owner_id or new_id()
        self.owners = set() if owners is None else owners
        self.pieces: dict[UUID, list[Piece]] = {}
        self.saves = 0
        self.wanted: set[UUID] = set()
        self.listeners: list[Callable[[Signal], None]] = []
        self.signals_come = True
        self.down: Exception | None = None
        self.unreadable: Exception | None = None
        self.on_save: Callable[[], None] = lambda: None

    def own(self) -> UUID:
        self._check()
        self.owners.add(self.owner_id)
        return self.owner_id

    def dead(self, owner_ids: Iterable[UUID]) -> set[UUID]:
        self._check()
        return set(owner_ids) - self.owners

    def save(self, pieces: Sequence[Piece]) -> None:
        self.on_save()
        self._check()
        self.saves += 1
        for piece in pieces:
            kept = self.pieces.setdefault(piece.answer_id, [])
            if all(piece.seq != other.seq for other in kept):
                kept.append(piece)
        if pieces:
            self.signal(Signal("saved", tuple(piece.answer_id for piece in pieces)))

    def read(self, answer_id: UUID, conversation_id: UUID) -> LiveText:
        self._check()
        if self.unreadable is not None:
            raise self.unreadable
        thinking = text = ""
        for piece in sorted(self.pieces.get(answer_id, ()), key=lambda piece: piece.seq):
            thinking = thinking[: piece.thinking_from] + piece.thinking
            text = text[: piece.text_from] + piece.text
        return LiveText(thinking, text)

    def read_on(self, answer_id: UUID, conversation_id: UUID, after: int) -> Sequence[Piece]:
        self._check()
        pieces = sorted(self.pieces.get(answer_id, ()), key=lambda piece: piece.seq)
        return [piece for piece in pieces if piece.seq > after]

    def forget(self, answer_id: UUID) -> None:
        self._check()
        self.pieces.pop(answer_id, None)
        self.wanted.discard(answer_id)
        self.signal(Signal("ended", (answer_id,)))

    def want_stopped(self, answer_id: UUID) -> None:
        self._check()
        self.wanted.add(answer_id)
        if self.signals_come:
            self.signal(Signal("stop", (answer_id,)))

    def stops_wanted(self, answer_ids: Sequence[UUID]) -> set[UUID]:
        self._check()
        return self.wanted & set(answer_ids)

    def listen(self, told: Callable[[Signal], None]) -> Callable[[], None]:
        self.listeners.append(told)

        def end() -> None:
            if told in self.listeners:
                self.listeners.remove(told)

        return end

    def signal(self, signal: Signal) -> None:
        for told in list(self.listeners):
            told(signal)

    def close(self) -> None:
        self.owners.discard(self.owner_id)

    def _check(self) -> None:
        if self.down is not None:
            raise self.down


class MemoryTurns:
    """A line in memory, for one process or (with a shared `line`) for several."""

    def __init__(
        self, *, most: int = 1 << 30, longest: int = 64, line: list[tuple[bool, UUID]] | None = None
    ) -> None:
        self.most = most
        self.longest = longest
        self.line = [] if line is None else line
        self.running: list[UUID] = []
        self.mine: dict[UUID, int] = {}
        self.down: Exception | None = None
        self.looks = 0

    def enter(self, answer_id: UUID, *, background: bool) -> None:
        self._check()
        if sum(behind is background for behind, _ in self.line) >= self.longest:
            raise LineFullError("Too many wait. Nothing was recorded.")
        self.line.append((background, answer_id))
        self._grant()
        self.mine[answer_id] = self.standing_anywhere(answer_id) or 0

    def leave(self, answer_id: UUID) -> None:
        self._check()
        if self.mine.pop(answer_id, None) is None:
            return
        self.line[:] = [one for one in self.line if one[1] != answer_id]
        if answer_id in self.running:
            self.running.remove(answer_id)
        self._grant()

    def standing(self, answer_id: UUID) -> int:
        return self.mine.get(answer_id, 0)

    def look(self) -> Mapping[UUID, int]:
        self._check()
        self.looks += 1
        self.mine = {answer_id: self.standing_anywhere(answer_id) or 0 for answer_id in self.mine}
        return dict(self.mine)

    def standing_anywhere(self, answer_id: UUID) -> int | None:
        waiting = [one for _, one in sorted(self.line, key=lambda one: one[0])]
        if answer_id in self.running:
            return 0
        return waiting.index(answer_id) + 1 if answer_id in waiting else None

    def length(self) -> LineLength:
        self._check()
        return LineLength(len(self.running), len(self.line))

    def people_wait(self) -> bool:
        self._check()
        return any(not behind for behind, _ in self.line)

    def _grant(self) -> None:
        self.line.sort(key=lambda one: one[0])
        while self.line and len(self.running) < self.most:
            self.running.append(self.line.pop(0)[1])

    def _check(self) -> None:
        if self.down is not None:
            raise self.down


class LogMemory:
    """The `Memory` port, answered from a `MemoryWriteLog`; `asked` counts the calls for texts."""

    def __init__(self, log: MemoryWriteLog) -> None:
        self._log = log
        self.asked = 0
        self.erased: set[UUID] = set()

    def texts(self, message_ids: Sequence[UUID]) -> Mapping[UUID, str]:
        self.asked += 1
        found: dict[UUID, str] = {}
        for event, _ in self._log.appended:
            if isinstance(
                event,
                e.PromptAdded
                | e.PromptCopied
                | e.AnswerCopied
                | e.AnswerCompleted
                | e.AnswerCancelled
                | e.AnswerFailed
                | e.AnswerInterrupted,
            ):
                found[event.message_id] = str(event.text)
        return {key: text for key, text in found.items() if key in message_ids and key not in self.erased}

    def recorded(self, message_ids: Sequence[UUID]) -> Sequence[RecordedPrompt | RecordedAnswer]:
        if self.erased & set(message_ids):
            raise ContentErasedError("The content was erased.")
        told: dict[UUID, dict[str, Any]] = {}
        for event, _ in self._log.appended:
            if isinstance(getattr(event, "message_id", None), UUID):
                known = told.setdefault(event.message_id, {"said_at": 1, "ended_at": None, "detail": None})  # type: ignore[attr-defined]
                known |= {name: getattr(event, name) for name in field_names(type(event))}
                if isinstance(event, e.AnswerStarted):
                    known |= {"status": "streaming", "reason": None, "text": "", "thinking": "", **e.UNTOLD}
                elif type(event) in _STATUS:
                    known |= {"status": _STATUS[type(event)], "ended_at": 2}
        return [_recorded(told[one]) for one in message_ids]

    def title(self, conversation_id: UUID) -> str | None:
        titles = [
            event.title
            for event in self._log.events(conversation_id)
            if isinstance(event, e.ConversationStarted | e.ConversationRenamed | e.ConversationTitled)
        ]
        return None if titles[-1] is None else str(titles[-1])

    def untitled(self, since: datetime) -> Sequence[UUID]:
        completed = [
            event.stream_id for event, _ in self._log.appended if isinstance(event, e.AnswerCompleted)
        ]
        return [one for one in dict.fromkeys(reversed(completed)) if self.title(one) is None]

    def instructions(self, project_id: UUID) -> Instructions | None:
        changes = [x for x in self._log.events(project_id) if isinstance(x, p.InstructionsChanged)]
        return Instructions(str(changes[-1].instructions), changes[-1].version) if changes else None

    def instructions_at(self, project_id: UUID, version: int) -> Instructions | None:
        changes = [x for x in self._log.events(project_id) if isinstance(x, p.InstructionsChanged)]
        return next(
            (Instructions(str(x.instructions), version) for x in changes if x.version == version), None
        )

    def default_options(self, project_id: UUID) -> Mapping[str, Any]:
        changes = [x for x in self._log.events(project_id) if isinstance(x, p.DefaultOptionsSet)]
        return dict(changes[-1].options) if changes else {}  # type: ignore[arg-type] # not sealed in memory

    def prompt_instructions(self, prompt_id: UUID) -> str | None:
        for event, _ in self._log.appended:
            if isinstance(event, e.PromptAdded | e.PromptCopied) and event.message_id == prompt_id:
                return None if event.instructions is None else str(event.instructions)
        return None

    def asked_in(self, answer_id: UUID) -> UUID | None:
        told = {
            event.message_id: event
            for event, _ in self._log.appended
            if isinstance(event, e.AnswerStarted | e.AnswerCopied)
        }
        found = told.get(answer_id)
        while isinstance(found, e.AnswerCopied) and not isinstance(found, i.AnswerImported):
            found = None if found.origin_message_id is None else told.get(found.origin_message_id)
        return found.stream_id if isinstance(found, e.AnswerStarted) else None

    def conversations_of(self, project_id: UUID) -> Sequence[UUID]:
        where: dict[UUID, UUID | None] = {}
        for event, _ in self._log.appended:
            if isinstance(event, e.ConversationStarted | e.ConversationMoved):
                where[event.stream_id] = event.project_id
        return [one for one, its in where.items() if its == project_id and one not in self._log.erased]

    def derived_from(self, conversation_ids: Sequence[UUID]) -> Sequence[UUID]:
        family = set(conversation_ids)
        starts = [event for event, _ in self._log.appended if isinstance(event, e.ConversationStarted)]
        for event in starts:  # a copy is opened after what it was copied from
            if event.origin_conversation_id in family:
                family.add(event.stream_id)
        return [
            event.stream_id
            for event in starts
            if event.stream_id in family - set(conversation_ids) - set(self._log.erased)
        ]

    def routine(self, routine_id: UUID, version: int | None = None) -> RecordedRoutine | None:
        if routine_id in self._log.erased:
            raise ContentErasedError("The routine was erased.")
        told = [
            RecordedRoutine(
                event.version,
                Definition(**{name: getattr(event, name) for name in field_names(type(event))}),
            )
            for event in self._log.events(routine_id)
            if isinstance(event, r.RoutineSaved | r.RoutineChanged)
        ]
        return next((one for one in reversed(told) if version in {None, one.version}), None)

    def routines_named(self, name: str) -> Sequence[UUID]:
        living: dict[UUID, str] = {}
        for event, _ in self._log.appended:
            match event:
                case r.RoutineSaved() | r.RoutineChanged():
                    living[event.stream_id] = str(event.name)
                case r.RoutineRemoved() | r.RoutineErased():
                    living.pop(event.stream_id, None)
                case _:
                    pass
        return [one for one, known in living.items() if known == name]

    def streaming_answers(self) -> Sequence[StreamingAnswer]:
        found: dict[UUID, StreamingAnswer] = {}
        for event, _ in self._log.appended:
            match event:
                case e.AnswerStarted():
                    found[event.message_id] = StreamingAnswer(
                        event.message_id, event.stream_id, event.owner_id
                    )
                case e.AnswerCompleted() | e.AnswerCancelled() | e.AnswerFailed() | e.AnswerInterrupted():
                    found.pop(event.message_id, None)
                case _:
                    pass
        return list(found.values())


@dataclass
class MemoryModels:
    """Model cards in a dictionary. `down` is raised while it is set."""

    cards: dict[str, ModelCard] = field(default_factory=dict)
    down: Exception | None = None

    def recall(self, name: str) -> ModelCard | None:
        return self.cards.get(name)

    def remember(self, card: ModelCard) -> None:
        if self.down is not None:
            raise self.down
        self.cards[card.name] = card


def _recorded(told: dict[str, Any]) -> RecordedPrompt | RecordedAnswer:
    kind = RecordedAnswer if "prompt_id" in told else RecordedPrompt
    return kind(**{field.name: told[field.name] for field in fields(kind)})


@dataclass
class FixedClock:
    """Stands still, but for `step` milliseconds each time it is asked."""

    at: datetime = datetime(2026, 1, 2, 3, 4, 5, tzinfo=UTC)
    ms: float = 1000.0
    step: float = 0.0

    def now(self) -> datetime:
        return self.at

    def monotonic_ms(self) -> float:
        self.ms += self.step
        return self.ms


def memory_services(*, default_model: str = "deepseek-r1:8b", context_length: int = 8192) -> Services:
    """Return services whose every port is in memory; reach the fakes through it."""
    log = MemoryWriteLog()
    return Services(
        log=log,
        memory=LogMemory(log),
        live=MemoryLiveAnswers(),
        models=MemoryModels(),
        turns=MemoryTurns(),
        default_model=default_model,
        context_length=context_length,
    )
