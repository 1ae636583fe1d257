"""Wrong tokens, counted by address."""

import pytest

from interfaces.http.problems import of_error
from interfaces.http.tries import AT_ONCE, SECONDS_EACH, TooManyTriesError, Tries

HERE, THERE = "192.0.2.7", "198.51.100.1"


class Clock:
    at = 1000.0

    def __call__(self) -> float:
        return self.at


def tried(times: int) -> tuple[Tries, Clock]:
    clock = Clock()
    tries = Tries(clock)
    for _ in range(times):
        tries.must_be_left(HERE)
        tries.was_wrong(HERE)
    return tries, clock


def test_an_address_has_ten_tries_at_once() -> None:
    tries, _ = tried(AT_ONCE)
    with pytest.raises(TooManyTriesError) as caught:
        tries.must_be_left(HERE)
    assert caught.value.seconds == SECONDS_EACH
    response = of_error({}, caught.value)
    assert (response.status_code, response.headers["retry-after"]) == (429, "6")


def test_others_are_not_kept_waiting() -> None:
    tries, _ = tried(AT_ONCE)
    tries.must_be_left(THERE)


def test_one_comes_back_every_six_seconds_and_all_in_time() -> None:
    tries, clock = tried(AT_ONCE)
    clock.at += SECONDS_EACH
    tries.must_be_left(HERE)
    tries.was_wrong(HERE)
    with pytest.raises(TooManyTriesError):
        tries.must_be_left(HERE)
    clock.at += AT_ONCE * SECONDS_EACH
    for _ in range(AT_ONCE):
        tries.must_be_left(HERE)
        tries.was_wrong(HERE)


def test_waiting_grows_no_longer_than_it_was_told(monkeypatch: pytest.MonkeyPatch) -> None:
    tries, clock = tried(AT_ONCE)
    with pytest.raises(TooManyTriesError) as caught:
        tries.must_be_left(HERE)
    clock.at += caught.value.seconds
    tries.must_be_left(HERE)


def test_what_is_remembered_is_bounded(monkeypatch: pytest.MonkeyPatch) -> None:
    monkeypatch.setattr("interfaces.http.tries._MOST_REMEMBERED", 50)
    clock = Clock()
    tries = Tries(clock)
    for number in range(500):
        tries.was_wrong(f"10.0.{number // 250}.{number % 250}")
        tries.remember(f"cookie {number}")
    assert len(tries) == 50
    assert not tries.is_stale("cookie 449")
    assert tries.is_stale("cookie 450")
    clock.at += SECONDS_EACH
    tries.was_wrong(HERE)
    assert len(tries) == 1
