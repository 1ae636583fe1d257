"""Scripted answers: a JSON file says what to answer to which prompt, piece by piece (docs/simulator.md)."""

from __future__ import annotations

import json
from collections.abc import Mapping, Sequence
from dataclasses import dataclass
from pathlib import Path
from typing import Any

from domain.errors import InvalidInputError
from infrastructure.simulator.answers import tokens
from infrastructure.simulator.plan import Ending, Part, Plan

_KEYS = {"prompt", "contains", "model", "thinking", "text", "chunks", "end", "error", "reason", "rate"}
_CHUNK_KEYS = {"text", "thinking", "delay_ms"}


@dataclass(frozen=True)
class Entry:
    """One answer and the prompts it is for; with neither `prompt` nor `contains` it is for all."""

    plan: Plan
    prompt: str | None = None
    contains: str | None = None
    model: str | None = None

    def fits(self, model: str, prompt: str) -> bool:
        """Tell whether this entry answers that prompt."""
        return (
            (self.prompt is None or self.prompt.strip() == prompt.strip())
            and (self.contains is None or self.contains.casefold() in prompt.casefold())
            and (self.model is None or self.model in {model, model.partition(":")[0]})
        )


def read_script(path: Path) -> list[Entry]:
    """Read a script, or raise `InvalidInputError` that names what is wrong with it."""
    try:
        parsed = json.loads(path.read_text("utf-8"))
    except (OSError, ValueError) as why:
        raise InvalidInputError(f"The simulator's script {path} cannot be read: {why}.") from None
    entries = parsed.get("answers") if isinstance(parsed, dict) else None
    if not isinstance(entries, list):
        raise InvalidInputError(f"The simulator's script {path} needs a list under “answers”.")
    try:
        return [_entry(entry) for entry in entries]
    except (KeyError, TypeError, ValueError, AttributeError) as why:
        raise InvalidInputError(
            f"The simulator's script {path} has an entry that cannot be used: {why}."
        ) from None


def answer_from(script: Sequence[Entry], model: str, prompt: str) -> Plan | None:
    """Return the first entry's plan that fits."""
    return next((entry.plan for entry in script if entry.fits(model, prompt)), None)


def _entry(raw: Mapping[str, Any]) -> Entry:
    if unknown := set(raw) - _KEYS:
        raise ValueError(f"unknown {', '.join(sorted(unknown))}")
    if "chunks" in raw:
        parts = [_chunk(chunk) for chunk in raw["chunks"]]
        rate: float | None = float(raw.get("rate", 0))
    else:
        parts = [Part(thinking=piece) for piece in tokens(raw.get("thinking", ""))]
        parts += [Part(text=piece) for piece in tokens(raw.get("text", ""))]
        rate = None if raw.get("rate") is None else float(raw["rate"])
    error = str(raw.get("error", ""))
    ending = Ending(raw.get("end", Ending.ERROR if error else Ending.DONE))
    plan = Plan(tuple(parts), ending, error=error, reason=str(raw.get("reason", "stop")), rate=rate)
    return Entry(plan, raw.get("prompt"), raw.get("contains"), raw.get("model"))


def _chunk(raw: str | Mapping[str, Any]) -> Part:
    if isinstance(raw, str):
        return Part(text=raw)
    if unknown := set(raw) - _CHUNK_KEYS:
        raise ValueError(f"unknown {', '.join(sorted(unknown))} in a chunk")
    return Part(str(raw.get("text", "")), str(raw.get("thinking", "")), float(raw.get("delay_ms", 0)) / 1000)
