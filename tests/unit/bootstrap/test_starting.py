"""What is waited for at a start, and what is not."""

import time
from collections.abc import Callable

import pytest

from application.errors import DatabaseError, DatabaseUnreachableError
from bootstrap.starting import patiently


@pytest.fixture
def pauses(monkeypatch: pytest.MonkeyPatch) -> list[float]:
    """Let pauses pass at once, on a clock of their own."""
    made: list[float] = []
    monkeypatch.setattr(time, "sleep", made.append)
    monkeypatch.setattr(time, "monotonic", lambda: sum(made))
    return made


def failing(*problems: DatabaseError) -> Callable[[], str]:
    left = list(problems)

    def attempt() -> str:
        if left:
            raise left.pop(0)
        return "open"

    return attempt


def test_what_comes_in_time_is_waited_for_and_announced_once(pauses: list[float]) -> None:
    said: list[str] = []
    attempt = failing(DatabaseUnreachableError("No answer."), DatabaseError("No book in it yet."))

    assert patiently(attempt, 60, said.append, kind=DatabaseError) == "open"
    assert said == ["No answer. Waiting for it, up to 60 seconds."]
    assert len(pauses) == 2


def test_a_moment_is_not_worth_a_word(pauses: list[float]) -> None:
    said: list[str] = []

    assert patiently(failing(DatabaseError("No answer.")), 1, said.append, kind=DatabaseError) == "open"
    assert said == []
    assert len(pauses) == 1


def test_in_the_end_the_last_problem_is_told(pauses: list[float]) -> None:
    attempt = failing(*[DatabaseUnreachableError(f"No answer {number}.") for number in range(100)])

    with pytest.raises(DatabaseUnreachableError, match="No answer 6"):
        patiently(attempt, 3, lambda _: None, kind=DatabaseUnreachableError)
    assert sum(pauses) == 3


def test_another_problem_is_told_at_once(pauses: list[float]) -> None:
    with pytest.raises(DatabaseError, match="not ours"):
        patiently(failing(DatabaseError("not ours")), 60, lambda _: None, kind=DatabaseUnreachableError)
    assert pauses == []
