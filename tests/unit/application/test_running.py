from __future__ import annotations

import asyncio
from dataclasses import dataclass, field
from typing import TypeAlias

from hypothesis import given, settings
from hypothesis import strategies as st

from application.ports.model_server import Delta
from application.running import Ended, Outcome, Progress, Restarted, RunningAnswer
from application.thinking import Reclassified
from domain.conversation.conversation import Status
from domain.ids import new_id


def fresh() -> RunningAnswer:
    return RunningAnswer(new_id(), new_id(), lambda _: None)


def outcome(running: RunningAnswer) -> Outcome:
    return Outcome(Status.COMPLETE, running.text, running.thinking, "m")


@dataclass
class Watcher:
    """Puts together what it is told, as a client would, and can go away and come back to where it was."""

    running: RunningAnswer
    thinking: str = ""
    text: str = ""
    ended: Outcome | None = None
    restarts: int = 0
    task: asyncio.Task[None] | None = None

    def come(self) -> None:
        if self.task is None:
            self.task = asyncio.create_task(self.watch())

    async def go(self) -> None:
        if self.task is not None:
            self.task.cancel()
            await asyncio.wait([self.task])
            self.task = None

    async def watch(self) -> None:
        async for update in self.running.updates(len(self.thinking), len(self.text)):
            match update:
                case Restarted():
                    self.thinking = self.text = ""
                    self.restarts += 1
                case Progress():
                    self.thinking += update.thinking
                    self.text += update.text
                    assert (len(self.thinking), len(self.text)) == (update.thinking_to, update.text_to)
                case Ended():
                    self.ended = update.outcome


@dataclass
class Life:
    """What may happen to one answer: thinking first, or text that may turn out to have been thinking."""

    reclassified_after: int | None
    pieces: list[str]
    visits: list[tuple[int, int]] = field(default_factory=list)


Steps: TypeAlias = "list[tuple[str, int]]"

_texts = st.lists(st.text("ab\ud83d\N{SNOWMAN}", min_size=1, max_size=4), min_size=1, max_size=12)


@given(
    thinking_first=st.booleans(),
    pieces=_texts,
    turn=st.integers(0, 12),
    steps=st.lists(st.tuples(st.sampled_from(["add", "come", "go", "run"]), st.integers(0, 2)), max_size=60),
)
@settings(max_examples=300, deadline=None)
def test_every_watcher_ends_with_exactly_the_text(
    thinking_first: bool,  # noqa: FBT001 (drawn)
    pieces: list[str],
    turn: int,
    steps: Steps,
) -> None:
    asyncio.run(_interleaved(thinking_first, pieces, turn, steps))


async def _interleaved(thinking_first: bool, pieces: list[str], turn: int, steps: Steps) -> None:  # noqa: FBT001
    running = fresh()
    watchers = [Watcher(running) for _ in range(3)]
    additions: list[Delta | Reclassified] = []
    for place, piece in enumerate(pieces):
        if place == turn and place > 0 and not thinking_first:
            additions.append(Reclassified())
        additions.append(Delta(thinking=piece) if thinking_first and place < turn else Delta(text=piece))
    queue = iter(additions)
    for what, who in steps:
        if what == "add":
            addition = next(queue, None)
            if addition is not None:
                running.add(addition)
        elif what == "come":
            watchers[who].come()
        elif what == "go":
            await watchers[who].go()
        else:
            await asyncio.sleep(0)
    for addition in queue:
        running.add(addition)
    running.finish(outcome(running))
    for watcher in watchers:
        watcher.come()
        assert watcher.task is not None
        await asyncio.wait_for(watcher.task, 5)
        assert (watcher.thinking, watcher.text) == (running.thinking, running.text)
        assert watcher.ended == running.outcome
        assert watcher.restarts <= 1


@given(pieces=_texts, turn=st.integers(0, 12), saves=st.lists(st.sampled_from(["kept", "lost", "none"])))
def test_saved_pieces_laid_at_their_offsets_give_the_text(
    pieces: list[str], turn: int, saves: list[str]
) -> None:
    asyncio.run(_saved(pieces, turn, saves))


async def _saved(pieces: list[str], turn: int, saves: list[str]) -> None:
    running = fresh()
    thinking = text = ""
    seqs: list[int] = []

    def save(how: str) -> None:
        nonlocal thinking, text
        piece = running.unsaved() if how != "none" else None
        if piece is None:
            return
        if how == "lost":
            running.not_saved()
            return
        seqs.append(piece.seq)
        thinking = thinking[: piece.thinking_from] + piece.thinking
        text = text[: piece.text_from] + piece.text

    for place, piece in enumerate(pieces):
        if place == turn and place > 0:
            running.add(Reclassified())
        running.add(Delta(text=piece))
        save(saves[place] if place < len(saves) else "none")
    save("kept")
    assert (thinking, text) == (running.thinking, running.text)
    assert seqs == sorted(set(seqs))
    assert running.unsaved() is None


async def _all(running: RunningAnswer, thinking_from: int = 0, text_from: int = 0) -> list[object]:
    return [update async for update in running.updates(thinking_from, text_from)]


def test_a_client_that_saw_text_which_was_thinking_starts_over() -> None:
    async def scenario() -> list[object]:
        running = fresh()
        running.add(Delta(text="Hm."))
        running.add(Reclassified())
        running.add(Delta(text="Hello."))
        running.finish(outcome(running))
        return await _all(running, 0, 3)

    restarted, progress, ended = asyncio.run(scenario())
    assert restarted == Restarted()
    assert progress == Progress("Hm.", "Hello.", 3, 6)
    assert isinstance(ended, Ended)


def test_a_client_that_saw_everything_gets_the_end_alone() -> None:
    async def scenario() -> list[object]:
        running = fresh()
        running.add(Delta(thinking="Hm.", text="Hello."))
        running.finish(outcome(running))
        return await _all(running, 3, 6)

    [ended] = asyncio.run(scenario())
    assert isinstance(ended, Ended)


def test_offsets_below_zero_are_the_beginning() -> None:
    async def scenario() -> list[object]:
        running = fresh()
        running.add(Delta(text="Hello."))
        running.finish(outcome(running))
        return await _all(running, -2, -3)

    assert asyncio.run(scenario())[0] == Progress("", "Hello.", 0, 6)


def test_to_cancel_is_to_stop_with_that_reason() -> None:
    reasons: list[str] = []
    running = RunningAnswer(new_id(), new_id(), reasons.append)

    running.cancel()
    running.cancel("shutdown")

    assert reasons == ["cancelled", "shutdown"]
