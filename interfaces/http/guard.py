"""Who is let in, before anything else looks at a request: Host, then Origin, then what it shows.

A page of another site, open in the same browser, can send requests to a server on this machine (by its
address, or by a name of its own that it points here). So a foreign `Host` or `Origin` is refused, whatever
the token, and so is what a browser says comes from another site, unless it is a person who follows a link.

Invariant: behind this stand only requests with a `Principal` in their scope; the probes, the page where a
link is opened and the pages' files have none, and reach nothing but what they are for.
"""

from __future__ import annotations

import asyncio
from collections.abc import Awaitable, Callable
from typing import TYPE_CHECKING
from urllib.parse import urlsplit

from starlette.datastructures import Headers
from starlette.responses import Response
from starlette.types import ASGIApp, Receive, Scope, Send

from application import secret_text
from application.access import Principal
from application.errors import DatabaseError, NotAdmittedError, WrongTokenError
from application.scopes import READ_OR_AUDIT
from domain.errors import DaybookError
from interfaces.http import cookies
from interfaces.http.options import HttpOptions, is_loopback
from interfaces.http.peers import Peer, peer_of
from interfaces.http.problems import FOREIGN_HOST, problem
from interfaces.http.refusals import refusal
from interfaces.http.standing import Standing
from interfaces.http.tries import TooManyTriesError

if TYPE_CHECKING:
    from interfaces.http.server import Server

OPEN_PATHS = frozenset({"/healthz", "/readyz"})
SIGN_IN, STATIC = "/sign-in", "/static/"
PRINCIPAL = "daybook.principal"
PEER = "daybook.peer"
TRUSTED = "daybook.trusted"
"""On a request for an open path: looks whether whoever sent it may read, and is told more than others."""

_SAFE = frozenset({"GET", "HEAD", "OPTIONS"})
_FROM_HERE = frozenset({"same-origin", "none"})
_FROM_ELSEWHERE = "The request was sent by a page of another site. Nothing was recorded."
_PORT_DIGITS = 5
_DEFAULT_PORTS = {"http": 80, "https": 443}

Still = Callable[[], Awaitable[bool]]
"""Whether somebody who was let in may still be here."""


class Guard:
    """ASGI middleware. Probes come by address and without a token, so `OPEN_PATHS` are let through."""

    def __init__(self, app: ASGIApp, server: Server) -> None:
        self._app = app
        self._server = server
        self._origins = Origins(server.options)

    async def __call__(self, scope: Scope, receive: Receive, send: Send) -> None:
        """Let the request through, or answer it with 401, 403 or 429."""
        if scope["type"] != "http":
            await self._app(scope, receive, send)
            return
        headers = Headers(scope=scope)
        if scope["path"] in OPEN_PATHS:
            scope[TRUSTED] = lambda: self._is_trusted(scope, headers)
            await self._app(scope, receive, send)
            return
        peer = peer_of(scope, headers, self._server.options.trusted_proxies)
        scope[PEER] = self._origins.seen(peer, headers)
        refused = self._foreign(scope, headers)
        if refused is None and scope["path"] != SIGN_IN and not scope["path"].startswith(STATIC):
            try:
                scope[PRINCIPAL], still = await self._admit(scope, headers)
            except DaybookError as error:
                refused = refusal(scope, headers, error)
            else:
                if still is not None:
                    standing = Standing(receive, send, still)
                    receive, send = standing.receive, standing.send
        await (refused or self._app)(scope, receive, send)

    async def _is_trusted(self, scope: Scope, headers: Headers) -> bool:
        """Tell whether the sender of a probe would be let in, and may see how the book is."""
        peer = peer_of(scope, headers, self._server.options.trusted_proxies)
        scope[PEER] = self._origins.seen(peer, headers)
        if self._foreign(scope, headers) is not None:
            return False
        try:
            principal, _ = await self._admit(scope, headers)
        except DaybookError:
            return False
        return principal.may(READ_OR_AUDIT)

    def _foreign(self, scope: Scope, headers: Headers) -> Response | None:
        """Return the answer to a request that no page or program of ours has sent, else None."""
        host, origin = headers.get("host", ""), headers.get("origin")
        if not self._origins.knows_host(host):
            return problem(
                scope,
                403,
                "The Host header names a host that is not this server's. Nothing was recorded.",
                hint="Set DAYBOOK_ALLOWED_HOSTS (or DAYBOOK_PUBLIC_URL) to the names it is reached by.",
                kind=FOREIGN_HOST,
            )
        if origin is not None:
            foreign = not self._origins.knows_origin(origin, host)
        else:
            foreign = headers.get("sec-fetch-site", "none") not in _FROM_HERE and not (
                scope["method"] in _SAFE
                and headers.get("sec-fetch-mode") == "navigate"
                and headers.get("sec-fetch-dest", "document") == "document"
            )
        if foreign:
            return problem(
                scope, 403, _FROM_ELSEWHERE, hint="Set DAYBOOK_PUBLIC_URL to the address people open."
            )
        # A browser adds a cookie by itself, so it must say that a page of ours asks for the change.
        by_cookie = "authorization" not in headers and _cookie(scope, headers) is not None
        if by_cookie and scope["method"] not in _SAFE and origin is None and not _same_origin(headers):
            return problem(
                scope,
                403,
                "A change was asked for with a cookie, and without saying by which page. "
                "Nothing was recorded.",
                hint="Programs send a token: Authorization: Bearer TOKEN",
            )
        return None

    async def _admit(self, scope: Scope, headers: Headers) -> tuple[Principal, Still | None]:
        admission = self._server.book.admission
        shown = headers.get("authorization")
        if shown is not None:
            scheme, _, token = shown.partition(" ")
            token = token.strip()
            if scheme.lower() != "bearer" or not token:
                raise _needed("Only `Authorization: Bearer TOKEN` is taken. Nothing was recorded.")
            return await self._checked(scope, secret_text.TOKEN, token, admission.by_token)
        ended: DaybookError | None = None
        cookie = _cookie(scope, headers)
        if cookie is not None:
            try:
                return await self._by_cookie(scope, cookie)
            except (NotAdmittedError, TooManyTriesError) as error:
                ended = error
        return self._without(scope, ended), None

    async def _by_cookie(self, scope: Scope, cookie: str) -> tuple[Principal, Still | None]:
        tries = self._server.tries
        if tries.is_stale(cookie):
            raise WrongTokenError(
                "This browser's session is none of this book. Nothing was done.", hint="daybook link"
            )
        try:
            look = self._server.book.admission.by_cookie
            return await self._checked(scope, secret_text.SESSION, cookie, look)
        except WrongTokenError:
            tries.remember(cookie)
            raise

    async def _checked(
        self, scope: Scope, kind: str, shown: str, look: Callable[[str], Principal]
    ) -> tuple[Principal, Still | None]:
        """Return who came with this, and what says whether they still may be here later."""

        async def still() -> bool:
            if admission.believed(kind, shown) is not None:
                return True
            try:
                await asyncio.to_thread(look, shown)
            except NotAdmittedError:
                return False
            except DatabaseError:
                return True  # nobody can have told us otherwise; the next look comes in a second
            return True

        admission, tries = self._server.book.admission, self._server.tries
        address = scope[PEER].address
        if not admission.was_right(kind, shown):
            tries.must_be_left(address)
        principal = admission.believed(kind, shown)
        if principal is None:
            try:
                principal = await asyncio.to_thread(look, shown)
            except NotAdmittedError as error:
                if error.guess:
                    tries.was_wrong(address)
                raise
        return principal, None if principal.grant_id is None else still

    def _without(self, scope: Scope, ended: DaybookError | None) -> Principal:
        """Return this machine's own user where the server needs no token, and the request is theirs."""
        options = self._server.options
        if options.token:
            raise ended or _needed("This server wants its token with every request. Nothing was recorded.")
        if scope[PEER].proxied:
            raise ended or _needed(
                "This request came through a proxy, and this server has no token: it lets in only programs "
                "of its own machine. Nothing was recorded."
            )
        client, server = scope.get("client"), scope.get("server")
        if not client or not server or options.is_own_user(tuple(client), tuple(server)) is False:
            raise ended or _needed(
                "This server has no token and lets in only programs of the user it runs as. "
                "Nothing was recorded."
            )
        return self._server.book.admission.own_user()


