"""Who is let in: the Host, Origin and token rules, before anything else looks at a request.

A page of another site, open in the same browser, can send requests to a server on this machine (by its
address, or by a name of its own that it points here). So a foreign `Host` or `Origin` is refused, whatever
the token.
"""

from __future__ import annotations

import hashlib
import hmac
from urllib.parse import urlsplit

from starlette.datastructures import Headers
from starlette.types import ASGIApp, Receive, Scope, Send

from interfaces.http.options import HttpOptions, is_loopback
from interfaces.http.problems import FOREIGN_HOST, problem

OPEN_PATHS = frozenset({"/healthz", "/readyz"})
TRUSTED = "daybook.trusted"
"""Set on a request for an open path: whether any other path would have been open to it, too."""

_PORT_DIGITS = 5
_DEFAULT_PORTS = {"http": 80, "https": 443}


class Guard:
    """ASGI middleware. Probes come by address and without a token, so `OPEN_PATHS` are let through."""

    def __init__(self, app: ASGIApp, options: HttpOptions) -> None:
        self._app = app
        self._token = hashlib.sha256(options.token.encode()).digest() if options.token else None
        self._public = _origin(options.public_url)
        listed = [entry.strip().lower() for entry in options.allowed_hosts]
        self._hosts = {_split_host(entry) for entry in listed if entry}
        if options.listen.host not in {"0.0.0.0", "::"}:  # noqa: S104 - compared, not bound
            self._hosts.add((options.listen.host.lower(), None))

    async def __call__(self, scope: Scope, receive: Receive, send: Send) -> None:
        """Let the request through, or answer it with 401 or 403."""
        if scope["type"] != "http":
            await self._app(scope, receive, send)
            return
        headers = Headers(scope=scope)
        host, origin = headers.get("host", ""), headers.get("origin")
        if scope["path"] in OPEN_PATHS:
            known = origin is None or self.knows_origin(origin, host)
            scope[TRUSTED] = (
                known and self.knows_host(host) and self.knows_token(headers.get("authorization", ""))
            )
            await self._app(scope, receive, send)
            return
        if not self.knows_host(host):
            response = problem(
                scope,
                403,
                "The Host header names a host that is not this server's. Nothing was recorded.",
                hint="Set DAYBOOK_ALLOWED_HOSTS (or DAYBOOK_PUBLIC_URL) to the names it is reached by.",
                kind=FOREIGN_HOST,
            )
        elif origin is not None and not self.knows_origin(origin, host):
            response = problem(
                scope,
                403,
                "The request was sent by a page of another site. Nothing was recorded.",
                hint="Set DAYBOOK_PUBLIC_URL to the address people open.",
            )
        elif not self.knows_token(headers.get("authorization", "")):
            response = problem(
                scope,
                401,
                "This server wants its token with every request. Nothing was recorded.",
                hint="Authorization: Bearer TOKEN",
                headers={"WWW-Authenticate": 'Bearer realm="daybook"'},
            )
        else:
            await self._app(scope, receive, send)
            return
        await response(scope, receive, send)

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
        asked, asked_port = _split_host(host.strip().lower())
        if (name, port) == (asked, asked_port or _DEFAULT_PORTS[scheme]):
            return True
        return (name, port) in self._hosts or ((name, None) in self._hosts and port == _DEFAULT_PORTS[scheme])

    def knows_token(self, header: str) -> bool:
        """Tell whether an Authorization header carries the token; compared in constant time."""
        if self._token is None:
            return True
        scheme, _, given = header.partition(" ")
        digest = hashlib.sha256(given.strip().encode("utf-8", "surrogateescape")).digest()
        return hmac.compare_digest(digest, self._token) and scheme.lower() == "bearer"


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
