"""The log itself, and what proves it. Content stays sealed but for an export that reveals it."""

from __future__ import annotations

from typing import Annotated
from uuid import UUID

from fastapi import APIRouter, Query, Request
from fastapi import Path as InPath
from starlette.responses import Response, StreamingResponse

from application import scopes
from domain.errors import InvalidInputError, NotFoundError
from domain.ids import short
from interfaces import audit_views, viewing
from interfaces.audit_views import (
    CheckpointListView,
    CheckpointView,
    EventListView,
    LogSizeView,
    PublicKeyView,
)
from interfaces.http.api.bodies import Export, OldCheckpoint, Verification
from interfaces.http.api.describing import Responses, long
from interfaces.http.api.requests import MOST, AtLeast, Cursor, Limit, Prefer, ServerOf, must_have, must_run
from interfaces.http.archive import archive
from interfaces.http.event_pages import Order, page_of_events
from interfaces.http.long_work import NOBODY_READS, AbandonedError, Report, Result, in_thread, respond
from interfaces.http.preferences import wait_of
from interfaces.http.rendering import JsonResponse
from interfaces.http.server import Server
from interfaces.record_views import EventPlaceView
from interfaces.views import EventView, VerifiedView
from projections.finding import from_cursor, to_cursor
from projections.trail.queries import Filter

router = APIRouter(prefix="/audit", tags=["audit"])

_PROOF: Responses = {
    200: {
        "description": "The proof, to be kept as it is; `daybook audit check-receipt` checks it.",
        "content": {"application/json": {"schema": {"type": "object"}}},
    }
}


@router.get("/log", operation_id="listEvents", response_model=EventListView)
def list_events(  # noqa: PLR0913, PLR0917 - one filter each
    server: ServerOf,
    limit: Limit = 50,
    cursor: Cursor = None,
    order: Annotated[Order, Query(description="Which come first.")] = "newest",
    since: Annotated[int | None, Query(ge=0, le=MOST, description="From this log index on.")] = None,
    until: Annotated[int | None, Query(ge=0, le=MOST, description="Up to before this log index.")] = None,
    type: Annotated[  # noqa: A002 - the word of the log
        str | None, Query(min_length=1, description="Of this type; `conversation.` means all that begin so.")
    ] = None,
    actor: Annotated[str | None, Query(min_length=1)] = None,
    actor_end: Annotated[
        str | None, Query(min_length=4, max_length=64, description="How the actor's id ends.")
    ] = None,
    source: Annotated[str | None, Query(min_length=1)] = None,
    stream_id: UUID | None = None,
    correlation_id: UUID | None = None,
) -> Response:
    """List events: what happened, when, by whom and through what; never what was said."""
    wanted = Filter(
        type=type,
        actor=actor,
        actor_end=actor_end,
        source=source,
        stream_id=stream_id,
        correlation_id=correlation_id,
    )
    page = page_of_events(
        server.book, wanted, order=order, since=since, until=until, limit=limit, cursor=cursor
    )
    return JsonResponse(page)


@router.get("/log/size", operation_id="getLogSize", response_model=LogSizeView)
async def get_log_size(
    server: ServerOf,
    *,
    beyond: Annotated[
        int | None,
        Query(ge=0, le=MOST, description="With `Prefer: wait=N`: as soon as the log holds more than this."),
    ] = None,
    prefer: Prefer = None,
) -> Response:
    """Say how many events the log holds; or wait for more, which is how the log is followed."""
    must_run(server)
    must_have(server, scopes.QUERIES["events"]["follow"], "events.follow")
    seconds = (wait_of(prefer) or 0) if beyond is not None else 0
    size = await server.growth.beyond(-1 if beyond is None else beyond, seconds)
    return JsonResponse(LogSizeView(log_size=size), log_size=size)


@router.get("/log/{log_index}", operation_id="getEvent", response_model=EventView)
def get_event(log_index: Annotated[int, InPath(ge=0, le=MOST)], server: ServerOf) -> Response:
    """Show one event's envelope."""
    found = server.book.events.read(log_index, 1)
    if not found or found[0].log_index != log_index:
        raise NotFoundError(f"The log holds no event {log_index}.", hint="daybook audit log")
    return JsonResponse(audit_views.with_names(server.book, found)[0])


@router.get("/place", operation_id="findEvent", response_model=EventPlaceView)
def find_event(
    server: ServerOf,
    event_id: UUID | None = None,
    conversation_id: UUID | None = None,
    message_id: UUID | None = None,
) -> Response:
    """Say where in the log an event is: by its id, or the last one that made a message what it is."""
    audit = server.book.audit
    if event_id is not None and conversation_id is None and message_id is None:
        found = audit.find_event(event_id)
    elif event_id is None and conversation_id is not None and message_id is not None:
        found = audit.find_message(conversation_id, message_id)
    else:
        raise InvalidInputError("Name one event: by event_id, or by conversation_id and message_id.")
    if found is None:
        raise NotFoundError("There is no such event in this book.", hint="daybook audit log")
    return JsonResponse(EventPlaceView(log_index=found))


