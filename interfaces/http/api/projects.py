"""Projects: opening them and looking at them."""

from __future__ import annotations

from typing import Annotated
from uuid import UUID

from fastapi import APIRouter, Query
from starlette.responses import Response

from application.commands import CreateProject
from domain.errors import InvalidInputError, NotFoundError
from domain.ids import short
from interfaces import viewing
from interfaces.http.api.requests import AtLeast, CallerOf, Limit, NewProject, ServerOf
from interfaces.http.presenting import must_not_be_erased
from interfaces.http.rendering import JsonResponse, done
from interfaces.views import DoneView, ProjectListView, ProjectView

router = APIRouter(prefix="/projects", tags=["projects"])


@router.post("", operation_id="createProject", status_code=201, response_model=DoneView)
def create_project(body: NewProject, server: ServerOf, caller: CallerOf) -> Response:
    """Open a project."""
    command = CreateProject(
        name=body.name,
        description=body.description,
        instructions=body.instructions,
        default_model=body.default_model,
        **caller.fields,
    )
    result = server.book.commands.handle(command)
    return done(result, 201, location=f"/api/v1/projects/{result.id}")


@router.get("", operation_id="listProjects", response_model=ProjectListView)
def list_projects(
    server: ServerOf,
    at_least: AtLeast,
    *,
    limit: Limit = 100,
    cursor: Annotated[UUID | None, Query(description="`next_cursor` of the page before.")] = None,
    include_archived: bool = False,
) -> Response:
    """List projects, the oldest first."""
    found = list(server.book.projects.all(include_archived=include_archived, at_least=at_least))
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


@router.get("/{project_id}", operation_id="getProject", response_model=ProjectView)
def get_project(project_id: UUID, server: ServerOf, at_least: AtLeast) -> Response:
    """Show a project."""
    found = server.book.projects.get(project_id, at_least=at_least)
    if found is None:
        raise NotFoundError(
            f"There is no project {short(project_id)} in this book.", hint="daybook project list"
        )
    must_not_be_erased("Project", found)
    return JsonResponse(viewing.project(found))
