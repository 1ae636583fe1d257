"""Replays: recorded, run behind everybody, broken off and gone on with."""

from __future__ import annotations

import asyncio
from typing import Any
from uuid import UUID

import pytest

from application import commands as c
from application.context import rendered
from application.conversations import Asked
from application.errors import (
    AnswerBrokenOffError,
    IdempotencyMismatchError,
    ModelMissingError,
    ModelServerUnreachableError,
)
from application.ports.log import Origin
from application.ports.model_server import ChatEnd, ChatMessage, Delta
from application.replay_commands import CancelReplay, EraseReplay, StartReplay
from application.replaying import Replaying, Step
from domain.conversation.conversation import Conversation
from domain.errors import (
    ConflictError,
    ContentDamagedError,
    ContentErasedError,
    InvalidInputError,
    NotFoundError,
    RefusedError,
    WrongVersionError,
)
from domain.ids import new_id
from domain.replay import events as e
from domain.replay.replay import Replay, ReplayStatus
from tests.fakes.model_server import ScriptedModelServer
from tests.fakes.replays import MemoryReplays
from tests.fakes.write_side import FixedClock, LogMemory, MemoryTurns
from tests.support.desk import run, until
from tests.support.house import WHO, House

ORIGIN = Origin("ada", "cli")


class Room:
    """A house with somebody in it who runs replays."""

    def __init__(self) -> None:
        self.house = House()
        self.server = ScriptedModelServer()
        services = self.house.services
        assert isinstance(services.turns, MemoryTurns)
        self.turns = services.turns
        self.replays = MemoryReplays(self.house.log)
        self.steps: list[Step] = []
        self.replaying = self.another()

    def another(self) -> Replaying:
        services = self.house.services
        return Replaying(
            services.log,
            services.memory,
            self.replays,
            self.server,
            services.turns,
            FixedClock(),
            look_every=0.005,
        )

    def answered(self, said: str = "Hello.", **values: Any) -> Asked:
        asked = self.house.ask(**values)
        self.house.answer(asked, said)
        self.turns.leave(asked.answer_id)
        return asked

    def start(self, *answers: Asked, **values: Any) -> UUID:
        said = {"model": "deepseek-r1:8b", **values}
        ids = tuple(one.answer_id for one in answers)
        return self.house.commands.handle(StartReplay(**WHO, answer_ids=ids, **said)).id

    def says(self, *texts: str) -> None:
        self.server.will_answer(*(Delta(text) for text in texts), ChatEnd("stop"))

    def run(self, replay_id: UUID) -> ReplayStatus:
        return run(lambda: self.replaying.run(replay_id, ORIGIN, self.steps.append))

    def happened(self, replay_id: UUID, kind: type[Any]) -> list[Any]:
        return [one for one in self.house.log.events(replay_id) if isinstance(one, kind)]


@pytest.fixture
def room() -> Room:
    return Room()


class TestRecording:
    def test_a_replay_is_recorded_once_under_a_key(self, room: Room) -> None:
        asked = room.answered()
        first = room.start(asked, idempotency_key="k")
        assert room.start(asked, idempotency_key="k") == first
        with pytest.raises(IdempotencyMismatchError):
            room.start(asked, model="other", idempotency_key="k")

    def test_two_at_the_same_moment_under_one_key_are_one(self, room: Room) -> None:
        asked = room.answered()
        others: list[UUID] = []

        def other() -> None:
            if not others:
                others.append(new_id())
                others[0] = room.start(asked, idempotency_key="k")

        room.house.log.before_save = other
        assert room.start(asked, idempotency_key="k") == others[0]

    @pytest.mark.parametrize("model", ["", "  ", "x" * 201])
    def test_it_needs_a_model(self, room: Room, model: str) -> None:
        with pytest.raises(InvalidInputError, match="model"):
            room.start(room.answered(), model=model)

    def test_what_shall_be_told_is_checked(self, room: Room) -> None:
        with pytest.raises(InvalidInputError):
            room.start(room.answered(), instructions="\0")
        with pytest.raises(InvalidInputError):
            room.start(room.answered(), options={"x": float("nan")})
        with pytest.raises(InvalidInputError, match="no answer"):
            room.start()

    def test_it_is_cancelled_once_and_erased_for_ever(self, room: Room) -> None:
        replay_id = room.start(room.answered())
        commands = room.house.commands
        for _ in range(2):
            commands.handle(CancelReplay(**WHO, replay_id=replay_id))
        assert len(room.happened(replay_id, e.ReplayCancelled)) == 1
        done = commands.handle(EraseReplay(**WHO, replay_id=replay_id, idempotency_key="k"))
        assert commands.handle(EraseReplay(**WHO, replay_id=replay_id, idempotency_key="k")).id == done.id
        with pytest.raises(ContentErasedError):
            commands.handle(EraseReplay(**WHO, replay_id=replay_id))
        with pytest.raises(NotFoundError):
            commands.handle(CancelReplay(**WHO, replay_id=new_id()))

    def test_an_erasure_is_tried_again_where_others_write(self, room: Room) -> None:
        replay_id = room.start(room.answered())
        room.house.log.failures.append(WrongVersionError("x"))
        room.house.commands.handle(EraseReplay(**WHO, replay_id=replay_id))
        other = room.start(room.answered())
        room.house.log.failures.extend(WrongVersionError("x") for _ in range(20))
        with pytest.raises(WrongVersionError):
            room.house.commands.handle(EraseReplay(**WHO, replay_id=other))


