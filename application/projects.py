"""Handlers of the commands on projects."""

from __future__ import annotations

import json
from collections.abc import Mapping
from typing import Any
from uuid import UUID

from application.commands import (
    ArchiveProject,
    ChangeInstructions,
    ChangeProject,
    CreateProject,
    DescribeProject,
    Done,
    RenameProject,
    RestoreInstructions,
    RestoreProject,
    SetDefaultModel,
    SetDefaultOptions,
)
from application.deciding import change
from application.services import Services
from application.text_rules import checked_context_length, checked_name, checked_options, checked_text
from domain.errors import NotFoundError
from domain.ids import new_id, short
from domain.project.project import Project


def create_project(services: Services, command: CreateProject) -> Done:
    """Open a project; description, instructions and model come in the same append."""
    project = Project.create(new_id(), name=checked_name(command.name, "project name"))
    if command.description:
        project.describe(checked_text(command.description, "description"))
    if command.instructions:
        project.change_instructions(checked_text(command.instructions, "instructions"))
    if command.default_model:
        project.set_default_model(checked_name(command.default_model, "model name"))
    if command.default_options:
        project.set_default_options(_checked_options(command.default_options))
    result = json.dumps({"project_id": str(project.id)}).encode()
    saved = services.log.save([project], command.origin, idempotency=command.idempotency, result=result)
    if saved.replayed:
        return Done(UUID(json.loads(saved.result or b"{}")["project_id"]), saved.log_size)
    return Done(project.id, saved.log_size, project.version)


def change_project(services: Services, command: ChangeProject) -> Done:
    """Change several things about a project, together or not at all."""
    name = None if command.name is None else checked_name(command.name, "project name")
    description = None if command.description is None else checked_text(command.description, "description")
    instructions = (
        None if command.instructions is None else checked_text(command.instructions, "instructions")
    )
    model = checked_name(command.default_model, "model name") if command.default_model else None

    options = None if command.default_options is None else _checked_options(command.default_options)

    def decide(project: Project) -> None:
        if name is not None:
            project.rename(name)
        if description is not None:
            project.describe(description)
        if instructions is not None:
            project.change_instructions(instructions)
        if command.default_model is not None:
            project.set_default_model(model)
        if options is not None:
            project.set_default_options(options)

    return change(services.log, Project, command.project_id, decide, command)


def rename_project(services: Services, command: RenameProject) -> Done:
    """Give a project another name."""
    name = checked_name(command.name, "project name")
    return change(services.log, Project, command.project_id, lambda project: project.rename(name), command)


def describe_project(services: Services, command: DescribeProject) -> Done:
    """Say what a project is for."""
    text = checked_text(command.description, "description")
    return change(services.log, Project, command.project_id, lambda project: project.describe(text), command)


def change_instructions(services: Services, command: ChangeInstructions) -> Done:
    """Set a project's instructions."""
    text = checked_text(command.instructions, "instructions")
    return change(
        services.log, Project, command.project_id, lambda project: project.change_instructions(text), command
    )


def set_default_model(services: Services, command: SetDefaultModel) -> Done:
    """Choose a project's model."""
    model = None if command.model is None else checked_name(command.model, "model name")
    return change(
        services.log, Project, command.project_id, lambda project: project.set_default_model(model), command
    )


def set_default_options(services: Services, command: SetDefaultOptions) -> Done:
    """Choose the model's options for a project."""
    options = _checked_options(command.options)
    return change(
        services.log,
        Project,
        command.project_id,
        lambda project: project.set_default_options(options),
        command,
    )


def restore_instructions(services: Services, command: RestoreInstructions) -> Done:
    """Set a project's instructions to what they were, as a new change.

    Raises:
        NotFoundError: no instructions were set by an event of this version.
    """
    earlier = services.memory.instructions_at(command.project_id, command.version)
    if earlier is None:
        services.log.load(Project, command.project_id).must_not_be_erased()
        raise NotFoundError(
            f"Project {short(command.project_id)} has no instructions of version {command.version}. Nothing "
            "was changed.",
            hint=f"daybook project instructions {short(command.project_id)} --history",
        )
    return change(
        services.log,
        Project,
        command.project_id,
        lambda project: project.change_instructions(earlier.text),
        command,
    )


def _checked_options(options: Mapping[str, Any]) -> dict[str, Any]:
    """Return options that any answer can be asked for with, or raise `InvalidInputError`."""
    checked = checked_options(options)
    if "num_ctx" in checked:
        checked_context_length(checked["num_ctx"])
    return checked


def archive_project(services: Services, command: ArchiveProject) -> Done:
    """Put a project out of the way."""
    return change(services.log, Project, command.project_id, Project.archive, command)


def restore_project(services: Services, command: RestoreProject) -> Done:
    """Bring a project back."""
    return change(services.log, Project, command.project_id, Project.restore, command)
