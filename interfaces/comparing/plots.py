"""Where the marks of a comparison's plots stand, in units of their `viewBox`; the page draws them.

Two kinds, each for one question: how alike the answers are (a histogram, stacked by verdict), and how one
figure is spread on both sides (a strip each on one scale, with its median).
"""

from __future__ import annotations

import math
from collections.abc import Callable, Sequence
from dataclasses import dataclass
from statistics import median

from interfaces.comparing.figures import WORST_FIRST
from interfaces.comparison_views import ComparedAnswerView, ComparisonView

WIDTH = 640.0
HEIGHT = 190.0
LEFT, RIGHT, TOP, BOTTOM = 46.0, 24.0, 12.0, 34.0
BINS = 20
_TICKS = 5
_LANES = 7
_LANE_HEIGHT = 5.0
_STEPS = (1, 2, 2.5, 5, 10)


@dataclass(frozen=True)
class Tick:
    """A mark of an axis: where, and what it says."""

    at: float
    label: str


@dataclass(frozen=True)
class Bar:
    """Some answers of one verdict and of about one likeness. `told` is its tooltip."""

    x: float
    y: float
    width: float
    height: float
    verdict: str
    told: str


@dataclass(frozen=True)
class Histogram:
    """How many runs are how alike."""

    bars: tuple[Bar, ...]
    across: tuple[Tick, ...]
    up: tuple[Tick, ...]


@dataclass(frozen=True)
class Dot:
    """One answer. `told` is its tooltip."""

    x: float
    y: float
    told: str


@dataclass(frozen=True)
class Strip:
    """One side's answers; `median` is where the median's mark stands, and what it says."""

    side: str
    y: float
    dots: tuple[Dot, ...]
    median: Tick


@dataclass(frozen=True)
class Strips:
    """Both sides' answers on one scale; `name` says of what."""

    name: str
    strips: tuple[Strip, ...]
    across: tuple[Tick, ...]


def likeness(found: ComparisonView) -> Histogram | None:
    """Return the histogram of likeness, None where nothing was compared."""
    counted: dict[tuple[int, str], int] = {}
    for prompt in found.prompts:
        for run in prompt.runs:
            if run.verdict is not None and run.likeness is not None:
                place = (min(int(run.likeness * BINS), BINS - 1), run.verdict)
                counted[place] = counted.get(place, 0) + 1
    if not counted:
        return None
    heights = [sum(counted.get((at, one), 0) for one in WORST_FIRST) for at in range(BINS)]
    ticks = _ticks(max(heights), whole=True)
    most = ticks[-1]
    width = (WIDTH - LEFT - RIGHT) / BINS
    bars: list[Bar] = []
    for at in range(BINS):
        base = HEIGHT - BOTTOM
        for verdict in reversed(WORST_FIRST):
            count = counted.get((at, verdict), 0)
            if count:
                height = count / most * (HEIGHT - TOP - BOTTOM)
                base -= height
                told = f"{count} {verdict}, likeness {at / BINS:.2f} to {(at + 1) / BINS:.2f}"
                bars.append(
                    Bar(_cut(LEFT + at * width + 1), _cut(base), _cut(width - 2), _cut(height), verdict, told)
                )
    return Histogram(
        tuple(bars),
        tuple(Tick(_cut(_across(value, 1.0)), f"{value:g}") for value in (0.0, 0.25, 0.5, 0.75, 1.0)),
        tuple(
            Tick(_cut(HEIGHT - BOTTOM - value / most * (HEIGHT - TOP - BOTTOM)), f"{value:g}")
            for value in ticks
        ),
    )


def strips(
    found: ComparisonView, name: str, of: Callable[[ComparedAnswerView], float | None]
) -> Strips | None:
    """Return both sides' strips of one figure, None where a side does not tell it."""
    sides: dict[str, list[tuple[float, str]]] = {"old": [], "new": []}
    for prompt in found.prompts:
        words = " ".join((prompt.prompt or "").split())[:60]
        for run in prompt.runs:
            if run.verdict is None or run.new is None:
                continue
            for side, answer in (("old", prompt.old), ("new", run.new)):
                value = of(answer)
                if value is not None:
                    sides[side].append((value, f"{value:,.6g} · {words}"))
    if not all(sides.values()):
        return None
    ticks = _ticks(max(value for values in sides.values() for value, _ in values))
    most = ticks[-1]
    made = [
        _strip(side, values, most, TOP + (HEIGHT - TOP - BOTTOM) * (0.27 + 0.5 * at))
        for at, (side, values) in enumerate(sides.items())
    ]
    return Strips(
        name, tuple(made), tuple(Tick(_cut(_across(value, most)), f"{value:,g}") for value in ticks)
    )


def _strip(side: str, values: Sequence[tuple[float, str]], most: float, y: float) -> Strip:
    # Answers of one value would hide each other: they take turns in a few lanes.
    dots = [
        Dot(_cut(_across(value, most)), _cut(y + (at % _LANES - _LANES // 2) * _LANE_HEIGHT), told)
        for at, (value, told) in enumerate(values)
    ]
    middle = median(value for value, _ in values)
    return Strip(side, _cut(y), tuple(dots), Tick(_cut(_across(middle, most)), _short(middle)))


def _across(value: float, most: float) -> float:
    return LEFT + value / most * (WIDTH - LEFT - RIGHT)


def _ticks(most: float, *, whole: bool = False) -> list[float]:
    """Return round numbers from 0 to at least `most`, about five."""
    if most <= 0:
        return [0.0, 1.0]
    rough = most / _TICKS
    size = 10.0 ** math.floor(math.log10(rough))
    step = next(one * size for one in _STEPS if one * size >= rough * (1 - 1e-9))
    if whole:
        step = max(1.0, math.ceil(step))
    return [at * step for at in range(math.ceil(most / step - 1e-9) + 1)]


def _short(value: float) -> str:
    return f"{value:,.0f}" if value >= 100 else f"{value:.3g}"  # noqa: PLR2004 - three digits are enough


def _cut(value: float) -> float:
    return round(value, 1)
