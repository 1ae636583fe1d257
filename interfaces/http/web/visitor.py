"""Who looks at a page, and what it may offer them."""

from __future__ import annotations

from dataclasses import dataclass
from datetime import datetime

from application import scopes
from application.access import WEB, Principal, held, in_words
from domain.errors import DaybookError
from interfaces.http.server import Server


@dataclass(frozen=True, kw_only=True)
class Visitor:
    """Whoever was let in, for the templates.

    `kind` is `session`, `token`, or empty without either: then it is somebody with the installation's own
    token, or a program of this machine's own user. `may` says what the scopes allow, in words.
    """

    kind: str
    name: str
    actor: str
    may: str
    expires_at: datetime | None
    may_read: bool
    may_ask: bool


def visitor(server: Server, principal: Principal) -> Visitor:
    """Return who looks. With the database away it is told without a name or an end."""
    grant = None
    if principal.grant_id is not None:
        try:
            # One's own grant is shown to everybody, whatever their scopes.
            grant = server.whole.book.access.get(principal.grant_id)
        except DaybookError:
            grant = None
    return Visitor(
        kind="" if principal.grant_id is None else "session" if principal.source == WEB else "token",
        name=grant.name if grant else "",
        actor=principal.actor,
        may="do everything"
        if principal.may(scopes.ADMIN)
        else in_words(held(principal.scopes)).replace(" ", ", ") or "do nothing",
        expires_at=grant.expires_at if grant else None,
        may_read=principal.may(scopes.READ),
        may_ask=principal.may(scopes.ASK),
    )
