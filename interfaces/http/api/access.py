"""Letting programs and browsers in and out.

Invariant: a secret is in the answer to the request that made it, and in no other: the same request under the
same idempotency key again gets 200 in place of 201, and no secret.
"""

from __future__ import annotations

from collections.abc import Sequence
from datetime import datetime, timedelta
from typing import Annotated
from uuid import UUID

from fastapi import APIRouter, Query, Request
from starlette.responses import Response

from application.commands import CreateToken, EndSession, OfferSession, RevokeToken
from domain.errors import InvalidInputError, NotFoundError
from domain.ids import short
from interfaces import access_views
from interfaces.access_views import GrantListView, GrantView, LinkView, NewTokenView, SessionListView
from interfaces.http.api.bodies import NewLink, NewToken
from interfaces.http.api.describing import DONE, LINKED, TAGGED_ONLY, TOKEN_MADE
from interfaces.http.api.giving import give
from interfaces.http.api.requests import AtLeast, CallerOf, EditorOf, Limit, ServerOf
from interfaces.http.guard import PEER
from interfaces.http.rendering import JsonResponse, done
from interfaces.http.server import Server
from interfaces.http.signing_in import signed_out
from interfaces.token_names import must_be_free
from interfaces.views import DoneView
from projections.access.queries import Grant

router = APIRouter(tags=["access"])

_SESSION_DAYS = 30

GrantCursor = Annotated[UUID | None, Query(description="`next_cursor` of the page before.")]
Ended = Annotated[bool, Query(description="Also what was revoked, has expired or has ended.")]


@router.post(
    "/tokens",
    operation_id="createToken",
    status_code=201,
    response_model=NewTokenView,
    responses=TOKEN_MADE,
)
def create_token(body: NewToken, server: ServerOf, caller: CallerOf) -> Response:
    """Make a token for a program. It is in this answer and nowhere else."""
    book, now = server.book, server.whole.book.clock.now()
    command = CreateToken(
        name=body.name,
        scopes=tuple(body.scopes),
        expires_at=body.expires_at,
        **caller.fields,
    )
    with server.once(command):
        made = book.commands.made_before(command)
        if made is None:
            _must_come(body.expires_at, now)
            must_be_free(book, body.name, now)
            made = book.commands.make(command)
    view = access_views.new_token(made, _found(server, made.id, "token", made.log_size))
    return JsonResponse(
        view, 200 if view.replayed else 201, log_size=made.log_size, location=f"/api/v1/tokens/{made.id}"
    )


@router.get("/tokens", operation_id="listTokens", response_model=GrantListView)
def list_tokens(
    server: ServerOf,
    at_least: AtLeast,
    *,
    limit: Limit = 100,
    cursor: GrantCursor = None,
    include_ended: Ended = False,
    name: Annotated[str | None, Query(min_length=1, description="Only those of exactly this name.")] = None,
) -> Response:
    """List tokens, the oldest first; never their secrets."""
    found = [one for one in server.book.access.all(at_least=at_least) if one.kind == "token"]
    if name is not None:
        found = [one for one in found if one.name == " ".join(name.split())]
    page, following = _page(server, found, limit, cursor, include_ended=include_ended)
    return JsonResponse(GrantListView(tokens=page, next_cursor=following))


@router.get("/tokens/{token_id}", operation_id="getToken", response_model=GrantView, responses=TAGGED_ONLY)
def get_token(token_id: UUID, server: ServerOf, at_least: AtLeast) -> Response:
    """Show a token, and when it was last used; never its secret."""
    return _shown(server, _found(server, token_id, "token", at_least))


@router.post("/tokens/{token_id}/revoke", operation_id="revokeToken", response_model=DoneView, responses=DONE)
def revoke_token(token_id: UUID, server: ServerOf, editor: EditorOf) -> Response:
    """Let a token in no more, within a second, in every process; revoked before is fine."""
    _found(server, token_id, "token", None)
    return done(give(server, RevokeToken(token_id=token_id, **editor.fields)))


