"""One answer while it is being written: its text so far, and everybody who watches it.

Invariant: a watcher that starts at any offset sees every later character once, in order; when text turns out
to have been thinking, watchers get a `Restarted` and everything again. It is the same whether this process
writes the answer or follows it from what another one saves.
"""

from __future__ import annotations

import asyncio
from collections.abc import AsyncGenerator, Callable
from dataclasses import dataclass, field
from typing import NamedTuple, TypeAlias
from uuid import UUID

from application.ports.live import Piece
from application.ports.model_server import ChatEnd, Delta
from application.thinking import Reclassified
from domain.conversation.conversation import Status
from domain.errors import DaybookError


class Progress(NamedTuple):
    """New characters, and the offsets (in code points) that are reached with them."""

    thinking: str
    text: str
    thinking_to: int
    text_to: int


@dataclass(frozen=True)
class Restarted:
    """What was sent so far was sorted wrongly; everything comes again from offset 0."""


@dataclass(frozen=True)
class Standing:
    """Where the answer stands in the line before the model server; 0: it has its turn.

    `waits_for` is what else it waits for, for people; empty: nothing.
    """

    place: int
    waits_for: str = ""


@dataclass(frozen=True)
class Outcome:
    """How an answer ended; `reason` is the word that is recorded for it.

    `log_size` is None where the end could not be recorded; `problem` then says why.
    """

    status: Status
    text: str
    thinking: str
    model: str
    reason: str = ""
    model_digest: str | None = None
    end: ChatEnd | None = None
    first_token_ms: float | None = None
    total_ms: float | None = None
    log_size: int | None = None
    problem: DaybookError | None = None


@dataclass(frozen=True)
class Ended:
    """The last update a watcher gets."""

    outcome: Outcome


Update: TypeAlias = Progress | Restarted | Standing | Ended


@dataclass(eq=False)
class RunningAnswer:
    """The state of one running answer, changed only on its event loop.

    `standing` is its place in the line before the model server; 0: it has its turn. `waits_for` is what else
    it waits for, with no place in the line, for people; empty: nothing.
    """

    answer_id: UUID
    conversation_id: UUID
    stop: Callable[[str], None]
    thinking: str = ""
    text: str = ""
    outcome: Outcome | None = None
    first_token_at: float | None = None
    standing: int = 0
    waits_for: str = ""
    begun: asyncio.Event = field(default_factory=asyncio.Event)
    _let_go: bool = False
    _restarts: int = 0
    _saved: tuple[int, int, int] = (0, 0, 0)
    _saved_before: tuple[int, int, int] = (0, 0, 0)
    _seq: int = 0
    _over: asyncio.Event = field(default_factory=asyncio.Event)
    _changes: int = 0
    _waiting: list[asyncio.Future[None]] = field(default_factory=list)

    def cancel(self, reason: str = "cancelled") -> None:
        """Stop the model at once; what came so far is kept."""
        self.stop(reason)

    async def ended(self) -> Outcome | None:
        """Wait for the end, taking none of the text; None where this process follows it no more."""
        await self._over.wait()
        return self.outcome

    async def updates(self, thinking_from: int = 0, text_from: int = 0) -> AsyncGenerator[Update, None]:
        """Yield what is beyond the given offsets, as it comes, and at last how it ended.

        Whoever saw text and lacks thinking of an answer, saw what is thinking now: it starts over. Who saw
        more than there is (another process had not yet saved it) waits for it, and starts over if it never
        comes.
        """
        thinking_from, text_from = max(0, thinking_from), max(0, text_from)
        restarts, standing, fits = self._restarts, Standing(0), False
        while not self._let_go:
            seen = self._changes
            if (standing.place, standing.waits_for) != (self.standing, self.waits_for):
                standing = Standing(self.standing, self.waits_for)
                yield standing
            if not fits and restarts == self._restarts:
                beyond = thinking_from > len(self.thinking) or text_from > len(self.text)
                if beyond and self.outcome is None:
                    await self._change()
                    continue
                if beyond or (text_from and thinking_from < len(self.thinking)):
                    restarts = -1
            fits = True
            if restarts != self._restarts:
                restarts, thinking_from, text_from = self._restarts, 0, 0
                yield Restarted()
            if len(self.thinking) > thinking_from or len(self.text) > text_from:
                thinking, text = self.thinking[thinking_from:], self.text[text_from:]
                thinking_from, text_from = len(self.thinking), len(self.text)
                yield Progress(thinking, text, thinking_from, text_from)
            elif self.outcome is not None:
                yield Ended(self.outcome)
                return
            elif seen == self._changes:  # nothing came while its reader was slow
                await self._change()

    def stand(self, place: int) -> None:
        """Say where it stands in the line; 0: it has its turn."""
        if place != self.standing:
            self.standing = place
            self._wake()

    def wait_for(self, what: str) -> None:
        """Say what it waits for outside the line; empty: nothing."""
        if what != self.waits_for:
            self.waits_for = what
            self._wake()

    def add(self, piece: Delta | Reclassified) -> None:
        """Take the next piece from the model."""
        self.begun.set()
        if isinstance(piece, Reclassified):
            self.thinking, self.text = self.thinking + self.text, ""
            self._restarts += 1
        else:
            self.thinking += piece.thinking
            self.text += piece.text
        self._wake()

    def become(self, thinking: str, text: str) -> None:
        """Take the text as another process has it; where it does not go on from here, watchers start over."""
        if not (thinking.startswith(self.thinking) and text.startswith(self.text)):
            self._restarts += 1
        self.thinking, self.text = thinking, text
        self._wake()

    def finish(self, outcome: Outcome) -> None:
        """End it for all watchers."""
        self.outcome = outcome
        self._over.set()
        self._wake()

    def let_go(self) -> None:
        """End all watchers' updates without an end: this process follows it no more."""
        self._let_go = True
        self._over.set()
        self._wake()

    def unsaved(self) -> Piece | None:
        """Return what was not yet handed out for saving, or None; `not_saved` takes it back."""
        restarts, thinking_from, text_from = self._saved
        if restarts != self._restarts:
            thinking_from = text_from = 0
        if (thinking_from, text_from) == (len(self.thinking), len(self.text)) and restarts == self._restarts:
            return None
        piece = Piece(
            self.answer_id,
            self.conversation_id,
            self._seq,
            thinking_from,
            text_from,
            self.thinking[thinking_from:],
            self.text[text_from:],
        )
        self._saved_before = self._saved
        self._saved = (self._restarts, len(self.thinking), len(self.text))
        self._seq += 1
        return piece

    def not_saved(self) -> None:
        """Take back what was handed out last: it may not be saved.

        The next piece holds it again and stands over it.
        """
        self._saved = self._saved_before

    async def _change(self) -> None:
        """Wait for the next change. Bare futures: this is done once a chunk and watcher."""
        waiter = asyncio.get_running_loop().create_future()
        self._waiting.append(waiter)
        try:
            await waiter
        except asyncio.CancelledError:
            if waiter in self._waiting:
                self._waiting.remove(waiter)
            raise

    def _wake(self) -> None:
        self._changes += 1
        waiting, self._waiting = self._waiting, []
        for waiter in waiting:
            if not waiter.done():
                waiter.set_result(None)
