"""How a prompt is answered once more, or an edited one beside it: as before, where nothing else is said."""

from __future__ import annotations

from collections.abc import Mapping
from typing import TYPE_CHECKING, Any

if TYPE_CHECKING:
    from projections.transcript.messages import Message


def as_before(
    before: Message | None, *, model: str | None, options: Mapping[str, Any], think: bool | str | None
) -> dict[str, Any]:
    """Return the model, options and thinking for a command: those given, over those of an earlier answer.

    An option that is given takes the place of the one of this name; the others stay.
    """
    known = before.provenance if before else None
    return {
        "model": model or (before.model if before else None),
        "options": {**(known.options if known else {}), **options},
        "think": known.think if think is None and known else think,
    }


def last_answer(following: tuple[Message, ...]) -> Message | None:
    """Return the answer given last among the messages that follow a prompt."""
    return next((one for one in reversed(following) if one.kind == "answer"), None)