@router.get("/checkpoints", operation_id="listCheckpoints", response_model=CheckpointListView)
def list_checkpoints(server: ServerOf, limit: Limit = 50, cursor: Cursor = None) -> Response:
    """List the checkpoints that were signed, the newest first."""
    before = None if cursor is None else from_cursor(cursor, int)[0]
    found = server.book.audit.checkpoints(before=before, limit=limit + 1)
    following = to_cursor(found[limit - 1].number) if len(found) > limit else None
    view = CheckpointListView(checkpoints=audit_views.stored(found[:limit]), next_cursor=following)
    return JsonResponse(view)


@router.post("/checkpoints", operation_id="makeCheckpoint", response_model=CheckpointView)
def make_checkpoint(server: ServerOf) -> Response:
    """Sign the log as it stands; where it has not grown, the last checkpoint is returned."""
    must_run(server)
    made = server.book.audit.checkpoint()
    return JsonResponse(audit_views.made(made), log_size=made.size)


@router.get("/key", operation_id="getPublicKey", response_model=PublicKeyView)
def get_public_key(server: ServerOf) -> Response:
    """Show the public key that checkpoints are checked with."""
    return JsonResponse(PublicKeyView(key=server.book.audit.key()))


@router.post(
    "/verification",
    operation_id="verifyLog",
    response_model=VerifiedView,
    responses=long("What was found; `ok` says whether all is well.", "done", VerifiedView),
)
async def verify_log(request: Request, server: ServerOf, body: Verification | None = None) -> Response:
    """Read the whole log and recompute every hash; given up when the client leaves."""
    must_run(server)
    wanted = body or Verification()

    def verify(report: Report) -> Result:
        found = server.book.audit.verify(since=wanted.since, incremental=wanted.incremental, progress=report)
        return Result(viewing.verified(found))

    return await respond(server, request, "verifyLog", in_thread(server, verify), reads=True)


@router.get("/receipt", operation_id="getReceipt", responses=_PROOF, response_model=None)
def get_receipt(
    server: ServerOf,
    at_least: AtLeast,
    log_index: Annotated[int | None, Query(ge=0, le=MOST)] = None,
    event_id: UUID | None = None,
    message_id: UUID | None = None,
) -> Response:
    """Prove one event, named by log index, event id or message id, without showing what it says."""
    index = _index_of(server, log_index, event_id, message_id, at_least)
    return Response(server.book.audit.receipt(index), media_type="application/json")


@router.post("/extension", operation_id="proveExtension", responses=_PROOF, response_model=None)
def prove_extension(body: OldCheckpoint, server: ServerOf) -> Response:
    """Prove that today's log extends a checkpoint kept earlier."""
    return Response(server.book.audit.extension(body.checkpoint), media_type="application/json")


@router.post(
    "/export",
    operation_id="exportLog",
    response_class=Response,
    responses={
        200: {
            "description": "A tar archive of what `daybook audit export` writes into a directory.",
            "content": {"application/x-tar": {"schema": {"type": "string", "format": "binary"}}},
        }
    },
)
async def export_log(request: Request, server: ServerOf, body: Export | None = None) -> Response:
    """Download the log as files: a checkpoint, tiles and entries, and the events in full."""
    must_run(server)
    try:
        made = await archive(server, request, reveal=(body or Export()).reveal)
    except AbandonedError:
        return Response(status_code=NOBODY_READS)
    return StreamingResponse(
        made,
        media_type="application/x-tar",
        headers={"Content-Disposition": 'attachment; filename="daybook-log.tar"'},
    )


def _index_of(
    server: Server,
    log_index: int | None,
    event_id: UUID | None,
    message_id: UUID | None,
    at_least: int | None,
) -> int:
    named = [one for one in (log_index, event_id, message_id) if one is not None]
    if len(named) != 1:
        raise InvalidInputError("Name one event: by log_index, event_id or message_id.")
    book = server.book
    found = log_index
    if event_id is not None:
        found = book.audit.find_event(event_id)
    elif message_id is not None:
        message = book.transcript.message(message_id, at_least=at_least)
        found = None if message is None else book.audit.find_message(message.conversation_id, message.id)
    if found is None:
        by_id = event_id or message_id
        what = str(log_index) if by_id is None else short(by_id)
        raise NotFoundError(f"There is no event {what} in this book.", hint="daybook audit log")
    return found
