"""`-o KEY VALUE`: options of the model, typed as they look."""

from __future__ import annotations

import json
from collections.abc import Sequence
from typing import Any

from domain.errors import InvalidInputError

_WORDS = {"true": True, "false": False, "yes": True, "no": False}


def parse_options(pairs: Sequence[tuple[str, str]]) -> dict[str, Any]:
    """Return the options by name; of one given twice the last counts."""
    options: dict[str, Any] = {}
    for key, value in pairs:
        name = key.strip()
        if not name:
            raise InvalidInputError("An option (-o KEY VALUE) has no name. Nothing was recorded.")
        options[name] = parse_value(value)
    return options


def parse_value(text: str) -> Any:
    """Return a whole number, a number, true or false, JSON, or the text itself where it is none of these."""
    word = _WORDS.get(text.strip().lower())
    if word is not None:
        return word
    try:
        return json.loads(text, parse_constant=_no_number)
    except ValueError:
        return text


def _no_number(name: str) -> Any:
    raise ValueError(name)
