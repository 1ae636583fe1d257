"""How alike two answers are, by their words and the order in which they stand.

A figure between 0 and 1 that says nothing of meaning: two answers that say the same in other words are
different here. It is the share of words that both have in the same order: twice as many as match, divided by
all of both.

Invariant: the time it takes is bounded; of longer texts only the first `MOST_WORDS` words are looked at.
"""

from __future__ import annotations

from difflib import SequenceMatcher
from enum import StrEnum

MOST_WORDS = 4_000
NEAR = 0.9
"""As alike as this, or more, is near."""


class Verdict(StrEnum):
    """What a likeness comes to."""

    IDENTICAL = "identical"
    NEAR = "near"
    DIFFERENT = "different"


def likeness(recorded: str, replayed: str) -> float:
    """Return how alike two texts are, 0 to 1; 1 where they are the same but for blanks at ends of lines."""
    if _bare(recorded) == _bare(replayed):
        return 1.0
    ours, theirs = recorded.split()[:MOST_WORDS], replayed.split()[:MOST_WORDS]
    found = SequenceMatcher(None, ours, theirs, autojunk=False).ratio()
    return min(round(found, 4), 0.9999)  # only the same is the same


def verdict(alike: float) -> Verdict:
    """Return what a likeness comes to."""
    if alike >= 1:
        return Verdict.IDENTICAL
    return Verdict.NEAR if alike >= NEAR else Verdict.DIFFERENT


def _bare(text: str) -> list[str]:
    return [line.rstrip() for line in text.strip().splitlines()]
