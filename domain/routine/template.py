r"""Templates: text with places for variables, filled by nothing but their values.

`{{name}}` is a place, `{{name=text}}` one with a default; white space around name and default is not part of
them. Of more than two braces the last two open the place: `{{{name}}}` is a value in braces. A backslash
before the braces takes their meaning away (`\{{`), two backslashes are one that stands before a place.
Everything else is text as it stands, and so is whatever is filled in: values are never looked at for places.
Invariant: a template that cannot be read as a whole is refused; none is half understood.
"""

from __future__ import annotations

import re
from collections.abc import Iterator, Mapping
from dataclasses import dataclass
from typing import NamedTuple

from domain.errors import InvalidInputError

OPEN, CLOSE = "{{", "}}"
MAX_NAME = 64
_NAME = rf"[A-Za-z_][A-Za-z0-9_-]{{0,{MAX_NAME - 1}}}"
_PLACE = re.compile(rf"\s*({_NAME})\s*(?:=(.*))?", re.DOTALL)
_HINT = r"Write \{{ where braces shall stand as they are."


@dataclass(frozen=True, slots=True)
class Place:
    """A place for a variable. `default` None: it has none here."""

    name: str
    default: str | None


@dataclass(frozen=True)
class Template:
    """A template that was read: pieces of text and places, in order."""

    pieces: tuple[str | Place, ...]

    @classmethod
    def read(cls, text: str, what: str) -> Template:
        """Return the template that a text is. `what` names it in errors: "prompt", "instructions".

        Raises:
            InvalidInputError: there are braces in it that make no place.
        """
        return cls(tuple(_pieces(text, what)))

    @property
    def places(self) -> tuple[Place, ...]:
        """Where variables go, in order."""
        return tuple(piece for piece in self.pieces if isinstance(piece, Place))

    def length(self, values: Mapping[str, str]) -> int:
        """Return how many characters it has when it is filled."""
        return sum(len(values[one.name] if isinstance(one, Place) else one) for one in self.pieces)

    def filled(self, values: Mapping[str, str]) -> str:
        """Return the text with a value for each variable, which must all be there."""
        return "".join(values[one.name] if isinstance(one, Place) else one for one in self.pieces)


def as_text(text: str) -> str:
    """Return the template whose only filling is this text."""
    found: list[str] = []
    at = 0
    while (run := _next_run(text, at)) is not None:
        found.append(run.before + "\\" * (2 * run.slashes + 1) + text[run.start : run.end])
        at = run.end
    return "".join([*found, text[at:]])


class _Run(NamedTuple):
    """Two or more braces: the text before them, how many backslashes stand between, where they are."""

    before: str
    slashes: int
    start: int
    end: int


def _next_run(text: str, at: int) -> _Run | None:
    start = text.find(OPEN, at)
    if start < 0:
        return None
    end = start + len(OPEN)
    while text.startswith("{", end):
        end += 1
    before = text[at:start].rstrip("\\")
    return _Run(before, start - at - len(before), start, end)


def _pieces(text: str, what: str) -> Iterator[str | Place]:
    at = 0
    while (run := _next_run(text, at)) is not None:
        yield run.before + "\\" * (run.slashes // 2)
        if run.slashes % 2:
            yield text[run.start : run.end]
            at = run.end
            continue
        yield text[run.start : run.end - len(OPEN)]
        end = text.find(CLOSE, run.end)
        if end < 0:
            raise _refused(text, run.start, what, "are not closed")
        yield _place(text, run.start, text[run.end : end], what)
        at = end + len(CLOSE)
    yield text[at:]


def _place(text: str, start: int, inner: str, what: str) -> Place:
    found = _PLACE.fullmatch(inner)
    if found is None or OPEN in inner:
        raise _refused(text, start, what, "hold no variable such as {{name}} or {{name=default}}")
    name, default = found.groups()
    return Place(name, None if default is None else default.strip())


def _refused(text: str, start: int, what: str, why: str) -> InvalidInputError:
    line = text.count("\n", 0, start) + 1
    column = start - text.rfind("\n", 0, start)
    return InvalidInputError(
        f"The braces in line {line}, column {column} of the {what} {why}. Nothing was recorded.", hint=_HINT
    )
