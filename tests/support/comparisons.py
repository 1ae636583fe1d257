"""Comparisons without a book, for tests of what is made of them."""

from __future__ import annotations

from typing import Any

from domain.ids import new_id
from interfaces.comparing.figures import prompt_view
from interfaces.comparison_views import ComparedAnswerView, ComparedPromptView, RunView

OURS: Any = object()


def answer(text: str | None = "The sky is blue.", **values: Any) -> ComparedAnswerView:
    told: dict[str, Any] = {
        "model": "deepseek-r1:8b",
        "status": "complete",
        "text": text,
        "length": len(text or ""),
        "prompt_tokens": None,
        "completion_tokens": None,
        "first_token_ms": None,
        "total_ms": None,
        "tokens_per_second": None,
    }
    return ComparedAnswerView(**(told | values))


def run(verdict: str | None, likeness: float | None, *, repeat: int = 1, new: Any = OURS) -> RunView:
    return RunView(
        repeat=repeat,
        verdict=verdict,
        likeness=likeness,
        new=answer(model="deepseek-r1:1.5b") if new is OURS else new,
    )


def prompt(
    *runs: RunView, text: str | None = "Why is the sky blue?", old: ComparedAnswerView | None = None
) -> ComparedPromptView:
    return prompt_view(
        prompt_id=new_id(), conversation_id=new_id(), prompt=text, old=old or answer(), runs=runs
    )
