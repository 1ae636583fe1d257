"""Waiting until the log grows: whoever waits is woken by the listener, and looks by himself."""

from __future__ import annotations

import asyncio
import threading
from collections.abc import Iterator

import pytest

from application.errors import DatabaseUnreachableError
from interfaces.http import growth
from interfaces.http.growth import Growth

PATIENCE = 20.0


class Log:
    """A log that grows when it is told to, and tells its followers then."""

    def __init__(self) -> None:
        self.held = 3
        self.followers = 0
        self.broken = False
        self._grown = threading.Event()

    @property
    def events(self) -> Log:
        return self

    def size(self) -> int:
        return self.held

    def grow(self) -> None:
        self.held += 1
        self._grown.set()

    def follow(self, size: int, *, stop: threading.Event) -> Iterator[int]:
        self.followers += 1
        if self.broken:
            raise DatabaseUnreachableError("It was lost.")
        while not stop.is_set():
            if self._grown.wait(0.01) and self.held > size:
                self._grown.clear()
                size = self.held
                yield size


@pytest.fixture
def log(monkeypatch: pytest.MonkeyPatch) -> Log:
    monkeypatch.setattr(growth, "_LOOK_EVERY_SECONDS", 1_000.0)
    return Log()


async def waited(waiting: asyncio.Task[int]) -> int:
    return await asyncio.wait_for(waiting, PATIENCE)


def test_all_who_wait_are_woken_through_one_listener(log: Log) -> None:
    async def run() -> list[int]:
        watch = Growth(log)  # type: ignore[arg-type]
        waiting = [asyncio.create_task(watch.beyond(3, 1_000.0)) for _ in range(3)]
        await asyncio.sleep(0.1)
        log.grow()
        found = [await waited(one) for one in waiting]
        watch.stop()
        return found

    assert asyncio.run(run()) == [4, 4, 4]
    assert log.followers == 1


def test_who_does_not_wait_needs_no_listener(log: Log) -> None:
    async def run() -> tuple[int, int]:
        watch = Growth(log)  # type: ignore[arg-type]
        return await watch.beyond(2, 1_000.0), await watch.beyond(3, 0)

    assert asyncio.run(run()) == (3, 3)
    assert log.followers == 0


def test_a_server_that_stops_lets_everybody_go(log: Log) -> None:
    async def run() -> int:
        watch = Growth(log)  # type: ignore[arg-type]
        waiting = asyncio.create_task(watch.beyond(3, 1_000.0))
        await asyncio.sleep(0.05)
        watch.stop()
        return await waited(waiting)

    assert asyncio.run(run()) == 3


def test_where_the_listener_is_lost_the_log_is_looked_at_all_the_same(
    log: Log, monkeypatch: pytest.MonkeyPatch, caplog: pytest.LogCaptureFixture
) -> None:
    monkeypatch.setattr(growth, "_LOOK_EVERY_SECONDS", 0.02)
    log.broken = True

    async def run() -> int:
        watch = Growth(log)  # type: ignore[arg-type]
        waiting = asyncio.create_task(watch.beyond(3, 1_000.0))
        await asyncio.sleep(0.1)
        log.held = 9
        return await waited(waiting)

    assert asyncio.run(run()) == 9
    assert "looked at once a second" in caplog.text
