"""What can happen to a routine. Fields are content unless listed as plain.

Every version is told whole, so that one event says what a run was made from. A version's number is that of
its event in the stream.
"""

from __future__ import annotations

from domain.content import Options, Text
from domain.event import Created, Event, catalogue


@catalogue.register("routine.saved", plain="model think")
class RoutineSaved(Created):
    """A person saved a prompt under a name: version 1.

    `prompt` and `instructions` are templates; an empty `description` or `instructions` is none. `model` None:
    the one that answers anyway. `think` None: as the model does by itself.
    """

    name: Text
    description: Text
    prompt: Text
    instructions: Text
    model: str | None
    think: bool | str | None
    options: Options


@catalogue.register("routine.changed", plain="model think")
class RoutineChanged(Event):
    """The routine has another version, which holds from now on; the fields are those of `routine.saved`."""

    name: Text
    description: Text
    prompt: Text
    instructions: Text
    model: str | None
    think: bool | str | None
    options: Options


@catalogue.register("routine.removed")
class RoutineRemoved(Event):
    """It is run no more, and its name is free; what it said stays in the log until it is erased."""


@catalogue.register("routine.erased", plain="reason_kind")
class RoutineErased(Event):
    """Its key was destroyed in this very transaction; nothing follows in its stream.

    There is no content, as there is no key; `reason_kind` is `request`: a person asked for it, or
    `restore`: a backup from before the erasure was restored. What it was run for is in conversations of
    their own, under their own keys.
    """

    reason_kind: str
