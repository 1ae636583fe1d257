"""A question and what it is about: how both become one prompt."""

from __future__ import annotations

import re

_BACKTICKS = re.compile(r"`{3,}")


def together(question: str, material: str) -> str:
    """Return the question first, then the material in a fence that nothing in it can close."""
    if not material.strip():
        return question
    if not question.strip():
        return material
    longest = max((len(run) for run in _BACKTICKS.findall(material)), default=2)
    fence = "`" * (longest + 1)
    return f"{question}\n\n{fence}\n{material}\n{fence}"
