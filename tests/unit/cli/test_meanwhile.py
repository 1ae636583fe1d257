"""What is said of work that takes long."""

from __future__ import annotations

import io
import sys
import time

import pytest

from interfaces.cli.meanwhile import meanwhile


class Terminal(io.StringIO):
    def isatty(self) -> bool:
        return True


@pytest.mark.parametrize(
    ("stream", "after", "says"), [(Terminal, 0.0, True), (Terminal, 9, False), (io.StringIO, 0, False)]
)
def test_it_is_one_line_that_goes_away_and_only_on_a_terminal(
    monkeypatch: pytest.MonkeyPatch, stream: type[io.StringIO], after: float, *, says: bool
) -> None:
    errors = stream()
    monkeypatch.setattr(sys, "stderr", errors)
    with meanwhile("Counting", after=after):
        time.sleep(0.05)
    said = errors.getvalue()
    assert said.startswith("\r\x1b[KCounting … 0 s") is says
    assert said.endswith("\r\x1b[K") is says
