from __future__ import annotations

import asyncio
from dataclasses import dataclass, field
from typing import TypeAlias

from hypothesis import given, settings
from hypothesis import strategies as st

from application.ports.model_server import Delta
from application.running import Ended, Outcome, Progress, Restarted, RunningAnswer, Standing
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


def test_who_saw_more_than_there_is_waits_for_it() -> None:
    async def scenario() -> list[object]:
        running = fresh()
        running.become("", "Hel")
        task = asyncio.create_task(_all(running, 0, 4))
        await asyncio.sleep(0)
        running.become("", "Hello.")
        await asyncio.sleep(0)
        running.finish(outcome(running))
        return await task

    progress, ended = asyncio.run(scenario())
    assert progress == Progress("", "o.", 0, 6)
    assert isinstance(ended, Ended)


def test_who_saw_more_than_there_ever_was_starts_over() -> None:
    async def scenario() -> list[object]:
        running = fresh()
        running.become("", "Hel")
        running.finish(outcome(running))
        return await _all(running, 0, 4)

    restarted, progress, ended = asyncio.run(scenario())
    assert restarted == Restarted()
    assert progress == Progress("", "Hel", 0, 3)
    assert isinstance(ended, Ended)


def test_who_waits_for_more_starts_over_when_it_turns_out_otherwise() -> None:
    async def scenario() -> list[object]:
        running = fresh()
        running.become("", "Hm")
        task = asyncio.create_task(_all(running, 0, 4))
        await asyncio.sleep(0)
        running.become("Hm.", "Hello.")
        running.finish(outcome(running))
        return await task

    restarted, progress, _ = asyncio.run(scenario())
    assert restarted == Restarted()
    assert progress == Progress("Hm.", "Hello.", 3, 6)


def test_a_text_that_goes_on_elsewhere_goes_on_here_and_another_one_starts_over() -> None:
    async def scenario() -> list[object]:
        running = fresh()
        task = asyncio.create_task(_all(running))
        for thinking, text in (("", "Hm"), ("", "Hm."), ("Hm.", "")):
            running.become(thinking, text)
            await asyncio.sleep(0)
            await asyncio.sleep(0)
        running.finish(outcome(running))
        return await task

    updates = asyncio.run(scenario())
    assert updates[:4] == [
        Progress("", "Hm", 0, 2),
        Progress("", ".", 0, 3),
        Restarted(),
        Progress("Hm.", "", 3, 0),
    ]


def test_watchers_are_told_where_an_answer_stands_in_the_line() -> None:
    async def scenario() -> list[object]:
        running = fresh()
        running.stand(2)
        running.stand(2)
        task = asyncio.create_task(_all(running))
        for place in (1, 0):
            await asyncio.sleep(0)
            await asyncio.sleep(0)
            running.stand(place)
        running.finish(outcome(running))
        return await task

    assert asyncio.run(scenario())[:3] == [Standing(2), Standing(1), Standing(0)]


def test_an_answer_that_is_let_go_ends_its_watchers_updates_without_an_end() -> None:
    async def scenario() -> list[object]:
        running = fresh()
        running.add(Delta(text="So far"))
        task = asyncio.create_task(_all(running))
        await asyncio.sleep(0)
        await asyncio.sleep(0)
        running.let_go()
        return await task

    assert asyncio.run(scenario()) == [Progress("", "So far", 0, 6)]


def test_what_comes_while_a_reader_is_slow_is_told_without_waiting() -> None:
    async def scenario() -> list[object]:
        running = fresh()
        running.stand(1)
        updates = running.updates()
        told: list[object] = [await anext(updates)]
        running.add(Delta(text="x"))
        told.append(await anext(updates))
        running.stand(0)
        running.finish(outcome(running))
        return told + [update async for update in updates]

    updates = asyncio.run(scenario())
    assert updates[:3] == [Standing(1), Progress("", "x", 0, 1), Standing(0)]


def test_a_standing_that_changes_while_its_reader_is_slow_is_told_next() -> None:
    async def scenario() -> list[object]:
        running = fresh()
        running.stand(1)
        updates = running.updates()
        told: list[object] = [await anext(updates)]
        running.stand(0)
        told.append(await anext(updates))
        running.finish(outcome(running))
        return told + [update async for update in updates]

    updates = asyncio.run(scenario())
    assert updates[:2] == [Standing(1), Standing(0)]


def test_who_waits_for_the_end_alone_gets_it_or_learns_that_it_is_followed_no_more() -> None:
    async def scenario() -> tuple[object, object]:
        over, left = fresh(), fresh()
        waiting = [asyncio.create_task(one.ended()) for one in (over, left)]
        over.add(Delta(text="x"))
        await asyncio.sleep(0)
        assert not any(task.done() for task in waiting)
        over.finish(outcome(over))
        left.let_go()
        first, second = await asyncio.gather(*waiting)
        return (first == over.outcome and first is not None), second

    assert asyncio.run(scenario()) == (True, None)


def test_a_reader_that_is_stopped_leaves_nothing_behind() -> None:
    async def scenario() -> int:
        running = fresh()
        readers = [asyncio.create_task(anext(running.updates())) for _ in range(3)]
        await asyncio.sleep(0)
        readers[0].cancel()
        await asyncio.sleep(0)
        waiting = len(running._waiting)
        readers[1].cancel()
        running.add(Delta(text="x"))  # in the same breath: it is woken and stopped
        await asyncio.gather(*readers, return_exceptions=True)
        return waiting

    assert asyncio.run(scenario()) == 2
