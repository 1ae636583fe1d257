"""What live state promises: owners are known to live or to be gone, and saved text comes back whole."""

from __future__ import annotations

import queue
from collections.abc import Callable, Iterator
from typing import Protocol
from uuid import UUID

import pytest
from hypothesis import HealthCheck, given, settings
from hypothesis import strategies as st

from application.ports.live import LiveAnswers, LiveText, Piece, Signal
from application.ports.log import Origin
from domain.conversation.conversation import Conversation
from domain.ids import new_id
from infrastructure.postgres.database import Database
from tests.fakes.write_side import MemoryLiveAnswers
from tests.support.write_side import keyring_of, live_on, log_on


class Process(LiveAnswers, Protocol):
    """Live answers as one process has them; closing is its end in good order."""

    def close(self) -> None: ...


class World:
    """A book that several processes share."""

    def __init__(self, opener: Callable[[], Process], conversation_id: UUID) -> None:
        self.opener = opener
        self.conversation_id = conversation_id
        self.opened: list[Process] = []

    def process(self) -> Process:
        self.opened.append(self.opener())
        return self.opened[-1]

    def piece(self, answer_id: UUID, seq: int, thinking: tuple[int, str], text: tuple[int, str]) -> Piece:
        return Piece(answer_id, self.conversation_id, seq, thinking[0], text[0], thinking[1], text[1])

    def read(self, answer_id: UUID) -> LiveText:
        return self.process().read(answer_id, self.conversation_id)


@pytest.fixture(params=["memory", "postgres"])
def world(request: pytest.FixtureRequest) -> Iterator[World]:
    conversation = Conversation.start(new_id(), project_id=None, title=None)
    if request.param == "memory":
        owners: set[UUID] = set()
        pieces: dict[UUID, list[Piece]] = {}
        wanted: set[UUID] = set()
        listeners: list[Callable[[Signal], None]] = []

        def opener() -> MemoryLiveAnswers:
            live = MemoryLiveAnswers(owners=owners)
            live.pieces = pieces
            live.wanted = wanted
            live.listeners = listeners
            return live

        yield World(opener, conversation.id)
        return
    database: Database = request.getfixturevalue("database")
    log_on(database).save([conversation], Origin("ada", "cli"))
    world = World(lambda: live_on(database, keyring_of(database)), conversation.id)
    yield world
    for process in world.opened:
        process.close()


def test_an_owner_keeps_its_id_and_others_have_others(world: World) -> None:
    one, two = world.process(), world.process()

    assert one.own() == one.own()
    assert one.own() != two.own()


def test_a_living_owner_is_not_dead_to_itself_or_others(world: World) -> None:
    one, two = world.process(), world.process()
    owners = {one.own(), two.own()}

    for looker in (one, two, world.process()):
        assert looker.dead(owners) == set()
    assert one.dead([]) == set()


def test_owners_that_ended_or_never_were_are_dead(world: World) -> None:
    one, two, never = world.process(), world.process(), new_id()
    ended = one.own()
    one.close()

    assert two.dead([ended, two.own(), never]) == {ended, never}


def test_nothing_was_saved_of_an_unknown_answer(world: World) -> None:
    assert world.read(new_id()) == LiveText("", "")


def test_saved_pieces_come_back_as_one_text(world: World) -> None:
    live, answer, other = world.process(), new_id(), new_id()
    live.save(
        [
            world.piece(answer, 0, (0, "Hm \ud83d"), (0, "")),
            world.piece(other, 0, (0, ""), (0, "Other")),
            world.piece(answer, 1, (4, ""), (0, "So ")),
        ]
    )
    live.save([world.piece(answer, 2, (4, "!"), (3, "f\U0001f600\0r"))])

    assert world.read(answer) == LiveText("Hm \ud83d!", "So f\U0001f600\0r")
    assert world.read(other) == LiveText("", "Other")


def test_a_piece_saved_twice_counts_once(world: World) -> None:
    live, answer = world.process(), new_id()
    piece = world.piece(answer, 0, (0, ""), (0, "So "))

    live.save([piece])
    live.save([piece, world.piece(answer, 1, (0, ""), (3, "far"))])

    assert world.read(answer).text == "So far"


def test_saving_nothing_is_nothing(world: World) -> None:
    world.process().save([])


def test_text_that_turned_out_to_be_thinking_stands_over_what_was_saved(world: World) -> None:
    live, answer = world.process(), new_id()
    live.save([world.piece(answer, 0, (0, ""), (0, "Hm. So"))])
    live.save([world.piece(answer, 1, (0, "Hm. So"), (0, ""))])

    assert world.read(answer) == LiveText("Hm. So", "")


def test_what_is_forgotten_is_gone_for_all(world: World) -> None:
    live, answer, other = world.process(), new_id(), new_id()
    live.save([world.piece(answer, 0, (0, ""), (0, "x")), world.piece(other, 0, (0, ""), (0, "y"))])

    live.forget(answer)
    live.forget(answer)

    assert world.read(answer) == LiveText()
    assert world.read(other).text == "y"


@given(parts=st.lists(st.text(min_size=1, max_size=20), min_size=1, max_size=8))
@settings(max_examples=20, deadline=None, suppress_health_check=[HealthCheck.function_scoped_fixture])
def test_any_text_comes_back_as_it_was(world: World, parts: list[str]) -> None:
    live, answer = world.process(), new_id()
    reached = 0
    for seq, part in enumerate(parts):
        live.save([world.piece(answer, seq, (0, ""), (reached, part))])
        reached += len(part)

    assert world.read(answer).text == "".join(parts)


def test_pieces_are_read_on_from_where_one_was(world: World) -> None:
    live, answer = world.process(), new_id()
    pieces = [world.piece(answer, seq, (0, ""), (seq, "x")) for seq in range(3)]
    live.save(pieces)

    assert list(live.read_on(answer, world.conversation_id, -1)) == pieces
    assert list(live.read_on(answer, world.conversation_id, 1)) == pieces[2:]
    assert list(live.read_on(answer, world.conversation_id, 2)) == []


def test_a_wish_to_stop_is_known_until_the_answer_has_ended(world: World) -> None:
    owner, other = world.process(), world.process()
    answer, untouched = new_id(), new_id()

    other.want_stopped(answer)
    other.want_stopped(answer)

    assert owner.stops_wanted([answer, untouched]) == {answer}
    owner.forget(answer)
    assert owner.stops_wanted([answer]) == set()


def test_every_process_hears_what_is_saved_wanted_and_ended(world: World) -> None:
    owner, other = world.process(), world.process()
    heard: queue.Queue[Signal] = queue.Queue()
    end = other.listen(heard.put)
    if not isinstance(other, MemoryLiveAnswers):
        assert heard.get(timeout=20) == Signal("missed")
    answer = new_id()

    owner.save([world.piece(answer, 0, (0, ""), (0, "x"))])
    owner.want_stopped(answer)
    owner.forget(answer)

    assert [heard.get(timeout=20) for _ in range(3)] == [
        Signal("saved", (answer,)),
        Signal("stop", (answer,)),
        Signal("ended", (answer,)),
    ]
    end()
    end()
