"""How alike two answers are, by their words and the order in which they stand.

A figure between 0 and 1 that says nothing of meaning: two answers that say the same in other words are
different here. It is 2·L / (words of both), L being the length of the longest sequence of words that both
have in that order. `difflib` finds a shorter one where words repeat, another when its arguments change
places, and takes minutes over two long texts that repeat one word; the sequence's length alone comes from one
addition a word (Hyyrö, "Bit-parallel LCS-length computation revisited", 2004), a big integer holding a row of
the table.

Invariant: the same two texts give the same figure, whichever comes first, in bounded time.
"""

from __future__ import annotations

from collections import defaultdict
from enum import StrEnum
from itertools import takewhile

MOST_WORDS = 20_000
"""So many words of each are compared, after what both begin and end with; the rest counts as different."""

NEAR = 0.9
"""As alike as this, or more, is near."""

_ALMOST = 0.9999  # only the same is the same


class Verdict(StrEnum):
    """What a likeness comes to."""

    IDENTICAL = "identical"
    NEAR = "near"
    DIFFERENT = "different"


def likeness(recorded: str, replayed: str) -> float:
    """Return how alike two texts are, 0 to 1; 1 where they are the same but for blanks at ends of lines."""
    if _bare(recorded) == _bare(replayed):
        return 1.0
    one, other = recorded.split(), replayed.split()
    ahead = _in_common_ahead(one, other)
    one_rest, other_rest = one[ahead:], other[ahead:]
    behind = _in_common_ahead(one_rest[::-1], other_rest[::-1])
    one_rest = one_rest[: len(one_rest) - behind][:MOST_WORDS]
    other_rest = other_rest[: len(other_rest) - behind][:MOST_WORDS]
    same = ahead + behind + _longest_in_common(one_rest, other_rest)
    return min(2 * same / (len(one) + len(other)), _ALMOST)


def verdict(alike: float) -> Verdict:
    """Return what a likeness comes to."""
    if alike >= 1:
        return Verdict.IDENTICAL
    return Verdict.NEAR if alike >= NEAR else Verdict.DIFFERENT


def _bare(text: str) -> list[str]:
    return [line.rstrip() for line in text.strip().splitlines()]


def _in_common_ahead(one: list[str], other: list[str]) -> int:
    return sum(1 for _ in takewhile(lambda pair: pair[0] == pair[1], zip(one, other, strict=False)))


def _longest_in_common(one: list[str], other: list[str]) -> int:
    places: defaultdict[str, int] = defaultdict(int)
    for index, word in enumerate(one):
        places[word] |= 1 << index
    every = (1 << len(one)) - 1
    # A bit that is 0 stands for a word of `one` with which the sequence grows by one.
    row = every
    for word in other:
        met = row & places.get(word, 0)
        row = ((row + met) | (row - met)) & every
    return len(one) - row.bit_count()
