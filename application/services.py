"""What handlers work with: every port, and the two settings that decide something in the application."""

from __future__ import annotations

from dataclasses import dataclass

from application.ports.live import LiveAnswers
from application.ports.log import Log
from application.ports.memory import Memory, ModelMemory
from application.ports.turns import Turns


@dataclass(frozen=True)
class Services:
    """Made once by the wiring; tests make one of fakes.

    `default_model` answers prompts that name none; `context_length` is the `num_ctx` used where nobody chose
    another.
    """

    log: Log
    memory: Memory
    live: LiveAnswers
    models: ModelMemory
    turns: Turns
    default_model: str
    context_length: int
