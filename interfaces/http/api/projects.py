"""Projects: opening, listing, showing and changing them."""

from __future__ import annotations

from typing import Annotated
from uuid import UUID

from fastapi import APIRouter, Path, Query
from starlette.responses import Response

from application.commands import (
    ArchiveProject,
    ChangeProject,
    CreateProject,
    RestoreInstructions,
    RestoreProject,
)
from domain.errors import InvalidInputError, NotFoundError
from domain.ids import short
from interfaces import filing_views, viewing
from interfaces.filing_views import InstructionsListView, InstructionsView
from interfaces.http.api.bodies import NewProject, ProjectChanges
from interfaces.http.api.describing import CREATED, DONE, TAGGED
from interfaces.http.api.giving import give
from interfaces.http.api.past import AsOf, seen
from interfaces.http.api.requests import (
    MOST,
    AtLeast,
    CallerOf,
    EditorOf,
    IfNoneMatch,
    Limit,
    PieceOfId,
    ServerOf,
    fragment_of,
)
from interfaces.http.presenting import must_not_be_erased
from interfaces.http.rendering import JsonResponse, done, versioned
from interfaces.http.server import Server
from interfaces.views import DoneView, ProjectListView, ProjectView
from projections.projects.queries import ProjectDetails

router = APIRouter(prefix="/projects", tags=["projects"])

Version = Annotated[int, Path(ge=1, le=MOST, description="The `instructions_version` of an answer.")]


@router.post("", operation_id="createProject", status_code=201, response_model=DoneView, responses=CREATED)
def create_project(body: NewProject, server: ServerOf, caller: CallerOf) -> Response:
    """Open a project."""
    command = CreateProject(
        name=body.name,
        description=body.description,
        instructions=body.instructions,
        default_model=body.default_model,
        default_options=body.default_options,
        **caller.fields,
    )
    result = give(server, command)
    return done(result, 201, location=f"/api/v1/projects/{result.id}")


@router.get("", operation_id="listProjects", response_model=ProjectListView)
def list_projects(
    server: ServerOf,
    at_least: AtLeast,
    *,
    limit: Limit = 100,
    cursor: Annotated[UUID | None, Query(description="`next_cursor` of the page before.")] = None,
    include_archived: bool = False,
    name: Annotated[str | None, Query(min_length=1, description="Only those of exactly this name.")] = None,
    id: PieceOfId = None,  # noqa: A002 - the word of the interface
    as_of: AsOf = None,
) -> Response:
    """List projects, the oldest first."""
    shown, _ = seen(server, as_of)
    if id is not None:
        some = shown.projects.find(fragment_of(id), limit=limit, at_least=at_least)
        return JsonResponse(ProjectListView(projects=[viewing.project(one) for one in some]))
    if name is None:
        found = list(shown.projects.all(include_archived=include_archived, at_least=at_least))
    else:
        named = shown.projects.named(name, at_least=at_least)
        found = [one for one in named if include_archived or not one.archived]
    if cursor is not None:
        ids = [one.id for one in found]
        if cursor not in ids:
            raise InvalidInputError(
                "The cursor is not one that this list gave out. Begin again without a cursor."
            )
        found = found[ids.index(cursor) + 1 :]
    page = found[:limit]
    following = str(page[-1].id) if len(found) > limit else None
    view = ProjectListView(projects=[viewing.project(one) for one in page], next_cursor=following)
    return JsonResponse(view)


@router.get("/{project_id}", operation_id="getProject", response_model=ProjectView, responses=TAGGED)
def get_project(
    project_id: UUID, server: ServerOf, at_least: AtLeast, if_none_match: IfNoneMatch = None
) -> Response:
    """Show a project."""
    found = found_project(server, project_id, at_least)
    must_not_be_erased("Project", found)
    return versioned(viewing.project(found), found.version, if_none_match)


@router.patch("/{project_id}", operation_id="changeProject", response_model=DoneView, responses=DONE)
def change_project(project_id: UUID, body: ProjectChanges, server: ServerOf, editor: EditorOf) -> Response:
    """Change name, description, instructions and model of a project, together or not at all."""
    command = ChangeProject(
        project_id=project_id,
        name=body.name,
        description=body.description,
        instructions=body.instructions,
        default_model=body.default_model,
        default_options=body.default_options,
        **editor.fields,
    )
    return done(give(server, command))


@router.get(
    "/{project_id}/instructions", operation_id="listInstructions", response_model=InstructionsListView
)
def list_instructions(project_id: UUID, server: ServerOf, at_least: AtLeast) -> Response:
    """List all that a project's instructions were set to, newest first."""
    must_not_be_erased("Project", found_project(server, project_id, at_least))
    versions = server.book.projects.instructions(project_id, at_least=at_least)
    return JsonResponse(filing_views.instructions(versions))


@router.get(
    "/{project_id}/instructions/{version}",
    operation_id="getInstructions",
    response_model=InstructionsView,
)
def get_instructions(project_id: UUID, version: Version, server: ServerOf, at_least: AtLeast) -> Response:
    """Show the instructions of one version, which the provenance of answers names."""
    found = found_project(server, project_id, at_least)
    must_not_be_erased("Project", found)
    versions = server.book.projects.instructions(project_id, at_least=at_least)
    return JsonResponse(filing_views.instructions_at(found, versions, version))


@router.post(
    "/{project_id}/instructions/{version}/restore",
    operation_id="restoreInstructions",
    response_model=DoneView,
    responses=DONE,
)
def restore_instructions(project_id: UUID, version: Version, server: ServerOf, editor: EditorOf) -> Response:
    """Set the instructions to what they were at a version, as a new change."""
    return done(give(server, RestoreInstructions(project_id=project_id, version=version, **editor.fields)))


@router.post("/{project_id}/archive", operation_id="archiveProject", response_model=DoneView, responses=DONE)
def archive_project(project_id: UUID, server: ServerOf, editor: EditorOf) -> Response:
    """Put a project out of the way."""
    return done(give(server, ArchiveProject(project_id=project_id, **editor.fields)))


@router.post("/{project_id}/restore", operation_id="restoreProject", response_model=DoneView, responses=DONE)
def restore_project(project_id: UUID, server: ServerOf, editor: EditorOf) -> Response:
    """Bring an archived project back."""
    return done(give(server, RestoreProject(project_id=project_id, **editor.fields)))


def found_project(server: Server, project_id: UUID, at_least: int | None = None) -> ProjectDetails:
    """Return a project, or raise `NotFoundError`."""
    found = server.book.projects.get(project_id, at_least=at_least)
    if found is None:
        raise NotFoundError(
            f"There is no project {short(project_id)} in this book.", hint="daybook project list"
        )
    return found
