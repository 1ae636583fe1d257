"""One prompt on its way: recorded, answered, shown, and what is said when it does not end well.

Invariant: everything that belongs to one answer runs on one event loop, and the loop goes on until the
answer's end is recorded, whether anybody watches or not.
"""

from __future__ import annotations

import asyncio
import time
from dataclasses import dataclass
from typing import TYPE_CHECKING

from application.commands import Asking, AskQuestion
from application.errors import ModelMissingError
from application.running import Ended, Outcome, Progress, Standing
from domain.conversation.conversation import Status
from domain.errors import ContentErasedError
from domain.ids import short
from interfaces.cli.console import say, say_dim, tell
from interfaces.cli.interrupts import Interrupts
from interfaces.errors import Exit, verdict
from interfaces.server_errors import ServerError

if TYPE_CHECKING:
    from collections.abc import AsyncIterator

    from application.conversations import Asked
    from application.running import RunningAnswer, Update
    from interfaces.book import Book
    from interfaces.cli.displays import Display
    from interfaces.cli.host import Host

_TICK_SECONDS = 0.1


@dataclass(frozen=True)
class Answered:
    """What came of a prompt. `outcome` is None where the command had been given before."""

    asked: Asked
    outcome: Outcome | None

    @property
    def model_missing(self) -> bool:
        """Whether the model server does not have the model."""
        return self.outcome is not None and isinstance(self.outcome.problem, ModelMissingError)


async def answer(book: Book, command: Asking, display: Display) -> Answered:
    """Record a prompt and show its answer; return when its end is recorded."""
    interrupts = Interrupts()
    with interrupts.watching():
        try:
            asked = await asyncio.to_thread(book.commands.ask, command)
            if asked.request is None:
                return Answered(asked, None)
            running = book.answering.start(asked)
            interrupts.when_stopped(running.cancel)
            outcome = await _watch(running, asked.model, display)
        finally:
            display.stop()
    return Answered(asked, outcome)


async def _watch(running: RunningAnswer, model: str, display: Display) -> Outcome:
    began = time.monotonic()
    ticking = asyncio.create_task(_tick(model, display, began))
    try:
        async for update in _of(running):
            if isinstance(update, Ended):
                ticking.cancel()
                display.ended(update.outcome)
                return update.outcome
            match update:
                case Progress():
                    display.progress(update.thinking, update.text)
                case Standing():
                    display.queued(update.place, update.waits_for)
                case _:
                    display.restarted()
    finally:
        ticking.cancel()
    raise AssertionError("an answer's updates end with its outcome")


def _of(running: RunningAnswer) -> AsyncIterator[Update]:
    return running.updates()


async def _tick(model: str, display: Display, began: float) -> None:
    while True:
        display.waiting(model, time.monotonic() - began)
        await asyncio.sleep(_TICK_SECONDS)


def leave_title(host: Host, command: Asking, answered: Answered) -> None:
    """Let the conversation that this question opened get a title, by somebody whom nobody waits for."""
    opened = isinstance(command, AskQuestion) and command.conversation_id is None
    if opened and answered.outcome is not None and answered.outcome.status is Status.COMPLETE:
        host.make_titles()


def explain(answered: Answered) -> Exit:
    """Say on standard error what did not go well; return the exit code."""
    asked, outcome = answered.asked, answered.outcome
    if outcome is None or outcome.status is Status.COMPLETE:
        if outcome is not None and not outcome.text.strip():
            say_dim("The model answered with nothing.")
        return Exit.DONE
    see = f"daybook show {short(asked.conversation_id)}"
    if outcome.problem is not None:
        tell(outcome.problem)
        if isinstance(outcome.problem, ContentErasedError):
            return verdict(outcome.problem).exit_code
        if isinstance(outcome.problem, ServerError):
            say(f"daybook: When the server is there again: {see} (and daybook retry, if it was interrupted)")
        elif outcome.log_size is None:
            say(
                "daybook: The prompt is recorded; the end of its answer could not be. "
                "The next command closes it."
            )
        else:
            kept = "and what came of the answer are" if outcome.text or outcome.thinking else "is"
            say(f"daybook: Your prompt {kept} recorded: {see}. To have it answered again: daybook retry")
        return verdict(outcome.problem).exit_code
    kept = "what came so far is kept" if outcome.text or outcome.thinking else "nothing had come yet"
    done = "Cancelled" if outcome.status is Status.CANCELLED else "Interrupted"
    say(f"daybook: {done}; your prompt is recorded and {kept}. See it: {see}")
    return Exit.INTERRUPTED


def closing_line(answered: Answered) -> str:
    """Return the one line that ends an answer on a terminal."""
    asked, outcome = answered.asked, answered.outcome
    parts = [short(asked.conversation_id), asked.model]
    if outcome is not None and outcome.end is not None:
        tokens, took = outcome.end.completion_tokens, outcome.end.eval_ms
        if tokens and took:
            parts.append(f"{tokens / took * 1000:.1f} tokens/s")
    if asked.cut_count:
        parts.append(f"{asked.cut_count} older messages did not fit")
    parts.append(f"daybook show {short(asked.conversation_id)}")
    return " · ".join(parts)
