"""The plan of one answer: which pieces come, how fast, how it ends. Pure; `generation.py` carries it out."""

from __future__ import annotations

from collections.abc import Mapping, Sequence
from dataclasses import dataclass, replace
from enum import StrEnum
from typing import Any

from infrastructure.simulator import answers
from infrastructure.simulator.options import Mode, SimulatorOptions


class Ending(StrEnum):
    """How an answer ends."""

    DONE = "done"
    ERROR = "error"
    CUT = "cut"
    UNFINISHED = "unfinished"
    GARBAGE = "garbage"
    STALL = "stall"


@dataclass(frozen=True)
class Part:
    """One line of the stream, sent `delay` seconds later than the rate alone would have it."""

    text: str = ""
    thinking: str = ""
    delay: float = 0.0


@dataclass(frozen=True)
class Plan:
    """A whole answer. `rate` None leaves the speed to the server's options, 0 means no pause at all."""

    parts: tuple[Part, ...]
    ending: Ending = Ending.DONE
    error: str = ""
    reason: str = "stop"
    rate: float | None = None
    first_delay: float = 0.0


_BREAKS = {
    Mode.FAILING: Ending.ERROR,
    Mode.CUT: Ending.CUT,
    Mode.UNFINISHED: Ending.UNFINISHED,
    Mode.GARBAGE: Ending.GARBAGE,
    Mode.STALL: Ending.STALL,
}
_FAILURE = "llama runner process no longer running: simulated failure"


@dataclass(frozen=True)
class Asked:
    """What of a request shapes its answer."""

    model: str
    messages: Sequence[Mapping[str, Any]]
    options: Mapping[str, Any]
    think: bool
    as_json: bool = False


def make_plan(asked: Asked, mode: Mode, server: SimulatorOptions) -> Plan:
    """Plan the answer to a request in a mode."""
    answer = answers.compose(asked.model, asked.messages, asked.options, server.seed)
    if asked.as_json:
        answer = answers.as_json(answer)
    if server.tokens is not None:
        answer = answers.of_length(answer, server.tokens, server.seed)
    if mode is Mode.ODD_TEXT:
        answer = answers.odd(answer)
    thinking = [Part(thinking=piece) for piece in answers.tokens(answer.thinking)]
    if not asked.think or mode is Mode.EMPTY:
        thinking = []
    elif mode in {Mode.TAGGED, Mode.UNOPENED}:
        opening = "<think>\n" if mode is Mode.TAGGED else ""
        tagged = f"{opening}{answer.thinking}\n</think>\n\n"
        thinking = [Part(text=piece) for piece in answers.tokens(tagged)]
    text = [] if mode is Mode.EMPTY else [Part(text=piece) for piece in answers.tokens(answer.text)]
    ending = _BREAKS.get(mode, Ending.DONE)
    if ending is not Ending.DONE:
        text = text[: max(1, len(text) // 2)]
    return Plan(
        parts=(*thinking, *text),
        ending=ending,
        error=_FAILURE if ending is Ending.ERROR else "",
        rate=server.slow_rate if mode is Mode.SLOW else None,
        first_delay=server.first_delay if mode is Mode.SLOW_FIRST else 0.0,
    )


def limited(plan: Plan, most: int | None) -> Plan:
    """Stop the plan after so many parts, with the reason `length`."""
    if most is None or len(plan.parts) <= most:
        return plan
    return replace(plan, parts=plan.parts[:most], ending=Ending.DONE, reason="length")
