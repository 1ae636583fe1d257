"""Routines: saving, listing, showing, changing, removing and running them."""

from __future__ import annotations

from typing import Annotated
from uuid import UUID

from fastapi import APIRouter, Query, Request
from starlette.responses import Response

from application.commands import ChangeRoutine, CreateRoutine, RemoveRoutine, RunRoutine
from domain.errors import InvalidInputError, NotFoundError
from domain.ids import short
from interfaces import routine_views
from interfaces.http.api.describing import ASKED, CREATED, DONE, TAGGED
from interfaces.http.api.giving import give
from interfaces.http.api.requests import (
    AtLeast,
    CallerOf,
    EditorOf,
    IfNoneMatch,
    Limit,
    PieceOfId,
    Prefer,
    ServerOf,
    fragment_of,
)
from interfaces.http.api.routine_bodies import NewRoutine, NewRun, RoutineChanges
from interfaces.http.asking import answered
from interfaces.http.presenting import must_not_be_erased
from interfaces.http.rendering import JsonResponse, done, versioned
from interfaces.http.server import Server
from interfaces.record_views import AskedView
from interfaces.routine_views import RoutineListView, RoutineVersionListView, RoutineView
from interfaces.views import DoneView
from projections.routines.queries import RoutineDetails

router = APIRouter(prefix="/routines", tags=["routines"])


@router.post("", operation_id="createRoutine", status_code=201, response_model=DoneView, responses=CREATED)
def create_routine(body: NewRoutine, server: ServerOf, caller: CallerOf) -> Response:
    """Save a prompt under a name that no other routine has."""
    command = CreateRoutine(
        name=body.name,
        prompt=body.prompt,
        description=body.description,
        instructions=body.instructions,
        model=body.model,
        options=body.options,
        think=body.think,
        **caller.fields,
    )
    result = give(server, command)
    return done(result, 201, location=f"/api/v1/routines/{result.id}")


@router.get("", operation_id="listRoutines", response_model=RoutineListView)
def list_routines(
    server: ServerOf,
    at_least: AtLeast,
    *,
    limit: Limit = 100,
    cursor: Annotated[UUID | None, Query(description="`next_cursor` of the page before.")] = None,
    include_removed: Annotated[bool, Query(description="Removed and erased ones, too.")] = False,
    name: Annotated[
        str | None, Query(min_length=1, max_length=1000, description="Only the one of exactly this name.")
    ] = None,
    id: PieceOfId = None,  # noqa: A002 - the word of the interface
) -> Response:
    """List routines, the oldest first."""
    if id is not None:
        some = server.book.routines.find(fragment_of(id), limit=limit, at_least=at_least)
        return JsonResponse(RoutineListView(routines=[routine_views.routine(one) for one in some]))
    found = server.book.routines.all(include_removed=include_removed, at_least=at_least)
    if name is not None:
        found = tuple(one for one in found if one.name == name.strip())
    if cursor is not None:
        ids = [one.id for one in found]
        if cursor not in ids:
            raise InvalidInputError(
                "The cursor is not one that this list gave out. Begin again without a cursor."
            )
        found = found[ids.index(cursor) + 1 :]
    page = found[:limit]
    following = str(page[-1].id) if len(found) > limit else None
    return JsonResponse(
        RoutineListView(routines=[routine_views.routine(one) for one in page], next_cursor=following)
    )


@router.get("/{routine_id}", operation_id="getRoutine", response_model=RoutineView, responses=TAGGED)
def get_routine(
    routine_id: UUID, server: ServerOf, at_least: AtLeast, if_none_match: IfNoneMatch = None
) -> Response:
    """Show a routine as it is now. One that was removed is shown, and says so."""
    found = found_routine(server, routine_id, at_least)
    must_not_be_erased("Routine", found)
    return versioned(routine_views.routine(found), found.version, if_none_match)


@router.get(
    "/{routine_id}/versions", operation_id="listRoutineVersions", response_model=RoutineVersionListView
)
def list_routine_versions(routine_id: UUID, server: ServerOf, at_least: AtLeast) -> Response:
    """List all versions of a routine, the oldest first."""
    found_routine(server, routine_id, at_least)
    return JsonResponse(routine_views.versions(server.book.routines.versions(routine_id, at_least=at_least)))


@router.patch("/{routine_id}", operation_id="changeRoutine", response_model=DoneView, responses=DONE)
def change_routine(routine_id: UUID, body: RoutineChanges, server: ServerOf, editor: EditorOf) -> Response:
    """Make another version of a routine, where it says anything else than before."""
    command = ChangeRoutine(
        routine_id=routine_id,
        name=body.name,
        prompt=body.prompt,
        description=body.description,
        instructions=body.instructions,
        model=body.model,
        options=body.options,
        think=body.think,
        **editor.fields,
    )
    return done(give(server, command))


@router.delete("/{routine_id}", operation_id="removeRoutine", response_model=DoneView, responses=DONE)
def remove_routine(routine_id: UUID, server: ServerOf, editor: EditorOf) -> Response:
    """Run a routine no more. Its versions, and the conversations it was run for, stay."""
    return done(give(server, RemoveRoutine(routine_id=routine_id, **editor.fields)))


@router.post(
    "/{routine_id}/runs",
    operation_id="runRoutine",
    status_code=202,
    response_model=AskedView,
    responses=ASKED,
)
async def run_routine(
    routine_id: UUID,
    request: Request,
    server: ServerOf,
    caller: CallerOf,
    body: NewRun | None = None,
    prefer: Prefer = None,
) -> Response:
    """Open a conversation with the prompt that the routine makes of these values, and begin its answer."""
    wanted = body or NewRun()
    command = RunRoutine(
        routine_id=routine_id,
        version=wanted.version,
        input=wanted.input,
        variables=wanted.variables,
        project_id=wanted.project_id,
        model=wanted.model,
        options=wanted.options,
        think=wanted.think,
        **caller.fields,
    )
    return await answered(server, command, accept=request.headers.get("accept"), prefer=prefer)


def found_routine(server: Server, routine_id: UUID, at_least: int | None = None) -> RoutineDetails:
    """Return a routine, or raise `NotFoundError`."""
    found = server.book.routines.get(routine_id, at_least=at_least)
    if found is None:
        raise NotFoundError(
            f"There is no routine {short(routine_id)} in this book.", hint="daybook routine list"
        )
    return found
