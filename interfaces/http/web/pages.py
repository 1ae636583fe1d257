"""`GET /` and what belongs to it: one page that asks, streams, and says how things stand.

Invariants: scripts, styles and connections come from this server alone, and the page says so to the browser;
a person never sees a problem document, but a page with the same words.
"""

from __future__ import annotations

import asyncio
import hashlib
from collections.abc import Awaitable, Callable
from functools import cache, wraps
from importlib.resources import files
from typing import Any, ParamSpec
from uuid import UUID

from fastapi import APIRouter, Request
from starlette.responses import HTMLResponse, Response

from domain.errors import DaybookError, NotFoundError
from domain.ids import short
from interfaces import viewing
from interfaces.errors import verdict
from interfaces.http.api.requests import CallerOf, ServerOf, principal_of
from interfaces.http.presenting import must_be_answer, must_not_be_erased
from interfaces.http.rendering import JsonResponse
from interfaces.http.server import Server
from interfaces.http.web import state
from interfaces.http.web.markdown import to_html
from interfaces.http.web.visitor import visitor
from interfaces.views import utc

router = APIRouter(include_in_schema=False)

P = ParamSpec("P")

CONTENT_POLICY = (
    "default-src 'none'; script-src 'self'; style-src 'self'; img-src 'self'; connect-src 'self'; "
    "form-action 'self'; base-uri 'none'; frame-ancestors 'none'"
)
_HEADERS = {
    "Content-Security-Policy": CONTENT_POLICY,
    "Referrer-Policy": "no-referrer",
    "Cross-Origin-Opener-Policy": "same-origin",
}
_MEDIA_TYPES = {"css": "text/css", "js": "text/javascript", "svg": "image/svg+xml"}
_LATELY = 12
_MESSAGES = 50


def _for_people(answer: Callable[P, Awaitable[Response]]) -> Callable[P, Awaitable[Response]]:
    """Show our errors as pages."""

    @wraps(answer)
    async def shown(*arguments: P.args, **named: P.kwargs) -> Response:
        try:
            return await answer(*arguments, **named)
        except DaybookError as error:
            found = verdict(error)
            return page("error.html", found.status, title=found.title, detail=error.message, hint=error.hint)

    return shown


@router.get("/")
@_for_people
async def front(server: ServerOf, request: Request) -> Response:
    """Show the state of things, a box that asks, and the last conversations."""
    found, who, conversations = await asyncio.gather(
        state.look(server, server.options.model),
        asyncio.to_thread(visitor, server, principal_of(request)),
        asyncio.to_thread(_lately, server),
    )
    return page(
        "page.html",
        state=found,
        visitor=who,
        conversations=conversations,
        conversation=None,
        messages=(),
    )


@router.get("/conversations/{conversation_id}")
@_for_people
async def conversation(conversation_id: UUID, server: ServerOf, request: Request) -> Response:
    """Show the last messages of a conversation, and a box that goes on with it."""
    found, who, (shown, messages) = await asyncio.gather(
        state.look(server, server.options.model),
        asyncio.to_thread(visitor, server, principal_of(request)),
        asyncio.to_thread(_conversation, server, conversation_id),
    )
    return page(
        "page.html",
        state=found,
        visitor=who,
        conversation=shown,
        messages=messages[-_MESSAGES:],
        earlier=len(messages) > _MESSAGES,
    )


@router.get("/answers/{answer_id}/html")
@_for_people
async def answer_html(answer_id: UUID, server: ServerOf) -> Response:
    """Return an ended answer's text as HTML, to stand in the place of what was streamed."""

    def find() -> str:
        size = server.book.events.size()
        message = server.book.transcript.message(answer_id, at_least=size)
        return to_html(must_be_answer(answer_id, message).text or "")

    return HTMLResponse(await asyncio.to_thread(find), headers=_HEADERS)


@router.get("/state")
async def state_now(server: ServerOf) -> Response:
    """Return the state of server, database and model."""
    return JsonResponse(await state.look(server, server.options.model))


@router.post("/pull", status_code=202)
async def pull(server: ServerOf, caller: CallerOf) -> Response:  # noqa: ARG001 - refuses while stopping
    """Begin to pull the default model; `/state` says how far it is."""
    return JsonResponse(server.pulling.begin(server.options.model), 202)


@router.get("/static/{name}")
async def static(name: str, request: Request) -> Response:
    """Return a file of the page. Its address holds its hash, so a browser may keep it."""
    known = _static_files().get(name)
    if known is None:
        raise NotFoundError(f"There is no file {name[:60]!r} here.")
    body, media_type = known
    keep = "public, max-age=31536000, immutable" if request.url.query == stamp() else "no-cache"
    return Response(body, media_type=media_type, headers={"Cache-Control": keep})


def page(template: str, status: int = 200, **values: Any) -> HTMLResponse:
    """Render a template."""
    return HTMLResponse(_templates().get_template(template).render(**values), status, _HEADERS)


@cache
def stamp() -> str:
    """Return a hash of all static files."""
    whole = hashlib.sha256()
    for name, (body, _) in sorted(_static_files().items()):
        whole.update(name.encode() + body)
    return whole.hexdigest()[:12]


@cache
def _static_files() -> dict[str, tuple[bytes, str]]:
    folder = files("interfaces.http.web") / "static"
    return {
        file.name: (file.read_bytes(), _MEDIA_TYPES[file.name.rpartition(".")[2]])
        for file in folder.iterdir()
        if file.name.rpartition(".")[2] in _MEDIA_TYPES
    }


@cache
def _templates() -> Any:
    from jinja2 import Environment, PackageLoader, StrictUndefined
    from markupsafe import Markup

    made = Environment(
        loader=PackageLoader("interfaces.http.web"),
        autoescape=True,
        undefined=StrictUndefined,
        trim_blocks=True,
        lstrip_blocks=True,
    )
    made.globals |= {
        "stamp": stamp(),
        "short": short,
        "utc": utc,
        "html": lambda text: Markup(to_html(text)),  # noqa: S704 - cleaned by nh3
        "earlier": False,
    }
    return made


def _lately(server: Server) -> list[Any]:
    try:
        size = server.book.events.size()
        found = server.book.conversations.newest(limit=_LATELY, at_least=size)
    except DaybookError:
        return []  # the strip above says what is wrong with the database
    return viewing.conversation_list(found).conversations


def _conversation(server: Server, conversation_id: UUID) -> tuple[Any, Any]:
    size = server.book.events.size()
    found = server.book.conversations.get(conversation_id, at_least=size)
    if found is None:
        raise NotFoundError(
            f"There is no conversation {short(conversation_id)} in this book.", hint="daybook list"
        )
    must_not_be_erased("Conversation", found)
    messages = server.book.transcript.branch(conversation_id, limit=_MESSAGES + 1, at_least=size)
    shown = viewing.transcript(found, messages)
    return shown, shown.messages