class TestRunning:
    def test_prompts_are_asked_in_their_recorded_context(self, room: Room) -> None:
        project_id = room.house.project(instructions="Be brief.")
        first = room.answered("Hello.", text="Hi", project_id=project_id, options={"temperature": 0.5})
        second = room.answered("Fine.", text="And?", conversation_id=first.conversation_id)
        room.house.commands.handle(
            c.ChangeInstructions(project_id=project_id, instructions="Be long.", **WHO)
        )
        room.says("Hello.")
        room.says("<think>Hm.</think>", "Quite another thing.")
        replay_id = room.start(first, second)

        assert room.run(replay_id) is ReplayStatus.COMPLETE

        assert [one.messages for one in room.server.requests] == [
            first.request.messages,  # type: ignore[union-attr]
            second.request.messages,  # type: ignore[union-attr]
        ]
        assert room.server.requests[0].options["temperature"] == 0.5
        told = room.happened(replay_id, e.PromptAnsweredAgain)
        assert [(one.text, one.thinking, one.likeness == 1) for one in told] == [
            ("Hello.", "", True),
            ("Quite another thing.", "Hm.", False),
        ]
        request = rendered(room.server.requests[0])
        assert told[0].request_hash == room.house.log.request_hash(replay_id, request)
        assert [step.done for step in room.steps] == [0, 1, 2]
        assert room.turns.mine == {}
        assert len(room.house.log.load(Conversation, first.conversation_id).messages) == 4

    def test_model_instructions_options_and_seed_stand_over_those_of_then(self, room: Room) -> None:
        asked = room.answered(instructions="Rhyme.", options={"temperature": 0.5, "top_k": 3})
        replay_id = room.start(asked, instructions="Shout.", options={"temperature": 1, "seed": 40}, repeat=2)
        room.run(replay_id)
        assert [one.messages[0] for one in room.server.requests] == [ChatMessage("system", "Shout.")] * 2
        assert [one.options["seed"] for one in room.server.requests] == [40, 41]
        assert room.server.requests[0].options["top_k"] == 3
        assert room.server.requests[0].options["temperature"] == 1

    def test_empty_instructions_are_none(self, room: Room) -> None:
        room.run(room.start(room.answered(instructions="Rhyme."), instructions=""))
        assert [one.role for one in room.server.requests[0].messages] == ["user"]

    def test_what_cannot_be_asked_again_is_skipped_and_named(self, room: Room) -> None:
        gone, altered, good = (room.answered() for _ in range(3))
        memory = room.house.services.memory
        assert isinstance(memory, LogMemory)
        memory.erased.add(gone.answer_id)
        recorded = memory.recorded

        def damaged(ids: Any) -> Any:
            if list(ids) == [altered.answer_id]:
                raise ContentDamagedError("It was altered.")
            return recorded(ids)

        memory.recorded = damaged  # type: ignore[method-assign]
        ids = (gone.answer_id, altered.answer_id, good.prompt_id, good.answer_id)
        command = StartReplay(**WHO, answer_ids=ids, model="deepseek-r1:8b")
        replay_id = room.house.commands.handle(command).id
        assert room.run(replay_id) is ReplayStatus.COMPLETE
        skipped = {one.answer_id: one.reason for one in room.happened(replay_id, e.PromptSkipped)}
        assert skipped == {gone.answer_id: "erased", altered.answer_id: "altered", good.prompt_id: "unknown"}

    def test_a_failed_prompt_is_told_and_the_next_one_asked(self, room: Room) -> None:
        one, other = room.answered(), room.answered()
        room.server.will_answer(Delta("Hel"), AnswerBrokenOffError("It broke off."))
        replay_id = room.start(one, other)
        assert room.run(replay_id) is ReplayStatus.COMPLETE
        [failed] = room.happened(replay_id, e.PromptFailedAgain)
        assert (failed.answer_id, failed.detail) == (one.answer_id, "It broke off.")
        assert len(room.happened(replay_id, e.PromptAnsweredAgain)) == 1

    def test_a_server_that_is_away_stops_it_and_it_can_be_resumed(self, room: Room) -> None:
        one, other = room.answered(), room.answered()
        replay_id = room.start(one, other)
        room.says("Hello.")
        room.server.will_answer(ModelServerUnreachableError("Nobody is there."))
        with pytest.raises(ModelServerUnreachableError):
            room.run(replay_id)
        assert len(room.happened(replay_id, e.PromptAnsweredAgain)) == 1
        assert room.run(replay_id) is ReplayStatus.COMPLETE
        assert len(room.happened(replay_id, e.PromptAnsweredAgain)) == 2
        with pytest.raises(ModelMissingError):
            room.run(room.start(one, model="none-such"))

    def test_thinking_is_kept_apart_however_the_model_tells_it(self, room: Room) -> None:
        replay_id = room.start(room.answered(), room.answered())
        room.says("Okay, they want ", "a word.</think>", "Chisels")
        room.says("<th")
        room.run(replay_id)
        told = room.happened(replay_id, e.PromptAnsweredAgain)
        assert [(one.thinking, one.text) for one in told] == [
            ("Okay, they want a word.", "Chisels"),
            ("", "<th"),
        ]

    def test_an_answer_that_takes_longer_than_a_look_is_waited_for(self, room: Room) -> None:
        replay_id = room.start(room.answered())
        room.server.will_answer(Delta("Hel"), 0.03, Delta("lo."), ChatEnd("stop"))
        room.run(replay_id)
        assert [one.text for one in room.happened(replay_id, e.PromptAnsweredAgain)] == ["Hello."]

    def test_one_process_runs_it(self, room: Room) -> None:
        replay_id = room.start(room.answered())
        room.replays.claims.add(replay_id)
        with pytest.raises(ConflictError, match="another process"):
            room.run(replay_id)
        room.replays.claims.clear()
        room.run(replay_id)
        with pytest.raises(RefusedError, match="complete"):
            room.run(replay_id)

    def test_one_that_is_cancelled_stops_while_the_model_writes(self, room: Room) -> None:
        replay_id = room.start(room.answered(), room.answered())
        room.server.will_answer(Delta("Hel"), asyncio.Event())

        async def scenario() -> ReplayStatus:
            running = asyncio.create_task(room.replaying.run(replay_id, ORIGIN))
            await until(lambda: room.server.active)
            room.house.commands.handle(CancelReplay(**WHO, replay_id=replay_id))
            return await running

        assert run(scenario) is ReplayStatus.CANCELLED
        assert room.server.cancelled == 1
        assert room.happened(replay_id, e.PromptAnsweredAgain) == []
        assert room.replays.claims == set()

    def test_one_that_is_cancelled_at_the_last_moment_records_nothing_more(self, room: Room) -> None:
        replay_id = room.start(room.answered())

        def cancel() -> None:
            room.house.commands.handle(CancelReplay(**WHO, replay_id=replay_id))

        room.house.log.before_save = cancel
        assert room.run(replay_id) is ReplayStatus.CANCELLED
        assert room.happened(replay_id, e.PromptAnsweredAgain) == []

    def test_it_waits_behind_all_that_people_wait_for_and_stands_back(self, room: Room) -> None:
        replay_id = room.start(room.answered())
        room.turns.most = 1
        room.turns.enter(somebody := new_id(), background=False)
        room.server.will_answer(Delta("Hel"), asyncio.Event())

        async def scenario() -> ReplayStatus:
            running = asyncio.create_task(room.replaying.run(replay_id, ORIGIN))
            await until(lambda: len(room.turns.mine) == 2)
            await asyncio.sleep(0.03)
            assert room.server.requests == []
            room.turns.leave(somebody)
            await until(lambda: room.server.active)
            room.turns.enter(other := new_id(), background=False)
            await until(lambda: room.turns.standing_anywhere(other) == 0)
            assert room.server.cancelled == 1
            room.turns.leave(other)
            return await running

        assert run(scenario) is ReplayStatus.COMPLETE
        assert len(room.server.requests) == 2
        assert len(room.happened(replay_id, e.PromptAnsweredAgain)) == 1

    def test_others_that_write_to_it_do_not_make_it_ask_twice(self, room: Room) -> None:
        replay_id = room.start(room.answered(), room.answered())
        room.house.log.failures.append(WrongVersionError("x"))
        assert room.run(replay_id) is ReplayStatus.COMPLETE
        replay = room.house.log.load(Replay, replay_id)
        assert len(replay.done) == 2