@router.post("/links", operation_id="makeLink", status_code=201, response_model=LinkView, responses=LINKED)
def make_link(request: Request, server: ServerOf, caller: CallerOf, body: NewLink | None = None) -> Response:
    """Make a link that signs one browser in, once, as whoever makes it. Asked twice, it makes two."""
    wanted, now = body or NewLink(), server.whole.book.clock.now()
    _must_come(wanted.session_expires_at, now)
    command = OfferSession(
        scopes=tuple(wanted.scopes),
        link_expires_at=now + timedelta(minutes=wanted.minutes),
        expires_at=wanted.session_expires_at or now + timedelta(days=_SESSION_DAYS),
        # No key: the link of an answer that was lost is opened by nobody and soon too old; another is made.
        **{**caller.fields, "idempotency_key": None},
    )
    made = server.book.commands.make(command)
    address = server.options.public_url.rstrip("/") or (
        f"{request.scope[PEER].scheme}://{request.headers.get('host', '').strip()}"
    )
    view = access_views.link(made, command, address)
    return JsonResponse(view, 201, log_size=made.log_size, location=f"/api/v1/sessions/{made.id}")


@router.get("/sessions", operation_id="listSessions", response_model=SessionListView)
def list_sessions(
    server: ServerOf,
    at_least: AtLeast,
    *,
    limit: Limit = 100,
    cursor: GrantCursor = None,
    include_ended: Ended = False,
) -> Response:
    """List browsers that were signed in, and links that were not opened, the oldest first."""
    found = [one for one in server.book.access.all(at_least=at_least) if one.kind == "session"]
    page, following = _page(server, found, limit, cursor, include_ended=include_ended)
    return JsonResponse(SessionListView(sessions=page, next_cursor=following))


@router.post("/sessions/current/end", operation_id="endOwnSession", response_model=DoneView, responses=DONE)
def end_own_session(request: Request) -> Response:
    """Sign this browser out: end the session the request came with, and take its cookie away."""
    ended, gone = signed_out(request)
    response = done(ended)
    response.headers["Set-Cookie"] = gone
    return response


@router.get(
    "/sessions/{session_id}", operation_id="getSession", response_model=GrantView, responses=TAGGED_ONLY
)
def get_session(session_id: UUID, server: ServerOf, at_least: AtLeast) -> Response:
    """Show a session, or the link it would begin with."""
    return _shown(server, _found(server, session_id, "session", at_least))


@router.post("/sessions/{session_id}/end", operation_id="endSession", response_model=DoneView, responses=DONE)
def end_session(session_id: UUID, server: ServerOf, editor: EditorOf) -> Response:
    """End a session, or a link before it is opened; ended before is fine."""
    _found(server, session_id, "session", None)
    return done(give(server, EndSession(session_id=session_id, **editor.fields)))


def _found(server: Server, grant_id: UUID, kind: str, at_least: int | None) -> Grant:
    """Return a token or session, also one that has just been made elsewhere."""
    found = server.book.access.get(grant_id, at_least=at_least)
    if found is None:
        found = server.book.access.get(grant_id, at_least=server.book.events.size())
    if found is None or found.kind != kind:
        raise NotFoundError(
            f"There is no {kind} {short(grant_id)} in this book. Nothing was changed.",
            hint="daybook token list --all",
        )
    return found


def _shown(server: Server, found: Grant) -> Response:
    view = access_views.grant(found, server.whole.book.clock.now())
    # No 304: when it was last used changes without an event.
    return JsonResponse(view, version=found.version)


def _page(
    server: Server, found: Sequence[Grant], limit: int, cursor: UUID | None, *, include_ended: bool
) -> tuple[list[GrantView], str | None]:
    """Return a page, and the cursor of the next one. A cursor holds, though its own line may have ended."""
    now = server.whole.book.clock.now()
    start = 0
    if cursor is not None:
        ids = [one.id for one in found]
        if cursor not in ids:
            raise InvalidInputError(
                "The cursor is not one that this list gave out. Begin again without a cursor."
            )
        start = ids.index(cursor) + 1
    left = [one for one in found[start:] if include_ended or one.state(now) in {"live", "link"}]
    page = left[:limit]
    following = str(page[-1].id) if len(left) > limit else None
    return [access_views.grant(one, now) for one in page], following


def _must_come(moment: datetime | None, now: datetime) -> None:
    if moment is not None and moment <= now:
        raise InvalidInputError(f"{moment.isoformat()} has passed. Nothing was made.")
