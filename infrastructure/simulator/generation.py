"""Carries out the plan of an answer: paces its parts, writes Ollama's lines, ends as the plan says."""

from __future__ import annotations

import asyncio
from collections.abc import AsyncIterator, Callable
from dataclasses import dataclass
from typing import Any

from infrastructure.simulator.options import SimulatorOptions
from infrastructure.simulator.plan import Ending, Part, Plan
from infrastructure.simulator.wire import SocketCutError, State, timestamp

Line = dict[str, Any] | bytes
Shape = Callable[[str, str], dict[str, Any]]
"""Puts text and thinking into the fields of a route: `message` of a chat, `response` of a generate."""


@dataclass(frozen=True)
class Run:
    """Everything one generation needs besides its plan."""

    model: str
    shape: Shape
    options: SimulatorOptions
    state: State
    began_ns: int
    load_ns: int
    prompt_count: int
    finish: Callable[[], None]


def chat_shape(text: str, thinking: str) -> dict[str, Any]:
    """Give `/api/chat`'s form."""
    message = {"role": "assistant", "content": text}
    return {"message": {**message, "thinking": thinking} if thinking else message}


def generate_shape(text: str, thinking: str) -> dict[str, Any]:
    """Give `/api/generate`'s form."""
    return {"response": text, "thinking": thinking} if thinking else {"response": text}


async def lines(plan: Plan, run: Run, *, stream: bool) -> AsyncIterator[Line]:
    """Yield the lines of the answer; not streaming, only the last one, which then holds the whole answer."""
    rate = run.options.rate if plan.rate is None else plan.rate
    count = 0
    try:
        await asyncio.sleep(plan.first_delay)
        eval_ns = run.options.now_ns()
        async for part in _paced(plan.parts, rate):
            count += 1
            run.state.tokens += 1
            if stream:
                yield {**_head(run), **run.shape(part.text, part.thinking), "done": False}
        async for line in _broken(plan):
            yield line
        if plan.ending is not Ending.DONE and plan.ending is not Ending.GARBAGE:
            return
        said = "" if stream else "".join(part.text for part in plan.parts)
        thought = "" if stream else "".join(part.thinking for part in plan.parts)
        yield {
            **_head(run),
            **run.shape(said, thought),
            "done": True,
            "done_reason": plan.reason,
            **_figures(run, eval_ns, count),
        }
    finally:
        run.finish()


def _head(run: Run) -> dict[str, Any]:
    return {"model": run.model, "created_at": timestamp(run.options.now_ns())}


def _figures(run: Run, eval_ns: int, count: int) -> dict[str, int]:
    now = run.options.now_ns()
    return {
        "total_duration": now - run.began_ns,
        "load_duration": run.load_ns,
        "prompt_eval_count": run.prompt_count,
        "prompt_eval_duration": max(0, eval_ns - run.began_ns - run.load_ns),
        "eval_count": count,
        "eval_duration": now - eval_ns,
    }


async def _paced(parts: tuple[Part, ...], rate: float) -> AsyncIterator[Part]:
    """Yield parts at an even pace, measured from the start, so that the clock's grain does not add up."""
    clock = asyncio.get_running_loop().time
    due = clock()
    for number, part in enumerate(parts):
        due += part.delay + (1 / rate if rate and number else 0)
        wait = due - clock()
        # Sleeping for nothing lets other answers have their turn, also at full speed.
        await asyncio.sleep(max(0.0, wait))
        yield part


async def _broken(plan: Plan) -> AsyncIterator[Line]:
    if plan.ending is Ending.ERROR:
        yield {"error": plan.error}
    elif plan.ending is Ending.CUT:
        raise SocketCutError
    elif plan.ending is Ending.GARBAGE:
        yield b'%%% this is not JSON {"message":'
    elif plan.ending is Ending.STALL:
        await asyncio.Event().wait()
