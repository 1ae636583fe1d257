"""What the line before a model server promises: so many at once and no more, in order, whoever owns them."""

from __future__ import annotations

from collections.abc import Callable, Iterator
from uuid import UUID

import pytest
from hypothesis import HealthCheck, given, settings
from hypothesis import strategies as st

from application.errors import LineFullError
from application.ports.turns import LineLength, Turns
from domain.ids import new_id
from infrastructure.postgres.database import Database
from infrastructure.postgres.turns import PostgresTurns
from tests.fakes.write_side import MemoryTurns
from tests.support.write_side import live_on

Opener = Callable[..., Turns]


@pytest.fixture(params=["memory", "postgres"])
def process(request: pytest.FixtureRequest) -> Iterator[Opener]:
    """Return a function that makes the line as one more process has it."""
    if request.param == "memory":
        line: list[tuple[bool, UUID]] = []
        running: list[UUID] = []

        def in_memory(*, most: int = 1, longest: int = 3) -> Turns:
            turns = MemoryTurns(most=most, longest=longest, line=line)
            turns.running = running
            return turns

        yield in_memory
        return
    database: Database = request.getfixturevalue("database")
    opened = []

    def on_postgres(*, most: int = 1, longest: int = 3, server: str = f"http://{new_id()}") -> Turns:
        opened.append(live_on(database))
        return PostgresTurns(database, opened[-1], server, most=most, longest=longest)

    yield on_postgres
    for live in opened:
        live.close()


def entered(turns: Turns, count: int, *, background: bool = False) -> list[UUID]:
    answers = [new_id() for _ in range(count)]
    for answer in answers:
        turns.enter(answer, background=background)
    return answers


def test_who_comes_first_goes_first(process: Opener) -> None:
    turns = process()
    one, two, three = entered(turns, 3)

    assert [turns.standing(one), turns.standing(two), turns.standing(three)] == [0, 1, 2]
    turns.leave(one)
    assert turns.look() == {two: 0, three: 1}
    turns.leave(two)
    turns.leave(two)
    assert turns.look() == {three: 0}
    assert turns.standing(three) == 0


def test_the_line_is_one_for_all_processes(process: Opener) -> None:
    here, there = process(), process()
    [one], [two], [three] = entered(here, 1), entered(there, 1), entered(here, 1)

    assert there.standing(two) == 1
    assert here.standing(three) == 2
    assert [there.standing_anywhere(answer) for answer in (one, two, three)] == [0, 1, 2]
    here.leave(one)
    assert there.length() == here.length() == LineLength(running=1, waiting=1)
    assert there.look() == {two: 0}
    assert here.look() == {three: 1}
    there.leave(two)
    here.leave(three)
    assert there.length() == LineLength(0, 0)


def test_what_nobody_waits_for_stands_behind_what_people_wait_for(process: Opener) -> None:
    turns = process()
    [busy], [behind], [asked] = entered(turns, 1), entered(turns, 1, background=True), entered(turns, 1)

    turns.leave(busy)
    assert turns.look() == {asked: 0, behind: 1}


def test_a_full_line_takes_nobody_and_changes_nothing(process: Opener) -> None:
    turns = process(longest=2)
    answers = entered(turns, 3)

    with pytest.raises(LineFullError):
        turns.enter(new_id(), background=False)
    assert sorted(turns.look().values()) == [0, 1, 2]
    entered(turns, 1, background=True)
    turns.leave(answers[1])
    entered(turns, 1)


def test_several_may_have_their_turn_at_once(process: Opener) -> None:
    turns = process(most=2)
    entered(turns, 3)

    assert sorted(turns.look().values()) == [0, 0, 1]


def test_an_answer_in_no_line_stands_nowhere(process: Opener) -> None:
    turns = process()

    assert turns.standing_anywhere(new_id()) is None
    assert turns.standing(new_id()) == 0
    assert turns.look() == {}
    turns.leave(new_id())


@given(steps=st.lists(st.tuples(st.sampled_from(["enter", "leave", "look"]), st.integers(0, 2)), max_size=25))
@settings(max_examples=15, deadline=None, suppress_health_check=[HealthCheck.function_scoped_fixture])
def test_never_more_than_may_have_their_turn_and_none_is_forgotten(
    process: Opener, steps: list[tuple[str, int]]
) -> None:
    processes = [process(most=2, longest=50) for _ in range(3)]
    there: list[list[UUID]] = [[], [], []]
    for what, who in steps:
        if what == "enter":
            there[who] += entered(processes[who], 1)
        elif what == "leave" and there[who]:
            processes[who].leave(there[who].pop(0))
        else:
            processes[who].look()
        standings = [processes[0].standing_anywhere(answer) for answers in there for answer in answers]
        waiting = sorted(standing for standing in standings if standing)
        assert standings.count(0) == min(2, len(standings))
        assert waiting == list(range(1, len(waiting) + 1))
    for one, answers in zip(processes, there, strict=True):
        for answer in answers:
            one.leave(answer)


def test_it_is_known_whether_people_wait(process: Opener) -> None:
    turns = process()
    one, *_ = entered(turns, 1)
    assert not turns.people_wait()
    entered(turns, 1, background=True)
    assert not turns.people_wait()
    entered(turns, 1)
    assert turns.people_wait()
    turns.leave(one)
    assert not turns.people_wait()
