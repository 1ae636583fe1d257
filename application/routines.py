"""Handlers of the commands on routines.

Invariants: a run is refused before anything is recorded where a variable has no value; its conversation
records which version of the routine made its prompt, in the append of the prompt itself; what a routine says
already is not recorded once more. Of two that save the same name in the same moment the second takes it back;
two living routines have one name only where one was renamed in that moment, and whoever names them is told.
"""

from __future__ import annotations

from collections.abc import Mapping
from dataclasses import replace
from typing import Any
from uuid import UUID

from application.commands import ChangeRoutine, CreateRoutine, Done, RemoveRoutine, RunRoutine
from application.conversations import Asked, Manner, once, open_project, start_answer
from application.deciding import change, settle
from application.ports.log import Saved
from application.services import Services
from application.text_rules import (
    MAX_TEXT_BYTES,
    checked_name,
    checked_options,
    checked_text,
    checked_think,
)
from domain.conversation.conversation import Conversation
from domain.errors import (
    InvalidInputError,
    NotFoundError,
    RefusedError,
)
from domain.ids import new_id, short
from domain.routine.definition import Definition
from domain.routine.routine import Routine

_TEXTS = ("name", "prompt", "description", "instructions")


def create_routine(services: Services, command: CreateRoutine) -> Done:
    """Save a prompt under a name.

    Raises:
        InvalidInputError: it could never be run.
        RefusedError: there is a routine of this name.
    """
    if command.idempotency is not None:
        before = services.log.answered(command.origin, command.idempotency)
        if before is not None:
            return _saved_before(services, before)
    definition = _checked(
        Definition(
            name=command.name,
            prompt=command.prompt,
            description=command.description,
            instructions=command.instructions,
            model=command.model or None,
            options=command.options,
            think=None if command.think == "" else command.think,
        )
    )
    routine = Routine.save(new_id(), definition)
    _must_be_free(services, definition.name)
    saved = services.log.save(
        [routine], command.origin, idempotency=command.idempotency, result=routine.id.bytes
    )
    if saved.replayed:
        return _saved_before(services, saved)
    if next(iter(services.memory.routines_named(definition.name)), routine.id) != routine.id:
        # Somebody gave it in the same moment, and the log has theirs first.
        settle(services.log, Routine, routine.id, Routine.remove, command.origin)
        raise _taken(definition.name)
    return Done(routine.id, saved.log_size, routine.version)


def _saved_before(services: Services, saved: Saved) -> Done:
    """Answer a repeated command as it was answered then: refused, if it lost its name to another routine.

    Raises:
        RefusedError: it did.
    """
    routine = services.log.load(Routine, UUID(bytes=saved.result))
    if routine.removed:
        name = _version(services, routine, 1).definition.name
        if services.memory.routines_named(name):
            raise _taken(name)
    return Done(routine.id, saved.log_size)


def change_routine(services: Services, command: ChangeRoutine) -> Done:
    """Make another version of a routine, where it says anything else than before.

    Raises:
        InvalidInputError: it could never be run.
        NotFoundError, ContentErasedError: there is none. RefusedError: it was removed, or another one has the
        new name.
    """
    told = {name: value for name in _TEXTS if (value := getattr(command, name)) is not None}
    if command.options is not None:
        told["options"] = dict(command.options)
    if command.model is not None:
        told["model"] = command.model or None
    if command.think is not None:
        told["think"] = None if command.think == "" else command.think

    def decide(routine: Routine) -> None:
        routine.must_be_there()
        old = _version(services, routine, routine.version).definition
        new = _checked(replace(old, **told))
        if new.name != old.name:
            new.must_be_sound()
            _must_be_free(services, new.name)
        if new != old:
            routine.change(new)

    return change(services.log, Routine, command.routine_id, decide, command)


def remove_routine(services: Services, command: RemoveRoutine) -> Done:
    """Run a routine no more."""
    return change(services.log, Routine, command.routine_id, Routine.remove, command)


def run_routine(services: Services, command: RunRoutine) -> Asked:
    """Record the prompt that a routine makes, and the start of its answer.

    Raises:
        InvalidInputError: a variable or the input is missing, or one is unknown, or the prompt is too large.
        NotFoundError, ContentErasedError: there is no such routine, version or project.
        RefusedError: the routine was removed, or the project is archived.
        LineFullError: as many answers wait for the model server as may.
    """
    return once(services, command, lambda: _run(services, command))


def _run(services: Services, command: RunRoutine) -> Asked:
    routine = services.log.load(Routine, command.routine_id)
    routine.must_be_there()
    found = _version(services, routine, routine.version if command.version is None else command.version)
    definition = found.definition
    material = checked_text(command.input, "input")
    given = {name: checked_text(value, f"value of {name}") for name, value in command.variables.items()}
    rendered = definition.rendered(given, material, limit=MAX_TEXT_BYTES)
    text = checked_text(rendered.prompt, "prompt")
    if not text.strip():
        raise InvalidInputError(
            f"The prompt that routine {definition.name} makes of this is empty. Nothing was recorded.",
            hint=f"daybook routine show {definition.name}",
        )
    instructions = rendered.instructions and checked_text(rendered.instructions, "instructions")
    project = open_project(services, command.project_id) if command.project_id is not None else None
    conversation = Conversation.start(new_id(), project_id=command.project_id, title=None)
    prompt_id = new_id()
    conversation.add_prompt(prompt_id, text, parent_id=None, instructions=instructions)
    conversation.note_routine(
        prompt_id, routine_id=routine.id, routine_version=found.version, variables=_values(definition, given)
    )
    return start_answer(
        services,
        command,
        conversation,
        project,
        prompt_id=prompt_id,
        text=text,
        instructions=instructions,
        manner=Manner(
            command.model or definition.model,
            {**definition.options, **checked_options(command.options)},
            definition.think if command.think is None else command.think,
        ),
    )


def _values(definition: Definition, given: Mapping[str, str]) -> dict[str, str]:
    """Return what every variable stood for, defaults among them."""
    return {name: value for name, value in {**definition.variables(), **given}.items() if value is not None}


def _version(services: Services, routine: Routine, version: int) -> Any:
    found = services.memory.routine(routine.id, version)
    if found is None:
        raise NotFoundError(
            f"Routine {short(routine.id)} has no version {version}.",
            hint=f"daybook routine show {short(routine.id)} --history",
        )
    return found


def _must_be_free(services: Services, name: str) -> None:
    if services.memory.routines_named(name):
        raise _taken(name)


def _taken(name: str) -> RefusedError:
    return RefusedError(
        f"There is a routine {name} already. Nothing was saved.", hint=f"daybook routine show {name}"
    )


def _checked(definition: Definition) -> Definition:
    """Return what a routine shall say, its texts and options as they may enter the book."""
    return replace(
        definition,
        name=checked_text(definition.name, "name").strip(),
        prompt=checked_text(definition.prompt, "prompt"),
        description=checked_text(definition.description, "description"),
        instructions=checked_text(definition.instructions, "instructions"),
        model=None if definition.model is None else checked_name(definition.model, "model name"),
        options=checked_options(definition.options),
        think=checked_think(definition.think),
    )