class Origins:
    """Which names and pages are ours."""

    def __init__(self, options: HttpOptions) -> None:
        self._public = _origin(options.public_url)
        listed = [entry.strip().lower() for entry in options.allowed_hosts]
        self._hosts = {_split_host(entry) for entry in listed if entry}
        if options.listen.host not in {"0.0.0.0", "::"}:  # noqa: S104 - compared, not bound
            self._hosts.add((options.listen.host.lower(), None))

    def seen(self, peer: Peer, headers: Headers) -> Peer:
        """Return a peer with the scheme people use: the public address says it where no proxy may."""
        if self._public is not None and self._public[0] == "https":
            host, _ = _split_host(headers.get("host", "").strip().lower())
            if host == self._public[1] and not is_loopback(host):
                return Peer(peer.address, "https", peer.proxied)
        return peer

    def knows_host(self, header: str) -> bool:
        """Tell whether a Host header means this server."""
        host, port = _split_host(header.strip().lower())
        if is_loopback(host) or (self._public is not None and host == self._public[1]):
            return True
        return (host, None) in self._hosts or (host, port) in self._hosts

    def knows_origin(self, origin: str, host: str) -> bool:
        """Tell whether an Origin is ours: the one we are asked by, the public one, or a listed host's."""
        found = _origin(origin)
        if found is None:
            return False
        scheme, name, port = found
        if found == self._public:
            return True
        if self._public is not None and name == self._public[1] and self._public[0] == "https" != scheme:
            return False  # a page that came without encryption may be anybody's
        asked, asked_port = _split_host(host.strip().lower())
        if (name, port) == (asked, asked_port or _DEFAULT_PORTS[scheme]):
            return True
        return (name, port) in self._hosts or ((name, None) in self._hosts and port == _DEFAULT_PORTS[scheme])


def _cookie(scope: Scope, headers: Headers) -> str | None:
    return cookies.read(headers, secure=scope[PEER].scheme == "https")


def _same_origin(headers: Headers) -> bool:
    return headers.get("sec-fetch-site") == "same-origin"


def _needed(message: str) -> NotAdmittedError:
    return NotAdmittedError(message, hint="Authorization: Bearer TOKEN   (or open a link: daybook link)")


def _split_host(text: str) -> tuple[str, int | None]:
    """Return host (without brackets or final dot) and port of `host`, `host:port` or `[ipv6]:port`."""
    if text.startswith("["):
        host, _, rest = text[1:].partition("]")
        port = rest.removeprefix(":")
    else:
        host, _, port = text.partition(":")
    known = port.isascii() and port.isdigit() and len(port) <= _PORT_DIGITS
    return host.rstrip("."), int(port) if known else None


def _origin(text: str) -> tuple[str, str, int] | None:
    """Return scheme, host and port of an origin or URL, None for what is neither (`null` among them)."""
    try:
        parts = urlsplit(text.strip().lower())
        port = parts.port
    except ValueError:
        return None
    if parts.scheme not in _DEFAULT_PORTS or not parts.hostname:
        return None
    return parts.scheme, parts.hostname.rstrip("."), port or _DEFAULT_PORTS[parts.scheme]
