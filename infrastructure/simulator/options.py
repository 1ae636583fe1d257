"""How a simulator behaves: its settings, and the ways in which it can misbehave on request."""

from __future__ import annotations

import time
from collections.abc import Callable, Sequence
from dataclasses import dataclass
from enum import StrEnum
from pathlib import Path

from domain.errors import InvalidInputError

DEFAULT_MODELS = ("deepseek-r1:8b", "deepseek-r1:1.5b")
DEFAULT_RATE = 60.0


class Mode(StrEnum):
    """One way to behave. A model named `simulator-<mode>` behaves so whatever the server's own mode is."""

    NORMAL = "normal"
    SLOW = "slow"
    SLOW_FIRST = "slow-first"
    TAGGED = "tagged"
    UNOPENED = "unopened"
    ODD_TEXT = "odd-text"
    EMPTY = "empty"
    FAILING = "failing"
    CUT = "cut"
    UNFINISHED = "unfinished"
    GARBAGE = "garbage"
    STALL = "stall"
    BUSY = "busy"
    LOADING = "loading"
    PULL_FAILING = "pull-failing"


MODE_HELP = {
    Mode.NORMAL: "think, then answer",
    Mode.SLOW: "answer at `slow_rate` tokens a second",
    Mode.SLOW_FIRST: "wait `first_delay` seconds before the first token",
    Mode.TAGGED: "put the thinking into the text, between <think> and </think>",
    Mode.UNOPENED: "the same without the opening tag",
    Mode.ODD_TEXT: "answer with U+0085, U+2028, lone surrogates and other rarities",
    Mode.EMPTY: "answer with nothing at all",
    Mode.FAILING: "report an error in the middle of the answer",
    Mode.CUT: "cut the connection in the middle of the answer",
    Mode.UNFINISHED: "end the stream properly, but in the middle of the answer",
    Mode.GARBAGE: "send a line that is not JSON in the middle of the answer",
    Mode.STALL: "fall silent for ever in the middle of the answer",
    Mode.BUSY: "refuse every request with 503",
    Mode.LOADING: "refuse the first `loading_refusals` requests with 503, then answer",
    Mode.PULL_FAILING: "answer, but fail half-way through every pull",
}


@dataclass(frozen=True)
class SimulatorOptions:
    """What a simulator is started with. `rate` is tokens a second, 0 for as fast as it goes.

    `tokens` makes every answer's text exactly that long, for measurements. `fault_models` installs a model
    `simulator-<mode>` for each mode. `load_seconds` is how long the first request waits for its model;
    while it does, more than `max_queue` waiting requests are refused with 503. `script` names a JSON file
    (docs/simulator.md). `now_ns` is the clock that stamps answers.
    """

    seed: int = 0
    mode: Mode = Mode.NORMAL
    rate: float = DEFAULT_RATE
    slow_rate: float = 5.0
    first_delay: float = 3.0
    tokens: int | None = None
    load_seconds: float = 0.0
    max_queue: int = 512
    loading_refusals: int = 2
    pull_seconds: float = 1.0
    models: Sequence[str] = DEFAULT_MODELS
    fault_models: bool = False
    script: Path | None = None
    now_ns: Callable[[], int] = time.time_ns

    def __post_init__(self) -> None:
        """Take mode and script as a command line gives them, too."""
        try:
            object.__setattr__(self, "mode", Mode(self.mode))
        except ValueError:
            raise InvalidInputError(
                f"The simulator has no mode “{self.mode}”. It has: {', '.join(Mode)}."
            ) from None
        if self.script is not None:
            object.__setattr__(self, "script", Path(self.script))
