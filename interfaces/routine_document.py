"""A routine as one text to write in: between two lines of `+++` its name and how it answers, then its prompt.

Invariant: what `read` makes of what `write` wrote is what was written.
"""

from __future__ import annotations

from typing import Any

from domain.errors import InvalidInputError
from domain.routine.definition import Definition

_FENCE = "+++"
_HELP = """\
# The prompt stands below the second +++. {{name}} in it is a variable, {{name=text}} one with a default;
# what is piped in goes to {{input}}, or to the end. Take an empty line for none; think is true, false or a
# word such as "low"; under [options] stand the model's, such as temperature = 0.2.
"""
_KEYS = ("name", "description", "model", "think", "instructions")


def write(definition: Definition) -> str:
    """Return the text of a routine."""
    import tomli_w

    said: dict[str, Any] = {
        "name": definition.name,
        "description": definition.description,
        "model": definition.model or "",
        "think": "" if definition.think is None else definition.think,
        "instructions": definition.instructions,
        "options": {key: value for key, value in definition.options.items() if value is not None},
    }
    # On one line, with escapes, where lines as they are would end the head or lose their carriage returns.
    awkward = any(mark in tomli_w.dumps(said) for mark in (_FENCE, "\\r"))
    head = tomli_w.dumps(said, multiline_strings=not awkward)
    return f"{_FENCE}\n{_HELP}{head}{_FENCE}\n{definition.prompt}\n"


def read(text: str) -> Definition:
    """Return the routine that a text says.

    Raises:
        InvalidInputError: it is none.
    """
    import tomllib

    lines = text.split("\n")
    starts = [at for at, line in enumerate(lines) if line.rstrip() == _FENCE][:2]
    if len(starts) < 2 or any(line.strip() for line in lines[: starts[0]]):  # noqa: PLR2004 - one above, one below
        raise InvalidInputError(
            f"A routine begins with what it is called between two lines of {_FENCE}, and its prompt follows. "
            "Nothing was recorded."
        )
    first, second = starts
    try:
        said = tomllib.loads("\n".join(lines[first + 1 : second]))
    except tomllib.TOMLDecodeError as problem:
        raise InvalidInputError(
            f"What stands between the lines of {_FENCE} cannot be read: {problem}. Nothing was recorded."
        ) from None
    options = said.pop("options", {})
    unknown = sorted(set(said) - set(_KEYS))
    if unknown or not isinstance(options, dict):
        raise InvalidInputError(
            f"A routine has {', '.join(_KEYS)} and [options], not {', '.join(unknown) or 'that'}. Nothing "
            "was recorded."
        )
    prompt = "\n".join(lines[second + 1 :])
    return Definition(
        name=_text(said, "name"),
        prompt=prompt.removesuffix("\n"),
        description=_text(said, "description"),
        instructions=_text(said, "instructions"),
        model=_text(said, "model") or None,
        think=_think(said.get("think", "")),
        options=options,
    )


def _text(said: dict[str, Any], key: str) -> str:
    found = said.get(key, "")
    if not isinstance(found, str):
        raise InvalidInputError(f'{key} is a text: {key} = "…". Nothing was recorded.')
    return found


def _think(said: Any) -> bool | str | None:
    if isinstance(said, bool | str):
        return None if said == "" else said
    raise InvalidInputError('think is true, false, or a word such as "low". Nothing was recorded.')
