"""A program that runs in place of this one: how it ends, and what this one makes of it."""

from __future__ import annotations

import signal
import sys

import pytest

from bootstrap import standing_in

STUBBORN = "import signal, time; signal.signal(signal.SIGTERM, signal.SIG_IGN); time.sleep(60)"


def run(program: str, *, until: bool = False) -> int | None:
    return standing_in._run([sys.executable, "-c", program], {}, until=lambda: until)


@pytest.fixture(autouse=True)
def impatient(monkeypatch: pytest.MonkeyPatch) -> None:
    monkeypatch.setattr(standing_in, "_LOOK_EVERY_SECONDS", 0.3)
    monkeypatch.setattr(standing_in, "_ENDS_WITHIN_SECONDS", 0.3)


def test_its_code_is_that_of_the_program() -> None:
    assert run("raise SystemExit(7)") == 7


def test_a_program_that_does_not_end_is_killed() -> None:
    assert run(STUBBORN, until=True) is None


@pytest.mark.parametrize("number", [signal.SIGTERM, signal.SIGINT, signal.SIGHUP])
def test_whatever_ends_this_process_ends_the_program(number: int) -> None:
    told = f"import os, time; os.kill(os.getppid(), {number}); time.sleep(60)"
    assert run(told) == -signal.SIGTERM
