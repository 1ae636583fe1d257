"""Replays: recorded prompts asked again by the server, behind everything that people wait for."""

from __future__ import annotations

import asyncio
from typing import Annotated
from uuid import UUID

from fastapi import APIRouter, Query
from pydantic import Field
from starlette.responses import Response

from application import scopes
from application.commands import Done
from application.ports.log import Origin
from application.replay_commands import CancelReplay, EraseReplay, StartReplay
from domain.errors import NotFoundError, RefusedError
from domain.ids import short
from interfaces import replay_views as views
from interfaces.http.api.bodies import Body, Options
from interfaces.http.api.describing import CREATED, DONE
from interfaces.http.api.giving import give
from interfaces.http.api.requests import (
    LAST,
    AtLeast,
    Caller,
    CallerOf,
    EditorOf,
    Limit,
    Named,
    ServerOf,
    fragment_of,
    must_have,
    must_run,
)
from interfaces.http.rendering import JsonResponse, done
from interfaces.http.server import Server
from interfaces.replaying.choosing import Selection, chosen
from interfaces.views import DoneView
from projections.replays.queries import ReplayDetails

router = APIRouter(prefix="/replays", tags=["replays"])

_MOST = 10_000


class ReplaySelection(Body):
    """Which recorded answers are asked for again; one of these is said."""

    conversation_id: UUID | None = Field(None, description="Those of its current branch.")
    project_id: UUID | None = Field(None, description="Those of all its conversations.")
    search: str | None = Field(None, min_length=1, description="Those that a search finds.")
    last: int | None = Field(None, ge=1, le=_MOST, description="The last so many of the book.")


class NewReplay(ReplaySelection):
    """A replay, and how the prompts are asked."""

    model: str = Field(min_length=1, max_length=200)
    instructions: str | None = Field(None, description="In place of those of then; empty: none.")
    options: Options = Field(default_factory=dict, description="Over those of each recorded answer.")
    repeat: int = Field(1, ge=1, le=100)


@router.post("", operation_id="startReplay", status_code=201, response_model=DoneView, responses=CREATED)
async def start_replay(body: NewReplay, server: ServerOf, caller: CallerOf) -> Response:
    """Ask recorded prompts again, each with the messages that were sent then; goes on without watchers."""

    def record() -> Done:
        wanted = _selection(body)
        command = StartReplay(
            answer_ids=chosen(server.book, wanted),
            model=body.model,
            instructions=body.instructions,
            options=body.options,
            repeat=body.repeat,
            chosen_by=wanted.chosen_by,
            **caller.fields,
        )
        return give(server, command)

    result = await asyncio.to_thread(record)
    _begin(server, result.id, caller)
    return done(result, 201, location=f"/api/v1/replays/{result.id}")


@router.post("/count", operation_id="countReplay", response_model=views.ReplaySelectionView)
def count_replay(body: ReplaySelection, server: ServerOf) -> Response:
    """Say how many prompts a replay would ask; nothing is recorded."""
    return JsonResponse(views.ReplaySelectionView(prompt_count=len(chosen(server.book, _selection(body)))))


@router.get("", operation_id="listReplays", response_model=views.ReplayListView)
def list_replays(
    server: ServerOf,
    at_least: AtLeast,
    *,
    limit: Limit = 50,
    cursor: Annotated[UUID | None, Query(description="`next_cursor` of the page before.")] = None,
    id: Named = None,  # noqa: A002 - the word of the interface
) -> Response:
    """List replays, the newest first."""
    replays = server.book.replays
    if id is not None and id != LAST:
        found = replays.find(fragment_of(id), limit=limit, at_least=at_least)
        return JsonResponse(views.ReplayListView(replays=_shown(server, found)))
    size = 1 if id == LAST else limit
    found = replays.newest(limit=size + 1, cursor=cursor, at_least=at_least)
    following = str(found[size - 1].id) if len(found) > size and id is None else None
    return JsonResponse(views.ReplayListView(replays=_shown(server, found[:size]), next_cursor=following))


@router.get("/{replay_id}", operation_id="getReplay", response_model=views.ReplayView)
def get_replay(replay_id: UUID, server: ServerOf, at_least: AtLeast) -> Response:
    """Show how far a replay has come, and what came of it."""
    return JsonResponse(_shown(server, (_found(server, replay_id, at_least),))[0])


@router.get("/{replay_id}/prompts", operation_id="listReplayPrompts", response_model=views.ReplayPromptsView)
def list_replay_prompts(
    replay_id: UUID,
    server: ServerOf,
    at_least: AtLeast,
    *,
    limit: Limit = 50,
    cursor: Annotated[UUID | None, Query(description="`next_cursor` of the page before.")] = None,
) -> Response:
    """List the prompts of a replay with their new answers, in order."""
    _found(server, replay_id, at_least)
    found = server.book.replays.prompts(replay_id, limit=limit + 1, cursor=cursor)
    return JsonResponse(views.prompts(found, limit=limit))


@router.post(
    "/{replay_id}/resume", operation_id="resumeReplay", status_code=202, response_model=views.ReplayView
)
async def resume_replay(replay_id: UUID, server: ServerOf, caller: CallerOf) -> Response:
    """Go on with a replay that was stopped; nothing is asked twice."""
    must_run(server)
    must_have(server, scopes.ASK, "resume")

    def look() -> views.ReplayView:
        found = _found(server, replay_id, None)
        if found.status != "open" or found.erased_at is not None:
            raise RefusedError(
                f"Replay {short(replay_id)} is {'erased' if found.erased_at else found.status}. What it has "
                "stays.",
                hint=f"daybook replay show {short(replay_id)}",
            )
        return _shown(server, (found,))[0]

    found = await asyncio.to_thread(look)
    _begin(server, replay_id, caller)
    return JsonResponse(found, 202)


@router.post("/{replay_id}/cancel", operation_id="cancelReplay", response_model=DoneView, responses=DONE)
def cancel_replay(replay_id: UUID, server: ServerOf, editor: EditorOf) -> Response:
    """Want no more of a replay, whichever process runs it; what was answered stays."""
    return done(give(server, CancelReplay(replay_id=replay_id, **editor.fields)))


@router.post("/{replay_id}/erasure", operation_id="eraseReplay", response_model=DoneView, responses=DONE)
def erase_replay(replay_id: UUID, server: ServerOf, editor: EditorOf) -> Response:
    """Destroy what a replay's answers say, for ever. The recorded answers stay."""
    return done(give(server, EraseReplay(replay_id=replay_id, **editor.fields)))


def _selection(body: ReplaySelection) -> Selection:
    return Selection(
        conversation_id=body.conversation_id, project_id=body.project_id, search=body.search, last=body.last
    )


def _begin(server: Server, replay_id: UUID, caller: Caller) -> None:
    fields = caller.fields
    origin = Origin(fields["actor"], fields["source"], fields["correlation_id"])
    server.whole.replays.begin(replay_id, origin)


def _found(server: Server, replay_id: UUID, at_least: int | None) -> ReplayDetails:
    found = server.book.replays.get(replay_id, at_least=at_least)
    if found is None:
        raise NotFoundError(
            f"There is no replay {short(replay_id)} in this book.", hint="daybook replay list"
        )
    return found


def _shown(server: Server, found: tuple[ReplayDetails, ...]) -> list[views.ReplayView]:
    running = server.book.replay_claims.running([one.id for one in found])
    return [
        views.replay(one, running=one.id in running or server.whole.replays.is_running(one.id))
        for one in found
    ]
