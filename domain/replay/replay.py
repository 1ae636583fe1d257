"""The replay aggregate: which recorded answers are asked for again, and how far that has come.

Invariants: each prompt is answered, failed or skipped once a repeat, whoever runs it and however often it was
broken off; a completed or cancelled replay goes on no more; once erased it refuses every command.
"""

from __future__ import annotations

from collections.abc import Iterator, Mapping, Sequence
from enum import StrEnum
from typing import Any, NamedTuple
from uuid import UUID

from domain.errors import ConflictError, ContentErasedError, InvalidInputError, RefusedError
from domain.event import Event, Root, catalogue
from domain.ids import short
from domain.replay import events as e

MOST_PROMPTS = 10_000
MOST_REPEATS = 100


class ReplayStatus(StrEnum):
    """How far a replay has come."""

    OPEN = "open"
    COMPLETE = "complete"
    CANCELLED = "cancelled"


class Run(NamedTuple):
    """One time that a prompt is to be asked again; `repeat` counts from 1."""

    answer_id: UUID
    repeat: int


class Replay(Root):
    """Recorded prompts asked again; `start` makes a new one."""

    answer_ids: dict[UUID, None]
    repeat: int
    status: ReplayStatus
    done: set[Run]
    erased: bool

    def __init__(self, repeat: int) -> None:
        """Called when the first event is applied."""
        self.answer_ids = {}  # as a set that keeps its order
        self.repeat = repeat
        self.status = ReplayStatus.OPEN
        self.done = set()
        self.erased = False

    @classmethod
    def start(
        cls,
        replay_id: UUID,
        answer_ids: Sequence[UUID],
        *,
        model: str,
        repeat: int,
        chosen_by: str,
        instructions: str | None,
        options: Mapping[str, Any],
    ) -> Replay:
        """Want the prompts of recorded answers asked again.

        Raises:
            InvalidInputError: there are none, too many, or they shall be asked too often.
        """
        if not answer_ids:
            raise InvalidInputError("There is no answer to replay there. Nothing was recorded.")
        if len(answer_ids) > MOST_PROMPTS:
            raise InvalidInputError(
                f"A replay takes at most {MOST_PROMPTS:,} prompts; these are {len(answer_ids):,}. Nothing "
                "was recorded.",
                hint="daybook replay --last 100 --model MODEL",
            )
        if len(set(answer_ids)) < len(answer_ids):
            raise InvalidInputError("An answer is replayed once in a replay. Nothing was recorded.")
        if not 1 <= repeat <= MOST_REPEATS:
            raise InvalidInputError(f"A prompt is asked 1 to {MOST_REPEATS} times. Nothing was recorded.")
        replay = cls._create(
            e.ReplayStarted,
            id=replay_id,
            model=model,
            repeat=repeat,
            chosen_by=chosen_by,
            instructions=instructions,
            options=dict(options),
        )
        for answer_id in answer_ids:
            replay.trigger_event(e.PromptChosen, answer_id=answer_id)
        return replay

    def pending(self) -> Iterator[Run]:
        """Yield what is still to be asked, prompt by prompt."""
        for answer_id in self.answer_ids:
            for repeat in range(1, self.repeat + 1):
                run = Run(answer_id, repeat)
                if run not in self.done:
                    yield run

    def answer(self, run: Run, **told: Any) -> None:
        """Record a new answer; `told` are the other fields of `replay.prompt-answered`."""
        self._must_be_pending(run)
        self.trigger_event(e.PromptAnsweredAgain, **run._asdict(), **told)

    def fail(self, run: Run, *, reason: str, detail: str) -> None:
        """Record that the model server failed in it."""
        self._must_be_pending(run)
        self.trigger_event(e.PromptFailedAgain, **run._asdict(), reason=reason, detail=detail)

    def skip(self, answer_id: UUID, reason: str) -> None:
        """Record that a prompt cannot be asked again, in this repeat and all that follow."""
        self._must_be_open()
        if answer_id not in self.answer_ids:
            raise InvalidInputError(f"Answer {short(answer_id)} is not in this replay.")
        self.trigger_event(e.PromptSkipped, answer_id=answer_id, reason=reason)

    def complete(self) -> None:
        """Say that nothing is left to ask.

        Raises:
            ConflictError: something is.
        """
        self._must_be_open()
        if next(self.pending(), None) is not None:
            raise ConflictError(f"Replay {short(self.id)} has prompts left to ask.")
        self.trigger_event(e.ReplayCompleted)

    def cancel(self) -> None:
        """Want no more of it; once it has ended this changes nothing."""
        self._must_not_be_erased()
        if self.status is ReplayStatus.OPEN:
            self.trigger_event(e.ReplayCancelled)

    def erase(self, reason_kind: str) -> None:
        """Say that all it says goes for ever; whoever appends this destroys the key with it."""
        self._must_not_be_erased()
        self.trigger_event(e.ReplayErased, reason_kind=reason_kind)

    def must_go_on(self) -> None:
        """Raise `RefusedError` or `ContentErasedError` where it has ended."""
        self._must_be_open()

    def fold(self, event: Event) -> None:
        """Change the state as the event says."""
        match event:
            case e.PromptChosen():
                self.answer_ids[event.answer_id] = None
            case e.PromptAnsweredAgain() | e.PromptFailedAgain():
                self.done.add(Run(event.answer_id, event.repeat))
            case e.PromptSkipped():
                self.done |= {Run(event.answer_id, one) for one in range(1, self.repeat + 1)}
            case e.ReplayCompleted():
                self.status = ReplayStatus.COMPLETE
            case e.ReplayCancelled():
                self.status = ReplayStatus.CANCELLED
            case e.ReplayErased():
                self.erased = True
            case _:
                pass

    def _must_be_pending(self, run: Run) -> None:
        self._must_be_open()
        if run in self.done:
            raise ConflictError(f"The prompt of answer {short(run.answer_id)} was asked again already.")
        if run.answer_id not in self.answer_ids or not 1 <= run.repeat <= self.repeat:
            raise InvalidInputError(f"Answer {short(run.answer_id)} is not in this replay.")

    def _must_be_open(self) -> None:
        self._must_not_be_erased()
        if self.status is not ReplayStatus.OPEN:
            raise RefusedError(
                f"Replay {short(self.id)} is {self.status}. What it has stays.",
                hint=f"daybook replay show {short(self.id)}",
            )

    def _must_not_be_erased(self) -> None:
        if self.erased:
            raise ContentErasedError(f"Replay {short(self.id)} was erased; nothing can be added to it.")


catalogue.aggregate("replay", Replay)
