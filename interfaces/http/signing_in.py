"""Signing a browser in by a one-time link, and out again.

The answer to the link is a redirect, so that its code stays in no address bar; it goes to no other site as a
referrer, and a browser that only fetches ahead does not use it up.
"""

from __future__ import annotations

import asyncio
from typing import Annotated

from fastapi import APIRouter, Query, Request
from starlette.responses import Response

from application.commands import Done
from application.errors import NotAdmittedError, UsedLinkError
from domain.errors import DaybookError, RefusedError
from interfaces.http import cookies
from interfaces.http.api.requests import principal_of
from interfaces.http.guard import PEER, SIGN_IN
from interfaces.http.problems import CORRELATION
from interfaces.http.refusals import refusal
from interfaces.http.rendering import LOG_SIZE_HEADER
from interfaces.http.server import Server

router = APIRouter(include_in_schema=False)

_NO_REFERRER = {"Referrer-Policy": "no-referrer"}


@router.get(SIGN_IN)
async def sign_in(request: Request, code: Annotated[str, Query(min_length=1, max_length=200)]) -> Response:
    """Begin a link's session: set its cookie and go to the first page."""
    try:
        return await _signed_in(request, code)
    except DaybookError as error:
        return refusal(request.scope, request.headers, error)


async def _signed_in(request: Request, code: str) -> Response:
    server: Server = request.app.state.server
    if "prefetch" in request.headers.get("sec-purpose", request.headers.get("purpose", "")):
        raise RefusedError("A link is opened by a person, not ahead of one. Nobody was signed in.")
    peer = request.scope[PEER]
    server.tries.must_be_left(peer.address)
    admission, secure = server.book.admission, peer.scheme == "https"
    try:
        signed_in = await asyncio.to_thread(admission.sign_in, code.strip(), request.scope[CORRELATION])
    except NotAdmittedError as error:
        if error.guess:
            server.tries.was_wrong(peer.address)
        mine = cookies.read(request.headers, secure=secure)
        if mine is None or not isinstance(error, UsedLinkError):
            raise
        await asyncio.to_thread(admission.by_cookie, mine)  # a page that is loaded again is no stranger
        return Response(status_code=303, headers={"Location": "/", **_NO_REFERRER})
    line = cookies.line(request.headers, signed_in.cookie, signed_in.expires_at, secure=secure)
    return Response(status_code=303, headers={"Location": "/", "Set-Cookie": line, **_NO_REFERRER})


@router.post("/sign-out")
async def sign_out(request: Request) -> Response:
    """End the session of this browser, and take its cookie away."""
    ended, gone = await asyncio.to_thread(signed_out, request)
    return Response(status_code=204, headers={"Set-Cookie": gone, LOG_SIZE_HEADER: str(ended.log_size)})


def signed_out(request: Request) -> tuple[Done, str]:
    """End the session a request came with; return that, and the header that takes the cookie away.

    Raises:
        RefusedError: it came with none.
    """
    server: Server = request.app.state.server
    ended = server.book.admission.sign_out(principal_of(request), request.scope[CORRELATION])
    return ended, cookies.line(request.headers, "", None, secure=request.scope[PEER].scheme == "https")
