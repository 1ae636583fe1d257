"""Out and back: exports as they are written, and files that are taken in.

Invariants: an export is never held as a whole; a file that is sent is kept on this machine only while it is
taken in, readable by the server alone, and nobody makes the server keep one without the scope for it.
"""

from __future__ import annotations

import asyncio
import contextlib
from pathlib import Path
from typing import IO, TYPE_CHECKING, Annotated, Any
from uuid import UUID

from fastapi import APIRouter, Query, Request
from starlette.responses import Response, StreamingResponse

from application import scopes
from domain.ids import short
from interfaces.faults import DISK_FULL
from interfaces.http.api.describing import Responses, long
from interfaces.http.api.requests import ServerOf, UnkeyedCallerOf, must_have
from interfaces.http.long_work import Report, Result, in_thread, respond
from interfaces.http.problems import problem
from interfaces.porting.gathering import Chosen
from interfaces.porting.here import Form, PortingHere
from interfaces.porting.keeping import kept_file
from interfaces.porting.taking import ImportView, Wishes, take_in

if TYPE_CHECKING:
    from interfaces.http.server import Server

router = APIRouter(tags=["out and back"])

As = Annotated[
    Form,
    Query(
        alias="format",
        description="`json`: lines of JSON that can be imported again; `md`, `html`: for people.",
    ),
]

_EXPORT: Responses = {
    200: {
        "description": "The export, streamed. One of JSON that has no `end` line was cut off.",
        "content": {form.media_type.partition(";")[0]: {"schema": {"type": "string"}} for form in Form},
    }
}
_FILE: dict[str, Any] = {
    "requestBody": {
        "required": True,
        "description": "What `daybook export --format json` writes, bare or in gzip, or a `logs.db` of llm.",
        "content": {"application/octet-stream": {"schema": {"type": "string", "format": "binary"}}},
    }
}
_KEPT_BYTES = 1024 * 1024
_FULL = (
    "The server's disk has no room for the file, which is kept there while it is taken in. Nothing was "
    "imported; what was recorded before is safe."
)


@router.get(
    "/conversations/{conversation_id}/export",
    operation_id="exportConversation",
    response_class=Response,
    responses=_EXPORT,
)
def export_conversation(conversation_id: UUID, server: ServerOf, form: As = Form.JSON) -> Response:
    """Export a conversation with all its branches."""
    return _export(server, Chosen(conversation_id=conversation_id), form, short(conversation_id))


@router.get(
    "/projects/{project_id}/export",
    operation_id="exportProject",
    response_class=Response,
    responses=_EXPORT,
)
def export_project(project_id: UUID, server: ServerOf, form: As = Form.JSON) -> Response:
    """Export a project and its conversations."""
    return _export(server, Chosen(project_id=project_id), form, short(project_id))


@router.get("/export", operation_id="exportAll", response_class=Response, responses=_EXPORT)
def export_all(server: ServerOf, form: As = Form.JSON) -> Response:
    """Export all conversations and projects."""
    return _export(server, Chosen(), form, "all")


def _export(server: Server, wanted: Chosen, form: Form, name: str) -> Response:
    must_have(server, scopes.READ, "export")  # not only when the first piece is asked for
    porting = PortingHere(server.book, server.whole.book.clock)
    with porting.export(wanted, form) as pieces:
        return StreamingResponse(
            pieces,
            media_type=form.media_type,
            headers={"Content-Disposition": f'attachment; filename="daybook-{name}.{form}"'},
        )


@router.post(
    "/import",
    operation_id="importFile",
    response_model=ImportView,
    responses=long("What became of it.", "done", ImportView),
    openapi_extra=_FILE,
)
async def import_file(
    request: Request,
    server: ServerOf,
    caller: UnkeyedCallerOf,
    *,
    project_id: Annotated[UUID | None, Query(description="Put all new conversations in it.")] = None,
    dry_run: Annotated[bool, Query(description="Only say what would come of it.")] = False,
) -> Response:
    """Take conversations and projects in from a file, each whole or not at all; again adds what is new."""
    must_have(server, scopes.ADMIN, "import")
    kept = kept_file()
    try:
        await _keep(request, kept)
    except BaseException as failure:
        # Closing writes what is still in hand, which a full disk refuses once more.
        with contextlib.suppress(OSError):
            kept.close()
        if isinstance(failure, OSError) and failure.errno in DISK_FULL:
            return problem(request.scope, 507, _FULL, hint="Free some space, and send it again.")
        raise

    def take(report: Report) -> Result:
        with kept:
            wishes = Wishes(project_id=project_id, dry_run=dry_run)
            found = take_in(server.book.commands, Path(kept.name), caller.fields, wishes, report)
        return Result(found, log_size=found.log_size)

    return await respond(server, request, "importFile", in_thread(server, take), reads=False)


async def _keep(request: Request, kept: IO[bytes]) -> None:
    """Write the body down as it comes."""
    held = bytearray()
    async for piece in request.stream():
        held += piece
        if len(held) >= _KEPT_BYTES:
            await asyncio.to_thread(kept.write, bytes(held))
            held.clear()
    await asyncio.to_thread(kept.write, bytes(held))
    kept.flush()
