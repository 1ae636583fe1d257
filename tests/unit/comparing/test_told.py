from __future__ import annotations

from typing import Literal

import pytest

from interfaces.comparing.told import NOTHING, ratio_in_words, share, speed, time_of


@pytest.mark.parametrize(
    ("part", "told"),
    [(None, NOTHING), (0.0, "0 %"), (0.001, "1 %"), (0.834, "83 %"), (0.9999, "99 %"), (1.0, "100 %")],
)
def test_a_share_never_rounds_what_is_missing_away(part: float | None, told: str) -> None:
    assert share(part) == told


@pytest.mark.parametrize(
    ("ratio", "what", "told"),
    [
        (None, "speed", "not told"),
        (1.01, "speed", "about the same"),
        (3.14, "speed", "3.1 times as fast"),
        (1.5, "speed", "50 % faster"),
        (0.25, "speed", "75 % slower"),
        (2.0, "length", "2.0 times as long"),
        (0.73, "length", "27 % shorter"),
    ],
)
def test_ratios_in_words(ratio: float | None, what: Literal["speed", "length"], told: str) -> None:
    assert ratio_in_words(ratio, what) == told


@pytest.mark.parametrize(
    ("ms", "told"),
    [
        (None, NOTHING),
        (0.0, "0.00 s"),
        (420.0, "0.42 s"),
        (9_960.0, "10.0 s"),
        (61_000.0, "1 min 1 s"),
        (7_380_000.0, "2 h 3 min"),
    ],
)
def test_durations(ms: float | None, told: str) -> None:
    assert time_of(ms) == told
    assert speed(None) == NOTHING
