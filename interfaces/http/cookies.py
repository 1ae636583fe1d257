"""The cookie of a session.

`SameSite=Lax` and not `Strict`: the link is opened from a terminal or a mail, and a browser would not send
a strict cookie with the redirect that follows. What changes something is checked against its `Origin`
(`guard.py`). Cookies know no ports, so on plain http the name holds the port: two Daybooks on one machine
keep apart.
"""

from __future__ import annotations

from datetime import datetime
from email.utils import format_datetime
from http.cookies import SimpleCookie
from urllib.parse import urlsplit

from starlette.datastructures import Headers

_SECURE_NAME = "__Host-daybook"
_DEFAULT_PORT = 80


def read(headers: Headers, *, secure: bool) -> str | None:
    """Return the session's cookie, or None.

    Behind https only the one with the prefix is taken: no other site, even of the same domain, can set it.
    """
    wanted = _name(headers, secure=secure)
    for line in headers.getlist("cookie"):
        for part in line.split(";"):
            name, _, value = part.strip().partition("=")
            if name == wanted and value:
                return value
    return None


def line(headers: Headers, value: str, expires_at: datetime | None, *, secure: bool) -> str:
    """Return a `Set-Cookie` header's value; without a moment the cookie is taken away."""
    name = _name(headers, secure=secure)
    jar: SimpleCookie = SimpleCookie()
    jar[name] = value
    made = jar[name]
    made["path"] = "/"
    made["httponly"] = True
    made["samesite"] = "Lax"
    if secure:
        made["secure"] = True
    if expires_at is None:
        made["max-age"] = 0
    else:
        made["expires"] = format_datetime(expires_at, usegmt=True)
    return made.OutputString()


def _name(headers: Headers, *, secure: bool) -> str:
    if secure:
        return _SECURE_NAME
    try:
        port = urlsplit(f"//{headers.get('host', '').strip()}").port
    except ValueError:
        port = None
    return f"daybook_{port or _DEFAULT_PORT}"
