"""Figures of a comparison in words, the same on a page and on a terminal."""

from __future__ import annotations

from typing import Literal

NOTHING = "\N{EN DASH}"
"""Stands where there is no figure."""

SKIPPED = {
    "erased": "cannot be asked again: some of what was sent was erased",
    "altered": "cannot be asked again: some of what was sent was altered",
    "unknown": "cannot be asked again: what was sent is not recorded in this book",
}
"""Why a prompt has no new answer."""

_WORDS = {"speed": ("fast", "faster", "slower"), "length": ("long", "longer", "shorter")}
_MINUTE_SECONDS = 60.0
_NOT_WORTH_SAYING = 0.02
_FACTOR_FROM = 2.0


def share(part: float | None) -> str:
    """Return a share in percent; never 100 % where something is missing, never 0 % where something is."""
    if part is None:
        return NOTHING
    percent = part * 100
    if 99 < percent < 100:  # noqa: PLR2004 - what rounding would make whole
        return "99 %"
    if 0 < percent < 1:
        return "1 %"
    return f"{percent:.0f} %"


def ratio_in_words(ratio: float | None, what: Literal["speed", "length"]) -> str:
    """Return what a ratio of new to old means: `3.1 times as fast`, `27 % shorter`, `about the same`."""
    times_as, more, less = _WORDS[what]
    if ratio is None:
        return "not told"
    if abs(ratio - 1) < _NOT_WORTH_SAYING:
        return "about the same"
    if ratio >= _FACTOR_FROM:
        return f"{ratio:.1f} times as {times_as}"
    if ratio > 1:
        return f"{(ratio - 1) * 100:.0f} % {more}"
    return f"{(1 - ratio) * 100:.0f} % {less}"


def speed(tokens_per_second: float | None) -> str:
    """Return tokens a second."""
    return NOTHING if tokens_per_second is None else f"{tokens_per_second:.1f}"


def time_of(ms: float | None) -> str:
    """Return a duration as people read it."""
    if ms is None:
        return NOTHING
    seconds = ms / 1000
    if seconds < _MINUTE_SECONDS:
        return f"{seconds:.1f} s" if seconds >= 1 else f"{seconds:.2f} s"
    minutes, rest = divmod(round(seconds), 60)
    hours, minutes = divmod(minutes, 60)
    return f"{hours} h {minutes} min" if hours else f"{minutes} min {rest} s"
