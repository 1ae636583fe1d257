"""A comparison as one HTML page that needs nothing else, on screen and on paper.

Invariant: prompts and answers are text here, never markup: a word that differs is marked, and a Markdown
heading stays a line that begins with `#`.
"""

from __future__ import annotations

from collections.abc import Iterator
from functools import cache
from typing import Any

from domain.ids import short
from interfaces.comparing import plots
from interfaces.comparing.figures import WORST_FIRST
from interfaces.comparing.told import NOTHING, SKIPPED, ratio_in_words, share, speed, time_of
from interfaces.comparing.words import compared
from interfaces.comparison_views import ComparedPromptView, ComparisonView
from interfaces.one_file import markup, mended, pieces_of, policy, style_of

_LONGEST_LINE = 140


def pieces(found: ComparisonView) -> Iterator[str]:
    """Return the page, piece by piece. Half surrogate pairs, which no page can hold, become U+FFFD."""
    return mended(_pieces(found))


def _pieces(found: ComparisonView) -> Iterator[str]:
    page = _page()
    style = style_of("interfaces.comparing")
    shown = sorted(found.prompts, key=_worst_first)
    yield page.head(found, markup(style), policy(style))
    yield page.figures(found)
    yield page.likeness(plots.likeness(found))
    for name, unit, of in (
        ("Speed", "tokens a second", lambda one: one.tokens_per_second),
        ("Length", "characters", lambda one: one.length),
        ("Time", "seconds", lambda one: None if one.total_ms is None else one.total_ms / 1000),
    ):
        yield page.strips(plots.strips(found, name, of), unit)
    yield page.table(shown)
    for one in shown:
        yield page.prompt(one)
    yield page.foot()


def page_policy() -> str:
    """Return the policy of every such page, for who serves it."""
    return policy(style_of("interfaces.comparing"))


def _worst_first(one: ComparedPromptView) -> tuple[int, float]:
    if one.verdict is None:
        return len(WORST_FIRST), 0.0
    return WORST_FIRST.index(one.verdict), one.likeness or 0.0


def _first_line(text: str | None) -> str:
    line = " ".join((text or "").split())
    return line if len(line) <= _LONGEST_LINE else line[: _LONGEST_LINE - 1] + "…"


@cache
def _page() -> Any:
    return pieces_of(
        "interfaces.comparing",
        short=short,
        nothing=NOTHING,
        skipped=SKIPPED,
        rows=compared,
        share=share,
        ratio=ratio_in_words,
        speed=speed,
        time=time_of,
        first_line=_first_line,
        plot={
            "width": plots.WIDTH,
            "height": plots.HEIGHT,
            "left": plots.LEFT,
            "right": plots.WIDTH - plots.RIGHT,
            "top": plots.TOP,
            "bottom": plots.HEIGHT - plots.BOTTOM,
        },
    )
