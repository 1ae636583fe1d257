"""What one version of a routine says, and the prompt that a run makes of it.

Invariants: its name is a short word that can be typed anywhere; its templates can be read and agree on their
defaults; a run has a value for every variable, and no value that no variable takes.
"""

from __future__ import annotations

import re
from collections.abc import Mapping
from dataclasses import dataclass, field
from typing import Any, NamedTuple

from domain.errors import InvalidInputError
from domain.material import together
from domain.routine.template import Template

INPUT = "input"
"""The variable that what is piped in goes to. Its place may be in a prompt only."""

MAX_NAME_LENGTH = 64
_NAME = re.compile(rf"[a-z0-9][a-z0-9._-]{{0,{MAX_NAME_LENGTH - 1}}}")
_NO_SLUG = re.compile(r"[^a-z0-9._]+")


class Rendered(NamedTuple):
    """What a run asks. `instructions` None: the routine has none of its own."""

    prompt: str
    instructions: str | None


@dataclass(frozen=True, kw_only=True)
class Definition:
    """One version of a routine, as `routine.saved` tells it."""

    name: str
    prompt: str
    description: str = ""
    instructions: str = ""
    model: str | None = None
    think: bool | str | None = None
    options: Mapping[str, Any] = field(default_factory=dict)

    def must_be_sound(self) -> None:
        """Refuse what could never be run.

        Raises:
            InvalidInputError: the name is no short word, the prompt is empty, or a template is none.
        """
        if not _NAME.fullmatch(self.name):
            raise InvalidInputError(
                f"{self.name!r} is no name for a routine: those are up to {MAX_NAME_LENGTH} small letters a "
                "to z, digits, dots, dashes and underscores, and begin with a letter or digit. Nothing was "
                "recorded.",
                hint=f"daybook routine save {slug(self.name)} …",
            )
        if not self.prompt.strip():
            raise InvalidInputError(
                "A routine needs a prompt. Nothing was recorded.",
                hint=f'daybook routine save {self.name} "Say it in {{{{lang=English}}}}: {{{{input}}}}"',
            )
        self.variables()

    def variables(self) -> dict[str, str | None]:
        """Return the defaults of all variables (None: there must be a value), in the order of their places.

        The input is not among them.

        Raises:
            InvalidInputError: a template is none, or one variable has two defaults.
        """
        prompt, instructions = self._templates()
        if any(place.name == INPUT for place in instructions.places):
            raise InvalidInputError(
                "The instructions have a place for the input, which goes into the prompt only. Nothing was "
                "recorded."
            )
        found: dict[str, str | None] = {}
        for place in (*prompt.places, *instructions.places):
            known = found.setdefault(place.name, place.default)
            if known is None:
                found[place.name] = place.default
            elif place.default not in {None, known}:
                raise InvalidInputError(
                    f"The variable {place.name} has two defaults, {known!r} and {place.default!r}. Nothing "
                    "was recorded; say it once."
                )
        found.pop(INPUT, None)
        return found

    @property
    def names_input(self) -> bool:
        """Whether the prompt has a place for the input; else it is added at the end."""
        return any(place.name == INPUT for place in self._templates()[0].places)

    def rendered(self, given: Mapping[str, str], material: str, *, limit: int) -> Rendered:
        """Return what a run asks. A blank `material` is none.

        Args:
            given: values by variable.
            material: the input.
            limit: the most characters that prompt and instructions may have, each.

        Raises:
            InvalidInputError: a variable has no value, there is none of a name that was given, or it would
                be too large.
        """
        known = self.variables()
        self._must_know(given, known)
        values = {name: value for name, value in {**known, **given}.items() if value is not None}
        missing = [name for name in known if name not in values]
        if missing:
            needed = " ".join(f"-v {name}=…" for name in missing)
            raise InvalidInputError(
                f"Routine {self.name} needs a value for {_listed(missing)}. Nothing was recorded.",
                hint=f"daybook routine run {self.name} {needed}",
            )
        prompt, instructions = self._templates()
        places = [place for place in prompt.places if place.name == INPUT]
        if material.strip():
            values[INPUT] = material
        elif places:
            values[INPUT] = self._default_input([place.default for place in places])
        added = 0 if places else len(material)
        if max(prompt.length(values) + added, instructions.length(values)) > limit:
            raise InvalidInputError(
                f"Filled with these values, routine {self.name} asks too much: at most {limit:,} characters "
                "are taken. Nothing was recorded."
            )
        asked = prompt.filled(values)
        told = instructions.filled(values)
        return Rendered(asked if places else together(asked, material), told if told.strip() else None)

    def _must_know(self, given: Mapping[str, str], known: Mapping[str, str | None]) -> None:
        unknown = [name for name in given if name not in known]
        if INPUT in unknown:
            raise InvalidInputError(
                "The input is no variable to give a value to. Nothing was recorded.",
                hint=f"daybook routine run {self.name} TEXT   (or pipe it in)",
            )
        if unknown:
            which = f"its variables are {_listed(list(known))}" if known else "it has none"
            raise InvalidInputError(
                f"Routine {self.name} has no variable {_listed(unknown)}; {which}. Nothing was recorded.",
                hint=f"daybook routine show {self.name}",
            )

    def _default_input(self, defaults: list[str | None]) -> str:
        told = [default for default in defaults if default is not None]
        if not told:
            raise InvalidInputError(
                f"Routine {self.name} needs input, and there is none. Nothing was recorded.",
                hint=f"… | daybook routine run {self.name}   (or type it behind the name)",
            )
        return told[0]

    def _templates(self) -> tuple[Template, Template]:
        return Template.read(self.prompt, "prompt"), Template.read(self.instructions, "instructions")


def slug(name: str) -> str:
    """Return the name of a routine that comes nearest to what somebody typed."""
    found = _NO_SLUG.sub("-", name.lower()).strip("-._")[:MAX_NAME_LENGTH]
    return found or "NAME"


def _listed(names: list[str]) -> str:
    return ", ".join(names)
