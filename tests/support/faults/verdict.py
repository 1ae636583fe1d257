"""What a judge says."""

from __future__ import annotations

import collections
from dataclasses import dataclass, field
from typing import NamedTuple

_MOST_TOLD = 50


class Place(NamedTuple):
    """Where an attempt's events are."""

    first: int
    count: int


@dataclass
class Verdict:
    """What was found. `figures` counts what was tried; without problems everything held."""

    figures: collections.Counter[str] = field(default_factory=collections.Counter)
    problems: list[str] = field(default_factory=list)

    def wrong(self, what: str) -> None:
        if len(self.problems) < _MOST_TOLD:
            self.problems.append(what)
