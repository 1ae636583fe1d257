"""`-o KEY VALUE`: options of the model, typed as they look.

Typer knows no option that takes two values and may be given several times, so both values travel through
it as one, with a separator between them that no terminal can type.
"""

from __future__ import annotations

import json
import shlex
from collections.abc import Mapping, Sequence
from typing import Any

import typer
from typer.core import TyperCommand

from domain.errors import InvalidInputError

_FLAGS = {"-o", "--option"}
_SEPARATOR = "\x1f"
_WORDS = {"true": True, "false": False, "yes": True, "no": False}


class CommandWithOptions(TyperCommand):
    """A command that takes `-o KEY VALUE`."""

    def parse_args(self, ctx: typer.Context, args: list[str]) -> list[str]:  # type: ignore[override]
        """Join the two values before Typer sees them."""
        try:
            joined = join_pairs(args)
        except ValueError as problem:
            raise typer.BadParameter(str(problem), ctx=ctx) from None
        return super().parse_args(ctx, joined)


def join_pairs(args: Sequence[str]) -> list[str]:
    """Return arguments in which what follows `-o` is one argument instead of two."""
    joined: list[str] = []
    rest = list(args)
    while rest:
        word = rest.pop(0)
        joined.append(word)
        if word == "--":
            return joined + rest
        if word in _FLAGS:
            if len(rest) < 2:  # noqa: PLR2004 - a key and a value
                raise ValueError(f"Option '{word}' takes a key and a value, such as: {word} temperature 0.2")
            joined.append(rest.pop(0) + _SEPARATOR + rest.pop(0))
    return joined


def parse_options(pairs: Sequence[str]) -> dict[str, Any]:
    """Return the options by name; of one given twice the last counts."""
    options: dict[str, Any] = {}
    for pair in pairs:
        key, _, value = pair.partition(_SEPARATOR)
        name = key.strip()
        if not name:
            raise InvalidInputError("An option (-o KEY VALUE) has no name. Nothing was recorded.")
        options[name] = parse_value(value)
    return options


def as_text(options: Mapping[str, Any]) -> str:
    """Return options on one line, as `-o` takes them; empty for none."""
    words = (
        (name, value if isinstance(value, str) else json.dumps(value)) for name, value in options.items()
    )
    return " ".join(f"-o {shlex.quote(name)} {shlex.quote(value)}" for name, value in words)


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
